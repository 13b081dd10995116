"""How answers of several places are set out in the browser: lists, tables and their sources."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_browser import (  # noqa: F401  # the fixtures
    SIGNED,
    ask,
    browser,
    footnote,
    page,
    server,
    upload,
)

pytestmark = pytest.mark.browser

PORTS = [f"Cape {name}" for name in ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir")]
ARTICLE = """---
title: "Bridges and ports of Ruritania"
---

The northern route calls at these ports:

{items}

## The harbour company

The charter obliges the harbour company {duties}, and to report on it each January.

## Bridges of Ruritania

| Bridge | Length | Builder |
|---|---|---|
| Harbour bridge | 812 m | Elphberg Works |
| Castle bridge | 1.2 km | |
| Mill bridge | 96 m | Tarlenheim |
""".format(
    items="\n".join(f"- {port}, with its own light" for port in PORTS),
    duties=", ".join(
        f"to keep the {thing} of the {place} quay in good repair"
        for thing in ("walls", "lamps", "cranes", "ladders")
        for place in ("eastern", "western", "timber", "fish")
    ),
)


def test_a_list_and_a_table_are_set_as_such(page: Page):  # noqa: F811  # the fixture
    page.goto("/library")
    added = upload(page, ("ruritania.md", ARTICLE.encode()))
    expect(added.get_by_text("added")).to_be_visible()
    page.goto("/")

    turn = ask(page, "Which ports does the northern route call at?")
    expect(turn.locator(".answer li")).to_have_count(len(PORTS))
    expect(turn.locator(".answer li").last).to_contain_text("“Cape Fir, with its own light”7")
    # The answer shows them already: their places are there, folded behind the first.
    expect(turn.get_by_role("link", name="Open Bridges and ports")).to_have_count(1)
    turn.get_by_text("6 more places in this article").click()
    expect(turn.get_by_role("link", name="Open Bridges and ports")).to_have_count(1 + len(PORTS))

    turn = ask(page, "What does the charter oblige the harbour company to do?")
    # A part of a sentence that is too long to be quoted as a whole.
    expect(turn.locator(".sentence").first).to_contain_text("in good repair, …”1")

    turn = ask(page, "Which bridges are there in Ruritania?")
    rows = turn.get_by_role("table").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.first.get_by_role("columnheader")).to_have_text(["Bridge", "Length", "Builder"])
    expect(rows.nth(2).get_by_role("cell").nth(2)).to_be_empty()
    rows.nth(2).get_by_role("link", name="Source 2").click()
    expect(page.locator("td mark.current").first).to_have_text("Castle bridge")


def test_on_a_narrow_screen_each_value_stands_behind_its_label(page: Page):  # noqa: F811  # the fixture
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/library")
    upload(page, ("ruritania.md", ARTICLE.encode()))
    page.goto("/")
    turn = ask(page, "Which bridges are there in Ruritania?")
    row = turn.locator("tr.sentence").first
    expect(row).to_have_text("Bridge Harbour bridgeLength 812 mBuilder Elphberg Works1", use_inner_text=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_words_cited_twice_under_one_number_bear_it_once(page: Page):  # noqa: F811  # the fixture
    page.goto("/")
    ask(page, SIGNED)
    turn = ask(page, SIGNED.replace("When was", "On which day was"))
    footnote(turn).click()
    expect(page.locator("mark.current + .place")).to_have_text("1")
    expect(page.locator("mark.current + .place + .place")).to_have_count(0)


def test_a_name_that_no_quote_mentions_is_told(page: Page):  # noqa: F811  # the fixture
    page.goto("/")
    ask(page, SIGNED)
    turn = ask(page, SIGNED.replace("S-400 purchase", "S-400 purchase of Greece"))
    expect(turn.locator(".answer")).to_contain_text("None of these quotes mentions “Greece”")
    turn.get_by_role("button", name="copy").click()
    expect(turn.get_by_role("button", name="copied")).to_be_visible()
