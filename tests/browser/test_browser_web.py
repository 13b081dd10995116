"""Adding from the web in the browser: addresses, and the entries of a feed to choose from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_browser import Server, assert_no_sideways_scrolling, browser, page  # noqa: F401  # the fixtures
from tests.helpers.web_server import Web, serve

pytestmark = pytest.mark.browser

ITEM = (
    "<item><title>{title}</title><link>/{n}</link><pubDate>Tue, {n:02} Mar 2024 10:00:00 GMT</pubDate></item>"
)
IMAGE = "&lt;img src=x onerror=window.hacked=1&gt;"
PAGE = (
    "<html><head><title>{title}</title></head><body><article><h1>{title}</h1>{text}</article></body></html>"
)
TEXTS = (
    "<p>The harbour bridge was opened to carts in spring, after masons had worked on its four arches for nine"
    " years. Those who cross it pay a toll at the southern gate, but for pupils of the town's two schools.</p>"
    "<p>A lamp burns on each pillar from dusk until the last boat is in, which the bridge keeper sees to.</p>",
    "<p>The ferry to the island leaves the old quay three times a day and takes forty passengers, their"
    " bicycles and the mail. In winter it lies in the dock while carpenters caulk its planks.</p>"
    "<p>Captain and stoker live aboard, and sell tickets through a window beside the engine room.</p>",
    "<p>Below the hill a tunnel of six hundred metres takes the railway to the coal mine. Water that drips"
    " from its roof is led into a ditch, and a fan as tall as two men draws the smoke out.</p>"
    "<p>Miners walk through it on Sundays, when no train runs, carrying lanterns and singing.</p>",
)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve() as web:
        titles = ["The bridge", f"A :red[ferry] {IMAGE} $x^2$", "The tunnel"]
        items = "".join(ITEM.format(title=title, n=n) for n, title in enumerate(titles, 1))
        web.page(
            "/feed",
            f"<rss version='2.0'><channel><title>Harbour **Gazette** {IMAGE}</title>{items}</channel></rss>",
        )
        for n, title in enumerate(titles, 1):
            web.page(f"/{n}", PAGE.format(title=title, text=TEXTS[n - 1]))
        web.status("/gone", 404)
        yield web


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("app"), "tests/helpers/app_on_loopback.py")
    server.start()
    yield server
    server.stop()
    server.log.close()


def add(page: Page, *addresses: str) -> None:  # noqa: F811  # the fixture
    field = page.get_by_label("Addresses of articles or feeds")
    if not field.is_visible():
        page.get_by_text("Add from the web").click()
    field.fill("\n".join(addresses))
    page.get_by_role("button", name="Add these addresses").click()


def test_addresses_are_added_and_a_feeds_articles_chosen(page: Page, web: Web):  # noqa: F811  # the fixture
    page.goto("/library")
    base = web.url("", "127.0.0.1")
    add(page, f"{base}/1", f"{base}/gone", f"{base}/feed")
    results = page.get_by_role("list", name="What became of the files")
    expect(results).to_contain_text("The bridge")
    expect(results).to_contain_text("leads to no page (HTTP 404): check the address.")
    expect(results).to_contain_text("A feed with 3 articles: choose from them below.")

    feed = page.get_by_role("form", name="Articles of Harbour")
    expect(feed.get_by_role("checkbox")).to_have_count(3)
    expect(feed.get_by_role("button", name="Add articles")).to_be_disabled()
    feed.get_by_label("The tunnel").check()
    feed.get_by_label("A :red[ferry]").check()
    assert_no_sideways_scrolling(page)
    feed.get_by_role("button", name="Add 2 articles").click()
    expect(page.get_by_role("link", name="The tunnel")).to_be_visible()
    expect(page.get_by_role("link", name="A :red[ferry]")).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="The tunnel"))
    expect(row).to_contain_text("3 Mar 2024")
    expect(feed).to_have_count(0)
    assert page.evaluate("window.hacked") is None


def test_a_feed_can_be_left(page: Page, web: Web):  # noqa: F811  # the fixture
    page.goto("/library")
    add(page, web.url("/feed", "127.0.0.1"))
    feed = page.get_by_role("form", name="Articles of Harbour")
    feed.get_by_role("button", name="Leave it").click()
    expect(feed).to_have_count(0)
