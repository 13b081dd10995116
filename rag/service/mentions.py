"""Words of a question that stand nowhere in what was found for it, as a sentence for the reader."""

from __future__ import annotations

import re

from rag.answers import Answer
from rag.question.followups import ENGLISH_STARTS
from rag.text.names import CAPITAL, names_and_numbers
from rag.text.words import fold, stem, stems, words

_WORDS_NAMED = 5
# "Turk" stands for Türkiye, Turkey and Turkish, "Gree" for Greece and Greek.
_ROOT_LETTERS = 4
_TELL_NOTHING = frozenset(
    "long old far large big tall high deep fast often wide heavy soon want go get got make made take took use"
    " used happen happened mean work need come came written kind sort lot really exactly ever".split()
)
"""Words that say how something is asked; that a passage lacks them tells no reader anything."""
_NAME = re.compile(rf"(?<!^)\b{CAPITAL}[^\W\d_]{{2,}}")


def unmentioned(answer: Answer) -> str:
    """Return which words of a question are in none of the passages found, as one sentence.

    The words of a time or source that was preferred are left out: they stand beside the articles, not
    in them.
    """
    idle = _TELL_NOTHING.union(words(answer.preferring))
    named = _either([word for word in answer.missing if fold(word) not in idle])
    return f"None of the closest passages mentions {named}." if named else ""


def unsaid(answer: Answer, shown: str) -> str:
    """Return which names of an English question stand nowhere in its sources, as one sentence.

    A quote that fits a question in all but a name is the likeliest to mislead. Of the right answers on half
    of XQuAD (en) 2 % lack one; of the samples' answers on countries that they say nothing of, most do.

    Parameters
    ----------
    answer
        An answer that has quotes.
    shown
        Titles, quotes and the sentences around them.
    """
    question = answer.question.strip()
    if fold(question.split(" ")[0]) not in ENGLISH_STARTS:
        return ""  # German nouns have capitals too
    idle = set(words(" ".join([answer.preferring, *answer.not_found])))
    held = {one[:_ROOT_LETTERS] for one in stems(shown)}
    lacked = {one for one in names_and_numbers(question) if one[:_ROOT_LETTERS] not in held}
    told: list[str] = []
    end = 0
    for name in _NAME.finditer(question):
        if stem(name[0]) in lacked and fold(name[0]) not in idle:
            if told and question[end : name.start()] == " ":
                told[-1] += f" {name[0]}"
            else:
                told.append(name[0])
            end = name.end()
    named = _either(list(dict.fromkeys(told)))
    return f"None of these quotes mentions {named}: they may be about something else." if named else ""


def _either(names: list[str]) -> str:
    """Return "“a”, “b” or “c”"; nothing for no names."""
    *others, last = [f"“{name}”" for name in names[:_WORDS_NAMED]] or [""]
    return f"{', '.join(others)} or {last}" if others else last
