"""Written sentences checked against the passages that a model was given, and their footnotes.

A sentence is shown only if passages bear it, and its footnotes go to just the sentences that do.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rag.answers import NO_ANSWER, Citation, KeptOut, LeftOut, ListPart, Sentence
from rag.embedding.local import Embedder
from rag.quoting.citing import Quote, cite
from rag.search.finding import Found
from rag.store.stored_passage import StoredPassage
from rag.support.check import Support, bearing, check_support
from rag.text.splitting import LEANING
from rag.text.words import content_words, stem, stems
from rag.writing.additions import fault_in_addition
from rag.writing.closeness import Closeness, closeness, tell_of
from rag.writing.planted.imperatives import is_unasked
from rag.writing.planted.instructions import instructions_in, is_instruction, is_shouted, is_task
from rag.writing.refusals import is_refusal, is_unsaid
from rag.writing.sentences import Draft, Lead, is_fragment, is_said

_TOO_LONG = "It is too long for a sentence."
_REPEATS = "It repeats the question."
_ASKS = "It asks instead of saying what is so."
_LEANS = "It leans on a sentence that was left out, or is from another article."
_INSTRUCTION = "It tells a reader what to do instead of saying what is so."
_FAR = "The sources say something like it, and not near enough to this."
_NOT_BORNE = "No passage says this."
_ABOUT_SOURCES = "No passage says this: it is about the sources or the model."


@dataclass(frozen=True, slots=True)
class Numbered:
    """A passage as a model is given it.

    Where a table goes on, its header stands before the passage's own text: what starts in the document at
    ``n`` does so here at ``n + shift``. ``checked`` is the same text with spaces in the place of what tells a
    reader what to write, ``kept_out``: no sentence is borne by that.
    """

    stored: StoredPassage
    text: str
    shift: int
    checked: str
    kept_out: tuple[KeptOut, ...] = ()

    @classmethod
    def of(cls, stored: StoredPassage) -> Numbered:
        """Return a passage with the header of the table that it goes on with."""
        header, document = f"{stored.header}\n" if stored.header else "", stored.document
        text = checked = header + stored.passage.text
        shift, kept_out = len(header) - stored.passage.start, list[KeptOut]()
        orders = instructions_in([stored.judged_sentence(n) for n in range(len(stored.sentences))])
        for number, (span, is_order) in enumerate(zip(stored.sentences, orders, strict=True)):
            if is_order:
                start, end = span.start + shift, span.end + shift
                checked = checked[:start] + " " * (end - start) + checked[end:]
                words = stored.sentence(number)
                kept_out.append(KeptOut(document, document.version, span.start, span.end, words))
        return cls(stored, text, shift, checked, tuple(kept_out))


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages that a model was given for a question, and what they bear.

    ``embedder`` is one on this computer that knows the question's language, or None.
    """

    found: Found
    passages: Sequence[Numbered]
    embedder: Embedder | None

    def borne_by(self, claim: str, cited: list[int]) -> tuple[Support | None, list[int]]:
        """Return whether a claim is borne, and by which passages: those cited, or the one that fits it best.

        Without a marker, or with a wrong one, that one may bear it, alone or together with those cited.
        """
        first = self._support(claim, cited) if cited else None
        if first and first.supported:
            return first, cited
        best = self._best_passage(claim)
        others = [] if best is None or best in cited else [[best], *([[*cited, best]] if cited else [])]
        for passages in others:
            support = self._support(claim, passages)
            if support.supported:
                return support, passages
            first = first or support
        return first, cited

    def _support(self, claim: str, cited: Sequence[int]) -> Support:
        texts = [self.passages[number].checked for number in cited]
        support = check_support(claim, texts)
        fault = fault_in_addition(claim, texts) if support.supported else ""
        return replace(support, supported=False, reason=fault) if fault else support

    def _best_passage(self, claim: str) -> int | None:
        places = bearing(claim, [passage.checked for passage in self.passages])
        return places[0].passage if places else None

    def evidence(self, claim: str, cited: Sequence[int]) -> list[Quote]:
        """Return the sentences of the passages that bear a claim."""
        evidence = list[Quote]()
        for place in bearing(claim, [self.passages[number].checked for number in cited]):
            passage = self.passages[cited[place.passage]]
            start, end = place.start - passage.shift, place.end - passage.shift
            spans = enumerate(passage.stored.sentences)
            bearers = [number for number, span in spans if span.start < end and start < span.end]
            if bearers and (quote := Quote(passage.stored, bearers[0], bearers[-1])) not in evidence:
                evidence.append(quote)
        return evidence

    def nearness(self, claim: str, draft: Draft, evidence: Sequence[Quote]) -> Closeness:
        """Return how near the sentences that bear a claim are to it; a fragment they have to hold."""
        texts = _texts(evidence)
        if is_unsaid(draft.text, texts):
            return "far"
        if is_fragment(draft):
            claimed = {stem(word) for word in content_words(draft.text)}
            is_held = claimed and claimed <= {word for text in texts for word in stems(text)}
            return "near" if is_held and self._is_asked(claim, draft, evidence) else "far"
        return closeness(claim, texts, self.embedder)

    def _is_asked(self, claim: str, draft: Draft, evidence: Sequence[Quote]) -> bool:
        """Whether the sentences that hold a word or two tell of the question, or of what leads to a list.

        "Rosatom" says something only as an answer or an item.
        """
        lead = claim.removesuffix(draft.text)
        asked = content_words(lead) or content_words(self.found.question.text)
        return tell_of(asked, _texts(evidence), [quote.stored.document.title for quote in evidence])


