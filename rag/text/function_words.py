"""Small words, which say little by themselves: articles, auxiliaries, prepositions, negations.

A judgement that takes some words more or fewer has its own list beside it, made of one of these.
"""

from __future__ import annotations

ASKING = ("what", "which", "who", "whom", "whose", "when", "where", "why", "how")
ARTICLES = ("the", "a", "an")
FORMS_OF_BE = ("is", "are", "was", "were")
MODALS = ("can", "could", "will", "would", "should", "must", "may", "might", "shall")
AUXILIARIES = (*FORMS_OF_BE, "do", "does", "did", "has", "have", "had", *MODALS)
PREPOSITIONS = tuple(
    "of in on at by for from to with about during under over into after before since until near between"
    " per".split()
)
NEGATIONS = ("not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "without")
PHRASE_ENDS = "|".join(
    (*PREPOSITIONS, *AUXILIARIES, *ARTICLES, "be", "and", "or", "that", "which", "who", "where", "when")
)
"""A pattern of what can't belong to a noun with its adjectives, and so ends it."""

QUESTION_WORDS = frozenset(
    "what which who whom whose when where why how do does did is are was were be been being has have"
    " had can could will would shall should may might must the a an of in on at to for from by with"
    " as and or that this these those it its there their they them he she his her i you we my your"
    " our me us about many much any some name tell say said says according give please"
    " happen happened happens"
    " was wer wo wann wie warum welche welcher welches der die das ein eine ist sind im in den dem des"
    " von zu mit auf für und wurde wurden"
    " ne kim nerede zaman nasıl neden niçin hangi kaç ve bir bu mi mı mu mü için ile nedir kimdir"
    " nelerdir olarak olan olduğu".split()
)
"""What says that something is asked, and words too common to find anything; not part of a query."""
FUNCTION_WORDS = QUESTION_WORDS | frozenset(
    "am been being if then than so because since while although though however therefore thus hence also too"
    " very just only even still yet already both either neither each every all any no not nor never none most"
    " more less few several such own same other another there here about above below into onto over under up"
    " down out off again further once during before after between through against within without per via upon"
    " across among towards toward around along until unless whether whose would could shall let us i me"
    " him she"
    " myself itself himself herself themselves ourselves yourself not don doesn didn isn aren wasn weren won"
    " wouldn shouldn couldn can cannot t s re ve ll d m etc eg ie vs do does doing done get gets got"
    " getting one"
    " ones but yes okay whom there else ever must might may will such among etc overall additionally"
    " moreover furthermore conclusion summary finally firstly secondly example"
    " instance like well including include includes included various different certain quite rather".split()
)
"""Words that say little by themselves; `rag/support/faults.py` looks at those that turn a sentence."""
