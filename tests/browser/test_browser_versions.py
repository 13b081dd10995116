"""Copies and versions of an article, and footnotes to text that has changed, as a user meets them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_browser import (  # noqa: F401  # the fixtures
    Server,
    ask,
    assert_no_sideways_scrolling,
    browser,
    footnote,
    page,
    remove,
    server,
    upload,
)
from tests.store.test_stories import FIRE, UPDATE

pytestmark = pytest.mark.browser


def article(title: str, day: str, text: str, source: str = "Harbour Gazette") -> bytes:
    return f'---\ntitle: "{title}"\nsource: "{source}"\npublished: {day}\n---\n{text}\n'.encode()


def test_articles_that_tell_the_same_are_one_row_to_unfold(page: Page):  # noqa: F811  # the fixture
    page.goto("/library")
    results = upload(
        page,
        ("fire.md", article("Market hall burns", "2024-05-05", FIRE)),
        ("copy.md", article("Fire in Hofbau", "2024-05-06", FIRE, "Zenda Times")),
        ("ship.txt", b"The ferry to Zenda is closed for the winter, the office said."),
        ("again.txt", b"The ferry to Zenda is closed for the winter, the office said."),
    )
    expect(results.locator("li.added")).to_have_count(4)
    copies = page.get_by_role("button", name="and 1 copy of Fire in Hofbau")
    older = page.get_by_role("link", name="Market hall burns")
    expect(copies).to_be_visible()
    expect(older).to_be_hidden()
    expect(page.get_by_role("button", name="and 1 copy of")).to_have_count(2)

    upload(page, ("update.md", article("What is known of the fire", "2024-05-07", UPDATE)))
    versions = page.get_by_role("button", name="3 versions of What is known of the fire")
    versions.focus()
    page.keyboard.press("Enter")
    expect(older).to_be_visible()
    expect(page.get_by_role("link", name="Fire in Hofbau")).to_be_visible()
    expect(versions).to_have_attribute("aria-expanded", "true")
    page.set_viewport_size({"width": 390, "height": 844})
    assert_no_sideways_scrolling(page)
    page.set_viewport_size({"width": 1280, "height": 720})
    versions.click()
    expect(older).to_be_hidden()

    # Any of them is found, and shown.
    search = page.get_by_role("searchbox", name="Search the articles")
    search.fill("zenda times")
    expect(page.get_by_role("link", name="Fire in Hofbau")).to_be_visible()
    expect(page.get_by_role("link", name="What is known of the fire")).to_be_visible()
    search.fill("")

    versions.click()
    page.get_by_role("button", name="Remove What is known of the fire").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(copies).to_be_visible()
    older.or_(copies).first.click()
    expect(older).to_be_visible()
    older.click()
    expect(page.get_by_text("the old market hall of Hofbau")).to_be_visible()


LIGHT = "The lighthouse of Port Ellery was built in {} by the engineer Agnes Thorburn."
LAMP = "The lamp of the lighthouse of Port Ellery can be seen from a distance of 31 kilometres."


def test_a_footnote_to_changed_words_shows_what_it_quoted_and_one_to_words_that_stand_opens_there(
    page: Page,  # noqa: F811  # the fixture
    server: Server,  # noqa: F811  # the fixture
):
    old = article("The lighthouse", "2024-03-05", f"{LIGHT.format(1871)}\n\n{LAMP}")
    page.goto("/library")
    expect(upload(page, ("light.md", old))).to_contain_text("light.md Added")
    page.get_by_role("link", name="Chat").click()
    when = ask(page, "When was the lighthouse of Port Ellery built?")
    expect(when.locator(".sentence").first).to_contain_text("1871")
    far = ask(page, "From what distance can the lamp of the lighthouse be seen?")
    expect(far.locator(".sentence").first).to_contain_text("31 kilometres")
    chat = page.url

    page.get_by_role("link", name="Library").click()
    new = article("The lighthouse", "2024-03-05", f"A correction.\n\n{LIGHT.format(1874)}\n\n{LAMP}")
    results = upload(page, ("light.md", new))
    results.get_by_role("button", name="replace it: light.md").click()
    expect(results).to_contain_text("Updated")

    page.goto(chat)
    footnote(page.locator(".turn").nth(0)).click()
    expect(page.get_by_text("The article has changed since it was quoted")).to_be_visible()
    expect(page.get_by_text("these words are not in it any more")).to_be_visible()
    expect(page.locator("blockquote")).to_contain_text(LIGHT.format(1871))
    expect(page.get_by_text(LIGHT.format(1874))).to_be_visible()
    page.go_back()
    second = page.locator(".turn").nth(1)
    expect(second).to_contain_text("Changed since it was quoted")
    footnote(second).click()
    expect(page.get_by_text("the same words are highlighted where they stand now")).to_be_visible()
    expect(page.locator("mark.current")).to_have_text(LAMP)

    # Removed, it leaves nothing of what was quoted from it.
    page.get_by_role("link", name="Library").click()
    remove(page, "The lighthouse")
    page.goto(chat)
    expect(page.locator(".turn").first).to_contain_text("This quote was removed with its article.")


def test_a_file_of_the_folder_that_has_changed_leaves_its_footnotes_as_they_were(
    page: Page,  # noqa: F811  # the fixture
    server: Server,  # noqa: F811  # the fixture
):
    path = server.corpus / "kilogram-redefinition.txt"
    page.goto("/")
    turn = ask(page, "When did the new definition of the kilogram take effect?")
    quote = turn.locator(".sentence").first.inner_text()
    assert "20 May 2019" in quote
    chat = page.url
    server.stop()
    path.write_text(path.read_text("utf-8").replace("20 May 2019", "21 May 2019"), "utf-8")
    server.start()
    page.goto(chat)
    expect(page.locator(".turn")).to_contain_text("Changed since it was quoted")
    expect(page.locator(".turn")).to_contain_text("20 May 2019")
    footnote(page.locator(".turn")).click()
    expect(page.get_by_text("these words are not in it any more")).to_be_visible()
    expect(page.locator("blockquote")).to_contain_text("20 May 2019")
    expect(page.locator(".text")).to_contain_text("21 May 2019")
