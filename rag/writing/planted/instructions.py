"""Sentences of a document that tell its reader, or a model, what to write: they are no statement to cite.

A model that obeys one writes words that stand in the document, so that the check of support alone would pass
them. An order to use an address is one of them, also where it is meant for people: what a model makes of it,
"the update is at evil.test", is borne by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.writing.planted.contacts import has_contact
from rag.writing.planted.orders import asks_reader

_MOST_QUOTED = 4
"""Sentences within quotation marks that are looked at as one: a mark may never be closed."""
_GOES_ON = re.compile(r"://|\bwww\.|\w@\w|!|\.(?:com|org|net|xyz|info|io)\b", re.IGNORECASE)
_TO_A_MODEL = re.compile(
    r"\byour (?:\w+ )?(?:answers?|responses?|reply|replies|outputs?|messages?|completion)\b"
    r"|\b(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,40}\b(?:instructions?|prompts?|rules?|above|previous"
    r"|prior|everything|guidelines?)\b"
    r"|\bnew instructions?\b|\bas an ai (?:language model|assistant)\b"
    r"|\byou (?:are now|must now|will now|are an?\b[^.]{0,200}assistant)"
    r"|\bwhen (?:you )?(?:answer|respond|reply|summari[sz])\w*\b"
    r"|\b(?:note|message|attention|instructions?) (?:to|for) (?:the |any |all )?"
    r"(?:ai|llm|model|assistant|chatbot)s?\b"
    r"|\b(?:ai|llm|language model|assistant|chatbot)s?\b[^.!?]{0,30}\b(?:reading|reads?|must|should|shall)\b"
    r"|\bif you are an? (?:ai|llm|language model|assistant|chatbot)\b"
    r"|\b(?:instead|only) (?:answer|reply|respond|write|say|output)\b"
    r"|\bdeine?[rmn]? antwort\w*|\bignorier\w+\b[^.!?]{0,40}\banweisung\w*|\byanıtın\w*|\bcevabın\w*",
    re.IGNORECASE,
)
_SPEAKS = re.compile(
    r"(?:^|[>\]}]|\b(?:system|assistant|instructions?|important|attention|note) ?:)"
    r"[\s\"'“‘(*-]*(?:(?:please|now|then|also|always|finally|instead|bitte|lütfen),? )?"
    r"(?:(?:write|say|reply|respond|ignore|forget|translate|append|insert|mention that|schreibe?|antworte"
    r"|tell (?:them|the users?|users?|readers?|everyone))\b(?!['’])"
    # These begin ordinary sentences too: "Output fell", "Print media", "Disregard for the rules".
    r"|(?:answer|output|print|repeat|disregard)\b"
    r"(?::| (?:with|in|only|the|this|that|all|any|as|out|after|exactly|every|everything|previous)\b))",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"(?:please,? )?(?:explain|describe|compose|provide|replace|rearrange|render|translate|summari[sz]e"
    r"|generate|convert|integrate|insert|append|embed|introduce|remove|swap|reverse|encode) \w",
    re.IGNORECASE,
)


def is_instruction(text: str) -> bool:
    """Whether a sentence tells a reader or a model what to write, rather than anything that is so."""
    return bool(_SPEAKS.search(text) or _TO_A_MODEL.search(text))


def is_task(text: str) -> bool:
    """Whether a written sentence gives a task as a model is given: it may repeat what it was told itself."""
    return bool(_TASK.match(text))


def _sends_somewhere(text: str) -> bool:
    """Whether a sentence tells its reader to use an address, a number or a code."""
    return has_contact(text) and asks_reader(text)


def is_shouted(text: str) -> bool:
    """Whether a sentence is in capitals throughout, as no model writes unless it was told to."""
    letters = [character for character in text if character.isalpha()]
    return len(letters) > 20 and sum(map(str.isupper, letters)) > 0.8 * len(letters)


def instructions_in(sentences: Sequence[str]) -> list[bool]:
    """Return for each sentence of a passage whether it belongs to an instruction.

    What is quoted belongs to the sentence that quotes it, an address or a cry to the instruction before it.
    """
    found, open_since = [False] * len(sentences), 0
    quoted = ""
    for place, sentence in enumerate(sentences):
        quoted += f" {sentence}"
        is_open = quoted.count('"') % 2 == 1 or quoted.count("“") > quoted.count("”")
        if is_open and place + 1 < len(sentences) and place - open_since < _MOST_QUOTED:
            continue
        goes_on = open_since > 0 and found[open_since - 1] and bool(_GOES_ON.search(quoted))
        if goes_on or is_instruction(quoted.strip()) or _sends_somewhere(quoted.strip()):
            found[open_since : place + 1] = [True] * (place + 1 - open_since)
        open_since, quoted = place + 1, ""
    return found
