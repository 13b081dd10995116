"""Units and currencies: how they are written, what they measure, and how much of it."""

from __future__ import annotations

CURRENCY_SIGNS = "$€£¥₺"
_CURRENCY_FORMS = (
    *("dollar $ us$ usd", "euro € eur", "pound £ gbp", "yen ¥", "lira ₺", "rouble ruble"),
    *("franc", "crown", "rupee", "yuan", "cent"),
)
CURRENCIES = {form: group.split()[0] for group in _CURRENCY_FORMS for form in group.split()}

UNIT_SIGNS = {
    "km": ("length", 1e3), "m": ("length", 1.0), "cm": ("length", 0.01), "mm": ("length", 1e-3),
    "ft": ("length", 0.3048), "kg": ("mass", 1.0), "g": ("mass", 1e-3), "mg": ("mass", 1e-6),
    "lb": ("mass", 0.45359), "ha": ("square length", 1e4), "h": ("time", 1 / 24),
    "km/h": ("speed", 24e3), "m/s": ("speed", 86400.0), "mph": ("speed", 38624.256),
    "kb": ("data", 1e3), "mb": ("data", 1e6), "gb": ("data", 1e9), "tb": ("data", 1e12),
    "kw": ("power", 1e3), "mw": ("power", 1e6), "gw": ("power", 1e9),
    "°c": ("celsius", 1.0), "°f": ("fahrenheit", 1.0),
}  # fmt: skip
"""Units by their signs, which stand right behind a number: dimension and size, of time in days."""
_UNIT_WORDS = {
    "kilometre": ("length", 1e3), "kilometer": ("length", 1e3), "metre": ("length", 1.0),
    "meter": ("length", 1.0), "centimetre": ("length", 0.01), "centimeter": ("length", 0.01),
    "mile": ("length", 1609.344), "foot": ("length", 0.3048), "feet": ("length", 0.3048),
    "yard": ("length", 0.9144), "inch": ("length", 0.0254), "hectare": ("square length", 1e4),
    "acre": ("square length", 4046.86), "kilogram": ("mass", 1.0), "gram": ("mass", 1e-3),
    "tonne": ("mass", 1e3), "ton": ("mass", 1e3), "ounce": ("mass", 0.02835),
    "century": ("time", 36525.0), "centuries": ("time", 36525.0), "decade": ("time", 3652.5),
    "year": ("time", 365.25), "month": ("time", 30.4375), "week": ("time", 7.0), "day": ("time", 1.0),
    "hour": ("time", 1 / 24), "minute": ("time", 1 / 1440), "second": ("time", 1 / 86400),
    "knot": ("speed", 44448.0), "mach": ("speed", 29400e3), "gigabyte": ("data", 1e9),
    "megabyte": ("data", 1e6), "kilowatt": ("power", 1e3), "megawatt": ("power", 1e6),
    "gigawatt": ("power", 1e9), "celsius": ("celsius", 1.0), "fahrenheit": ("fahrenheit", 1.0),
    "percent": ("percent", 1.0),
}  # fmt: skip
_UNITS = {form: (currency, 1.0) for form, currency in CURRENCIES.items()} | UNIT_SIGNS | _UNIT_WORDS


def unit_of(word: str) -> tuple[str, float] | None:
    """Return what a unit or currency in lower case measures, with its size; None for any other word."""
    singulars = (word, word.removesuffix("s"), word.removesuffix("es")) if len(word) > 2 else (word,)
    return next((_UNITS[form] for form in singulars if form in _UNITS), None)


def written(*dimensions: str) -> str:
    """Return a pattern of what is measured, in lower case: signs behind a number, words anywhere."""
    signs, words = (
        "|".join(form for form, (dimension, _) in units.items() if dimension in dimensions)
        for units in (UNIT_SIGNS, _UNIT_WORDS)
    )
    return rf"\d ?(?:{signs})s?\b|\b(?:{words})(?:e?s)?\b"


MONEY = rf"[{CURRENCY_SIGNS}]|\b(?:{'|'.join(filter(str.isalpha, CURRENCIES))})s?\b"
"""A pattern of what is money, in lower case."""
