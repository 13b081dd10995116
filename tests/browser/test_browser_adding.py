"""Adding in the browser: it goes on over a reload and in a second tab, and can be cancelled."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_browser import (  # noqa: F401  # the fixtures
    Server,
    assert_no_sideways_scrolling,
    browser,
    dismiss,
    page,
    server,
    upload,
)

pytestmark = pytest.mark.browser

ADDING = re.compile(r"^Adding, \d+ of 30")
BEGUN = re.compile(r"^Adding, [1-9]\d* of 30")


def long_files(count: int) -> list[tuple[str, bytes]]:
    """Return files that take a third of a second each."""
    lines = [
        f"The tide table of the harbour names the hour {n} of the day as a good one." for n in range(150)
    ]
    return [
        (f"tide-{number}-{'W' * 60}.txt", f"Table {number}. {' '.join(lines)}".encode())
        for number in range(count)
    ]


def test_adding_is_seen_after_a_reload_and_in_another_tab_and_is_cancelled(
    page: Page,  # noqa: F811  # the fixture
    browser: Browser,  # noqa: F811
    server: Server,  # noqa: F811
):
    page.goto("/library")
    upload(page, *long_files(30))
    expect(page.get_by_text(ADDING)).to_be_visible()
    page.reload()
    expect(page.get_by_text(ADDING)).to_be_visible()
    assert_no_sideways_scrolling(page)

    other = browser.new_context(base_url=server.url).new_page()
    other.goto("/library")
    expect(other.get_by_text(BEGUN)).to_be_visible()
    other.get_by_role("button", name="Cancel: 30 files").click()

    stopped = re.compile(r"Stopped: \d+ of 30 added")
    for one in (page, other):
        results = one.get_by_role("list", name="What became of the files")
        expect(results).to_contain_text(stopped)
        expect(one.get_by_text(ADDING)).to_have_count(0)
    number = int(re.search(r"(\d+) of 30", results.inner_text())[1])
    assert 0 < number < 30
    expect(page.get_by_role("row").filter(has_text="tide")).to_have_count(number)
    page.reload()
    expect(page.get_by_text(stopped)).to_be_visible()
    dismiss(page)
    page.reload()
    expect(page.get_by_text(" on disk · ")).to_be_visible()
    expect(page.get_by_text(stopped)).to_have_count(0)
    other.context.close()


def test_what_could_not_be_added_stands_first_and_the_rest_is_folded(page: Page):  # noqa: F811
    page.goto("/library")
    files = [(f"note {n}.txt", f"The harbour has the note {n}.".encode()) for n in range(12)]
    results = upload(page, *files, ("empty.txt", b""))
    expect(results.locator("li").first).to_contain_text("empty.txt is empty")
    expect(page.get_by_text("1 could not be added · 12 added", exact=True)).to_be_visible()
    more = results.get_by_text("7 more files in order")
    expect(more).to_be_visible()
    expect(results.get_by_text("note 11.txt")).to_be_hidden()
    more.click()
    expect(results.get_by_text("note 11.txt")).to_be_visible()


def test_files_dropped_one_soon_after_the_other_are_all_added(page: Page):  # noqa: F811
    page.goto("/library")
    names = [f"Soon {n}.txt" for n in range(8)]
    for n, name in enumerate(names):
        data = f"The ferry {n} takes {n + 20} passengers to the island of Marnow.".encode()
        page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(
            [{"name": name, "mimeType": "text/plain", "buffer": data}]
        )
        page.wait_for_timeout(250)  # nobody drops twice in less
    for name in names:
        expect(page.get_by_role("link", name=name.removesuffix(".txt"), exact=True)).to_be_visible()
    assert page.get_by_test_id("stFileUploaderDropzone").locator("visible=true").count() == 1
    dismiss(page)


def test_the_place_to_drop_files_speaks_as_the_page_does(page: Page):  # noqa: F811
    """Guards the styles on Streamlit's uploader, whose parts have no names of their own for this."""
    page.goto("/library")
    place = page.get_by_role("region", name="Add articles")
    expect(place.get_by_role("button", name="choose files", exact=True)).to_be_visible()
    expect(place.get_by_text("Upload", exact=True)).to_be_hidden()
    expect(place.get_by_text("200MB")).to_be_hidden()
