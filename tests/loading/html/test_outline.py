"""Where a page's blocks stand tells which of them are the article's."""

from __future__ import annotations

from rag.loading.html.article import read_html

SENTENCES = [
    "The harbour bridge was opened on Tuesday after four years of work on both banks of the river.",
    "It carries two lanes for cars and a wide path for people on foot and on bicycles.",
    "The old ferry goes on for a year, since the path is closed in strong winds.",
    "Its towers stand on rock forty metres below the water, which took divers two summers to clear.",
    "The city paid a third of the cost, and tolls are to bring in the rest within thirty years.",
]
LONG = [f"<p>{' '.join(SENTENCES[n:] + SENTENCES[:n])}</p>" for n in range(5)]


def read(body: str, title: str = "A bridge for Port Ellis") -> list[str]:
    page = f"<html><head><title>{title}</title></head><body>{body}</body></html>"
    document = read_html(page)
    return [document.text[block.start : block.end] for block in document.blocks]


def test_a_heading_that_links_to_itself_is_read_and_one_that_leads_elsewhere_not():
    boxes = [
        f'<div class="cmp-text">{LONG[0]}</div>',
        '<div><h2><a href="#cost">What it cost</a></h2></div>',
        f'<div class="cmp-text">{LONG[1]}</div>',
        '<div class="related"><h2><a href="/ferries">Ferries of the north</a></h2></div>',
        f'<div class="cmp-text">{LONG[2]}</div>',
    ]
    found = read(f'<div class="page-content"><div>{"".join(boxes)}</div></div>')
    assert [text for text in found if len(text) < 60] == ["What it cost"]
    assert len(found) == 4


def test_what_follows_the_articles_element_is_none_of_it():
    after = "<div><div><p>Anna Holm writes on ships and harbours, and sails a small boat of her own.</p></div></div>"
    found = read(f"<article><div><div>{''.join(LONG)}</div>{after}</div></article>")
    assert len(found) == 5
    assert not any("Anna Holm" in text for text in found)


def test_a_second_half_in_an_element_of_its_own_stays():
    halves = f"<section>{''.join(LONG[:3])}</section><section>{''.join(LONG[3:])}</section>"
    assert len(read(f"<article>{halves}</article>")) == 5


def test_a_lead_in_an_element_named_teaser_is_read():
    lead = "A bridge that nobody believed in stands at last, and the whole town came to walk across it."
    found = read(f'<article><div class="article-teaser"><p>{lead}</p></div>{"".join(LONG)}</article>')
    assert found[0] == lead