@dataclass(slots=True)
class Written:
    """What has become of a model's sentences so far.

    ``count`` are all of them, also those said twice, but for the sentence by which a model declines.
    ``embedder`` is as `Sources` has it.
    """

    found: Found
    passages: Sequence[Numbered]
    embedder: Embedder | None = None
    sentences: list[Sentence] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    markers_dropped: int = 0
    count: int = 0
    _lead: Lead | None = None
    _is_in_item: bool = False
    _loose: set[str] = field(default_factory=set)
    _declining: LeftOut | None = None
    _numbers: dict[tuple[str, int, int], int] = field(default_factory=dict)
    _sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        self._sources = Sources(self.found, self.passages, self.embedder)

    @property
    def is_enough(self) -> bool:
        """Whether at least half of what was written is borne."""
        return self._said >= max(1, len(self.failed))

    @property
    def failed(self) -> list[LeftOut]:
        """The sentences left out by which the model has tried to answer, and not declined to."""
        return [left for left in self.left_out if left.reason != _ABOUT_SOURCES]

    @property
    def has_declined(self) -> bool:
        """Whether the model has said, in the words that it was told to, that it has no answer."""
        return self._declining is not None

    @property
    def _said(self) -> int:
        return sum(sentence.part != "lead" for sentence in self.sentences)

    def check(self, draft: Draft) -> Sentence | LeftOut | None:
        """Check one more sentence: it is shown with its footnotes, or left out with a reason.

        None is for what needs no mention: the lead-in to a list, which is shown with the first item that
        holds, what was said before, and what declines in the words that the model was told to use, which is
        left out only beside other sentences.
        """
        if is_said(draft.text, NO_ANSWER):
            self._declining = self._declining or LeftOut(draft.text, _ABOUT_SOURCES, len(self.sentences))
            return None
        self.count += 1
        cited = [n - 1 for n in draft.numbers if 0 < n <= len(self.passages)]
        self.markers_dropped += len(draft.numbers) - len(cited)
        if draft.text in {shown.text for shown in self.sentences} | {left.text for left in self.left_out}:
            return None
        if fault := self._fault(draft):
            return self._leave_out(draft.text, _ABOUT_SOURCES if is_refusal(draft.text) else fault)
        is_listed = draft.is_item or draft.item_sentence > 0
        self._is_in_item = self._is_in_item and draft.item_sentence > 1
        if draft.is_lead or not is_listed:
            self._lead = Lead(draft, cited, self.count, len(self.left_out)) if draft.is_lead else None
        if draft.is_lead:
            return None
        claim, support, evidence = self._borne(draft, cited)
        nearness = self._sources.nearness(claim, draft, evidence) if evidence else "far"
        if nearness != "near" and is_refusal(draft.text):
            return self._leave_out(draft.text, _ABOUT_SOURCES)
        if nearness == "far":
            reason = support.reason if support and not evidence else _NOT_BORNE
            return self._leave_out(draft.text, _FAR if evidence else reason)
        if self.count > 1 and LEANING.match(draft.text) and not self._can_lean(evidence):
            return self._leave_out(draft.text, _LEANS)
        self._show_lead(evidence, is_borne=claim != draft.text)
        part: ListPart = "more" if self._is_in_item else "item" if is_listed else ""
        self._is_in_item = draft.item_sentence > 0
        sentence = self._sentence(draft.text, evidence, part)
        if nearness == "loose":
            self._loose.add(sentence.text)
        return sentence

    def is_settled(self, sentence: Sentence) -> bool:
        """Whether a borne sentence can be shown before the others are known."""
        return sentence.text not in self._loose

    def settle(self) -> None:
        """Decide on the sentences that are only loosely near their sources, once all are known.

        Of a model that keeps to the passages they are paraphrases, of one that invents mostly inventions: so
        none may stand alone, and few may have failed.
        """
        if self._declining and self.count:
            insort(self.left_out, self._declining, key=lambda left: left.position)
        near, failed = self._said - len(self._loose), len(self.failed)
        is_kept_to = (near and 2 * failed <= near + 1) or (
            len(self._loose) > 1 and 2 * failed <= len(self._loose)
        )
        if self._loose and not is_kept_to:
            loose = (n for n, sentence in enumerate(self.sentences) if sentence.text in self._loose)
            self.take_away(dict.fromkeys(loose, _FAR))
        self._loose.clear()

    def take_away(self, reasons: dict[int, str]) -> None:
        """Leave shown sentences out too: the reason by position; what stays is numbered anew."""
        kept, left, is_item_gone = list[Sentence](), list[LeftOut](), False
        waiting = list(self.left_out)
        for position, sentence in enumerate(self.sentences):
            while waiting and waiting[0].position <= position:
                left.append(replace(waiting.pop(0), position=len(kept)))
            # Of an item that loses its first sentence the next one begins it.
            is_item_gone = is_item_gone and sentence.part == "more"
            if position in reasons:
                is_item_gone = is_item_gone or sentence.part == "item"
                left.append(LeftOut(sentence.text, reasons[position], len(kept)))
            elif position and not kept and LEANING.match(sentence.text):
                left.append(LeftOut(sentence.text, _LEANS, 0))
            else:
                kept.append(replace(sentence, part="item") if is_item_gone else sentence)
                is_item_gone = False
        left += [replace(late, position=len(kept)) for late in waiting]
        self.left_out = left
        kept = self._without_bare_leads(kept)
        numbers = dict[int, int]()
        for sentence in kept:
            for citation in sentence.citations:
                numbers.setdefault(citation.number, len(numbers) + 1)
        self.sentences = [_renumbered(sentence, numbers) for sentence in kept]

    def _fault(self, draft: Draft) -> str:
        """Return what is wrong with a sentence whatever the passages say, or nothing."""
        text = draft.text
        if draft.is_too_long:
            return _TOO_LONG
        if is_said(text, self.found.question.text):
            return _REPEATS
        is_told = is_instruction(text) or is_task(text) or is_shouted(text)
        if is_told or is_unasked(text, self.found.question.text, is_item=draft.is_item and bool(self._lead)):
            return _INSTRUCTION
        return _ASKS if text.rstrip(".!\"'”’ ").endswith("?") else ""

    def _can_lean(self, evidence: Sequence[Quote]) -> bool:
        """Whether what is shown before is from the same article, so that "it" means what it means there."""
        if not self.sentences:
            return False
        before = {
            c.document.id for citation in self.sentences[-1].citations for c in (citation, *citation.copies)
        }
        return any(quote.stored.document.id in before for quote in evidence)

    # ------------------------------------------------------------------------------------- lists

    def _borne(self, draft: Draft, cited: list[int]) -> tuple[str, Support | None, list[Quote]]:
        """Return what a draft claims, whether that is borne, and by what.

        An item of a list claims what its lead-in says with it, or if it is a whole sentence its own alone.
        """
        lead = self._lead if draft.is_item else None
        claims = [draft.text]
        if lead and not lead.tells_nothing:
            claims = [f"{lead.draft.text} {draft.text}", *(() if is_fragment(draft) else claims)]
        for claim in claims:
            support, passages = self._sources.borne_by(claim, cited)
            if support and support.supported and (evidence := self._sources.evidence(claim, passages)):
                return claim, support, evidence
        return claim, support, []

    def _show_lead(self, evidence: list[Quote], *, is_borne: bool) -> None:
        """Show the lead-in of an item that is borne here; ``is_borne`` says that it is with its lead-in.

        One that says nothing, or all of it together with the item, has the item's footnotes.
        """
        lead = self._lead
        if not lead or lead.is_shown:
            return
        text = lead.draft.text
        if not (is_borne or lead.tells_nothing):
            support, cited = self._sources.borne_by(text, lead.cited)
            evidence = self._sources.evidence(text, cited) if support and support.supported else []
            if not evidence or self._sources.nearness(text, lead.draft, evidence) == "far":
                return
        if lead.number > 1 and LEANING.match(text) and not self._can_lean(evidence):
            return
        lead.is_shown = True
        self.left_out[lead.first_left_out :] = [
            replace(left, position=left.position + 1) for left in self.left_out[lead.first_left_out :]
        ]
        self._sentence(text, evidence, "lead")

    def _without_bare_leads(self, kept: list[Sentence]) -> list[Sentence]:
        """Return sentences without the lead-ins behind which no item is left."""
        following = [*(sentence.part for sentence in kept[1:]), ""]
        bare = {n for n, sentence in enumerate(kept) if sentence.part == "lead" and following[n] != "item"}
        self.left_out = [
            replace(left, position=left.position - sum(n < left.position for n in bare))
            for left in self.left_out
        ]
        return [sentence for n, sentence in enumerate(kept) if n not in bare]

    def _sentence(self, text: str, evidence: Sequence[Quote], part: ListPart) -> Sentence:
        citations = {citation.number: citation for citation in map(self._cited, evidence)}
        sentence = Sentence(text, "written", tuple(citations.values()), part)
        self.sentences.append(sentence)
        return sentence

    def _leave_out(self, text: str, reason: str) -> LeftOut:
        left = LeftOut(text, reason, len(self.sentences))
        self.left_out.append(left)
        return left

    def _cited(self, quote: Quote) -> Citation:
        citation = cite(len(self._numbers) + 1, _readable(quote), self.found)
        key = (citation.document.id, citation.start, citation.end)
        return _with_number(citation, self._numbers.setdefault(key, citation.number))


def _texts(evidence: Sequence[Quote]) -> list[str]:
    """Return the sentences of quotes as far as they are looked at to judge them."""
    return [quote.stored.judged_sentence(n) for quote in evidence for n in range(quote.first, quote.last + 1)]


def _readable(quote: Quote) -> Quote:
    """Return a quote with the sentence before it where "It was built in 1871" needs that for what "it" is."""
    before = Quote(quote.stored, quote.first - 1, quote.first)
    leans = quote.first and LEANING.match(quote.stored.judged_sentence(quote.first))
    return replace(quote, first=before.first) if leans and before.is_one_paragraph else quote


def _with_number(citation: Citation, number: int) -> Citation:
    copies = tuple(replace(copy, number=number) for copy in citation.copies)
    return replace(citation, number=number, copies=copies)


def _renumbered(sentence: Sentence, numbers: dict[int, int]) -> Sentence:
    citations = tuple(_with_number(c, numbers[c.number]) for c in sentence.citations)
    return replace(sentence, citations=citations)
