"""The Library page follows the folders: what changes there is seen without a reload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_browser import Server, browser  # noqa: F401  # the fixture

pytestmark = pytest.mark.browser
BAD_PDF = b"%PDF-1.4 nothing at all"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("app")
    (folder / "further").mkdir()
    server = Server(folder, FOOTNOTE_FOLDERS=str(folder / "further"))
    server.start()
    yield server
    server.stop()
    server.log.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:  # noqa: F811  # the fixture
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=server.url)
    expect.set_options(timeout=30_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/library")
    expect(page.get_by_text("· in step")).to_be_visible()
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def further(server: Server) -> Path:
    return server.corpus.with_name("further")


def test_what_changes_in_a_folder_is_seen_and_nothing_else_moves(page: Page, further: Path):
    page.get_by_text("Paste a text").click()
    box = page.get_by_label("Text", exact=True)
    box.fill("half a sentence")
    search = page.get_by_label("Search the articles")
    search.fill("lighthouse")
    (further / "lighthouse.md").write_text("# The lighthouse\n\nThe lighthouse was built in 1871.")
    expect(page.get_by_role("link", name="The lighthouse")).to_be_visible()
    assert box.input_value() == "half a sentence"
    assert search.input_value() == "lighthouse"

    page.get_by_role("button", name="Remove The lighthouse").click()
    dialog = page.get_by_role("dialog")
    (further / "king.md").write_text("# The king\n\nThe king eats bread.")
    expect(dialog.get_by_text("The file lighthouse.md stays on disk")).to_be_visible()
    page.wait_for_timeout(5_000)
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("link", name="The lighthouse")).to_have_count(0)
    search.fill("")
    expect(page.get_by_role("link", name="The king")).to_be_visible()
    expect(page.get_by_text("Removed files that stay away (1)")).to_be_visible()
    assert (further / "lighthouse.md").exists()
    expect(page.get_by_text(re.compile(r"UTC · in order$"))).to_be_visible()


def test_what_cannot_be_read_is_listed_with_its_reason_and_tried_again(page: Page, further: Path):
    for number in range(2):
        (further / f"bad-{number}.pdf").write_bytes(BAD_PDF)
    summary = page.locator(".unread summary")
    expect(summary).to_have_text("2 files could not be read")
    first = page.locator(".unread li").first
    expect(first).to_contain_text("further/bad-0.pdf seems to be a damaged PDF")
    page.reload()
    expect(first).to_be_visible()
    node = first.element_handle()
    page.get_by_role("button", name="Try again: further/bad-0.pdf").click()
    expect(page.get_by_role("button", name="Try again: further/bad-0.pdf")).to_have_text("try again")
    (further / "bad-0.pdf").unlink()
    expect(summary).to_have_text("1 file could not be read")
    assert not node.is_visible()
    for number in range(2, 8):
        (further / f"bad-{number}.pdf").write_bytes(BAD_PDF)
    expect(summary).to_have_text("7 files could not be read")
    expect(first).to_be_hidden()
    summary.click()
    page.wait_for_timeout(2_500)
    expect(first).to_be_visible()
    for path in further.glob("bad-*"):
        path.unlink()
    expect(summary).to_have_count(0)


def test_a_missing_folder_is_told_until_it_is_back(page: Page, further: Path):
    away = further.rename(further.with_name("away"))
    expect(page.get_by_text(re.compile("further/ is missing: its articles stay"))).to_be_visible()
    away.rename(further)
    expect(page.get_by_text(re.compile("is missing"))).to_have_count(0)


def test_reading_many_can_be_paused_and_gone_on_with_also_after_a_reload(page: Page, further: Path):
    for number in range(30):
        text = " ".join(f"Ship {number} came to the harbour in {1800 + n} with bread." for n in range(60))
        (further / f"ship-{number:02}.md").write_text(f"# Ship {number}\n\n{text}")
    expect(page.get_by_text(re.compile(r"Reading \d+ of 30"))).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Pause reading the folders").click()
    expect(page.get_by_text("· paused")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Go on reading the folders").click()
    expect(page.get_by_text("· in step")).to_be_visible(timeout=90_000)
    expect(page.get_by_text(re.compile(r"^35 articles"))).to_be_visible()


def test_an_empty_library_says_how_to_fill_it_and_sees_what_comes(page: Page, server: Server, further: Path):
    kept = further / "kept.md"
    for path in [*further.iterdir(), *server.corpus.iterdir()]:
        path.unlink()
    expect(
        page.get_by_text("The library is empty. Add articles above, or put files into corpus/.")
    ).to_be_visible()
    page.goto("/")
    expect(page.get_by_text("The library is empty.")).to_be_visible()
    kept.write_text("# The king\n\nThe king eats bread.")
    expect(page.get_by_text("The library is empty.")).to_have_count(0)
    expect(page.get_by_placeholder("Ask about 1 article")).to_be_visible()
