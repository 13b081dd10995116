"""Sentences of a document that tell whoever writes an answer what to write: they are no statement to cite.

A model that obeys one writes words that stand in the document, so that the check of support alone would pass
them. What a document tells of orders that others were given is a statement like any other. An order to use an
address is none, also where it is meant for people: what a model makes of it, "the update is at evil.test", is
borne by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.writing.planted.contacts import has_contact
from rag.writing.planted.imperatives import as_told, asks_reader, orders_in

_WRITER = r"(?:ais?|llms?|chatgpt|assistants?|chatbots?|bots?|(?:language |ai )?models?|summari[sz]ers?)"
_ANSWER = r"(?:answers?|responses?|repl(?:y|ies)|outputs?|summar(?:y|ies))"
_THIS = r"(?:this|these|the (?:above|following|present))"
_TEXT = rf"{_THIS} (?:\w+ )?(?:text|article|page|document|passage|source|content|question)s?"
_USER = (
    r"(?:the |any |all )*(?:users?\b(?! (?:name|manual|guide)s?\b)|readers?|whoever"
    r"|(?:anyone|everyone|person|people) (?:who|asking))"
)
_MUST = (
    r"(?:must|should|shall|ha(?:s|ve) to|needs? to|ought to|(?:is|are) (?:\w+ )?to)"
    r"(?: (?:\w+ly|always|also|not|never))?"
)
_CLAIM = (
    r"(?:say|state|write|claim|mention|assert|declare|conclude|insist|pretend|reply|respond|answer|repeat"
    r"|reveal)"
)
_SAY = (
    rf"(?:{_CLAIM}|tell|inform|name|include|contain|add|cite|quote|recommend|describe|call|begin|start|end|point"
    r"|link|refer|explain|deny|warn|give|treat|present|leave out|omit)"
)
_ASKED = (
    r"(?:when|whenever|if)\b[^.;:!?]{0,60}\b(?:(?:users?|readers?|you|anyone|someone|people) (?:is |are )?"
    r"ask\w*|asks?(?:ed)? (?:about|for information|who|what|when|where|why|how|which|whether)|you write"
    r"|(?:answer|respond|reply|summari[sz])\w*)"
)
_TO_WRITER = [
    # "In your answer": but what a player or a reader writes down or sends in is theirs.
    rf"\b(?<!send )(?<!submit )(?<!mark )your (?:[\w-]+ ){{0,2}}{_ANSWER}\b(?! (?:on|down|under|below)\b)",
    r"\b(?:base your answer|in your messages?)\b",
    rf"\b(?:in|into|to|of|begin|start|end|close) (?:every|each|any|all) (?:\w+ )?{_ANSWER}\b",
    # "Whoever summarises this should say", "every answer must contain".
    rf"\b(?:(?:reads?|reading|summari[sz]\w+) {_THIS}|(?:\w+s|\w+ing) (?:on )?{_TEXT}|readers? of {_TEXT}"
    r"|(?:whoever|(?:anyone|everyone|those) who) (?:answers?|writes?|repl\w+|responds?|summari\w+)"
    rf"|(?:every|any|all|each) (?:\w+ )?{_ANSWER}"
    rf"|{_ANSWER} (?:to|about|on|from) (?:this|any|every|all|questions))\b[^.!?]{{0,80}}\b{_MUST} {_SAY}\b",
    # "Note to language models: ...", "Dear assistant, ...".
    r"\b(?:note|message|attention|instructions?|notice|memo|reminder)(?: (?:to|for|of))?"
    rf"(?: (?:the|any|all|every))* (?:\w+ )?{_WRITER}\b[^.:!?]{{0,40}}:",
    # "You are now an assistant of the bank", "as an AI you".
    rf"\byou are (?:now |no longer )*an? [^.!?]{{0,60}}\b{_WRITER}\b|\bfrom now on,? you\b",
    rf"\b(?:as|if you are) an? (?:\w+ )?{_WRITER},? (?:\w+ )?(?:you|always|never|please|{_SAY})\b",
    # "When asked about the bank, reply".
    rf"\b{_ASKED}\b[^.;!?]{{0,120}}[,:] (?:the {_ANSWER} {_MUST}|(?:(?:please|then|always|just|simply"
    rf"|only|never|do|not|don't|you (?:must|should|have to|are to|will)) )*{_SAY})\b",
    r"\bdeine[rmn]? antwort\w*|\b(?:ignoriere?|ignorieren sie|vergiss)\b[^.!?]{0,40}\banweisung\w*",
]
"""How whoever writes is spoken to, or of."""
_WRITES = [
    rf"{_CLAIM}(?: to {_USER})?(?: \w+)? that\b",
    rf".*\bthe users?\b(?! (?:name|manual|guide)s?\b)|\w+ {_USER}\b",
    r"tell (?:them|everyone|everybody|people|him|her) that\b",
    r"(?:reply|respond)(?: only| always| exactly| just)? (?:with|in|as|only|by|to (?:every|any|all))\b",
    r"(?:ignore|disregard|forget|override|bypass|discard)\b.{0,40}\b(?:instructions?|prompts?|guidelines?|(?:what"
    r"|everything) (?:you|above|before)|(?:the|this) question|other (?:passages|sources|articles|documents)"
    r"|above|previous|prior|earlier|preceding)\b",
    r"mention\b",
    rf"(?:summari[sz]e|translate|paraphrase|rephrase) {_THIS}\b",
]
"""What only whoever writes an answer can be ordered to do, from the verb on."""
_ADDRESS = re.compile("|".join(_TO_WRITER), re.IGNORECASE)
_ORDER = re.compile(rf"(?:to )?(?:\w{{1,20}}ly )?(?:{'|'.join(_WRITES)})")
_TASK = re.compile(
    r"(?:please,? )?(?:explain|describe|compose|provide|replace|rearrange|render|translate|summari[sz]e"
    r"|generate|convert|integrate|insert|append|embed|introduce|remove|swap|reverse|encode) \w",
    re.IGNORECASE,
)


def is_instruction(text: str) -> bool:
    """Whether a sentence tells whoever writes an answer what to write.

    What it quotes, and what it says that others were told, addresses nobody who reads it.
    """
    told = as_told(text)
    return bool(_ADDRESS.search(told)) or any(_ORDER.match(order) for order in orders_in(told))


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
    """Return for each sentence of a passage whether it is an instruction."""
    return [is_instruction(sentence) or _sends_somewhere(sentence) for sentence in sentences]
