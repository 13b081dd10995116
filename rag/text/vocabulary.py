"""Words that several rooms count by: days, months and numbers."""

from __future__ import annotations

MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
GERMAN_MONTHS = (
    *("januar", "februar", "märz", "april", "mai", "juni", "juli"),
    *("august", "september", "oktober", "november", "dezember"),
)
TURKISH_MONTHS = (
    *("ocak", "şubat", "mart", "nisan", "mayıs", "haziran", "temmuz"),
    *("ağustos", "eylül", "ekim", "kasım", "aralık"),
)
SHORT_MONTHS = tuple("jan feb mar apr jun jul aug sep sept oct nov dec".split())
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ONES = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
LARGE = ("hundred", "thousand", "million", "billion", "trillion")
NUMBER_WORDS = (*ONES, *TENS, *LARGE)
RANKS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth"),
    *("eighteenth", "nineteenth", "twentieth"),
)
