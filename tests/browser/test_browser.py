"""The app as a user meets it: a real server, a real browser, the real engine.

It needs Chromium. Where there is none these tests are skipped, except where `CI` says that they must
not be. It also guards the one thing that leans on Streamlit's inside: links that change the page within
the session by `pushState` and `popstate`.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.helpers.app_server import ROOT, Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SIGNED = "When was the loan agreement for the S-400 purchase signed?"
SIGNED_QUOTE = "The loan agreement for the S-400 purchase was signed in Ankara on 29 December 2017."
RADARS = "How many AN/APG-83 radars are in the notification?"
NEW_ARTICLE = """---
title: "The lighthouse of Port Ellery"
source: "Harbour Gazette"
published: 2024-03-05
---
The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn. Its lamp can be seen
from a distance of 31 kilometres. The keeper's house is a museum today.
"""
IMAGE = "<img src=x onerror=window.hacked=1>"
PASTED_TITLE = f"Bold **title** {IMAGE} :material/home: $x^2$"
PASTED = f"""The parrot of the harbour office is called <script>window.hacked=1</script> Bertram **the bold**.
[It](javascript:window.hacked=1) was bought in 1999 by the harbour master.

Parrot | Colour of the feathers
---|---
{IMAGE} Bertram | :red[green] and *blue*
"""
SCRIPT_LINK = """---
title: An article with a strange address
url: "javascript:window.hacked=1"
---
The address of this article is a script.
"""

pytestmark = pytest.mark.browser

if CHROMIUM is None and not os.environ.get("CI"):
    pytest.skip("Chromium is not installed, so the browser tests did not run.", allow_module_level=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("app"))
    server.start()
    yield server
    server.stop()
    server.log.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("Chromium is not installed, and CI asks for the browser tests.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, base_url=server.url)
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def ask(page: Page, question: str) -> Locator:
    """Type a question and return its turn once it is answered."""
    before = page.locator(".turn").count()
    page.get_by_test_id("stChatInputTextArea").fill(question)
    page.keyboard.press("Enter")
    turn = page.locator(".turn").nth(before)
    expect(turn.get_by_role("heading", name=question, exact=True)).to_be_visible()
    expect(turn.locator(".summary")).to_be_visible()
    return turn


def footnote(turn: Locator, number: int = 1) -> Locator:
    return turn.get_by_role("link", name=re.compile(f"^Source {number}: "))


def scrolled_to(page: Page) -> int:
    """Where the page is scrolled to, once it has come to rest."""
    page.wait_for_timeout(1_800)
    return int(page.get_by_test_id("stMain").evaluate("box => Math.round(box.scrollTop)"))


def upload(page: Page, *files: tuple[str, bytes]) -> Locator:
    """Drop files in the library and return the list of what became of them, without that of earlier ones."""
    results = dismiss(page)
    payloads = [{"name": name, "mimeType": "text/plain", "buffer": data} for name, data in files]
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(payloads)
    return results


def dismiss(page: Page) -> Locator:
    """Dismiss what became of earlier files, of other tests too, and return where the list will be."""
    expect(page.get_by_text(" on disk · ")).to_be_visible()
    results = page.get_by_role("list", name="What became of the files")
    button = page.get_by_role("button", name="Dismiss what became of the files")
    if button.count():
        button.click()
        expect(results).to_have_count(0)
    return results


def remove(page: Page, title: str) -> None:
    page.get_by_role("button", name=f"Remove {title}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(title, exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("button", name=f"Remove {title}")).to_have_count(0)


def test_a_question_asked_while_the_articles_are_read_waits_for_them(page: Page):
    page.goto("/")
    expect(ask(page, SIGNED).locator(".sentence").first).to_contain_text(SIGNED_QUOTE)


def test_the_first_visit_offers_questions_that_are_answered(page: Page):
    page.goto("/")
    expect(page.get_by_text("4 articles, 2019 to 2024, 3 publishers")).to_be_visible()
    # The mark is in the page itself: as a path it would be missing, and tell where the app lies.
    expect(page.locator("link[rel*=icon]")).to_have_attribute("href", re.compile("^data:image/svg"))
    starters = page.get_by_role("list", name="Questions to start with").get_by_role("button")
    expect(starters).to_have_count(4)
    question = starters.first.inner_text()
    starters.first.click()
    turn = page.locator(".turn").first
    expect(turn.get_by_role("heading", name=question, exact=True)).to_be_visible()
    expect(footnote(turn)).to_be_visible()


def test_a_footnote_opens_the_article_at_the_quoted_words_and_back_returns(page: Page):
    page.goto("/")
    first = ask(page, SIGNED)
    ask(page, RADARS)
    third = ask(page, "When was the Panama Canal opened?")
    assert footnote(third).get_attribute("aria-label").startswith("Source 1: The Panama Canal drought")
    # A user's wheel ends the page's own way to the new question.
    page.mouse.wheel(0, -10)
    footnote(first).scroll_into_view_if_needed()
    position, chat, entries = scrolled_to(page), page.url, page.evaluate("history.length")

    footnote(first).click()
    mark = page.locator("mark.current")
    expect(mark).to_have_text(SIGNED_QUOTE)
    expect(mark).to_be_in_viewport(ratio=1)
    page.wait_for_timeout(1_000)
    box = mark.bounding_box()
    assert 100 < box["y"] < 400, "the quoted words stand about a third down the window"
    assert page.evaluate("history.length") == entries + 1
    expect(page.get_by_role("heading", name="Türkiye's purchase of the S-400")).to_be_attached()

    page.go_back()
    expect(page.locator(".turn")).to_have_count(3)
    assert page.url == chat
    assert abs(scrolled_to(page) - position) <= 2

    page.go_forward()
    expect(mark).to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="Back to the conversation").evaluate("link => link.click()")
    expect(page.locator(".turn")).to_have_count(3)
    assert abs(scrolled_to(page) - position) <= 2

    page.reload()
    expect(page.locator(".turn")).to_have_count(3)
    expect(footnote(first)).to_be_visible()
    assert abs(scrolled_to(page) - position) <= 2


def test_a_footnote_opens_in_a_new_tab_and_by_the_keyboard(page: Page):
    page.goto("/")
    turn = ask(page, SIGNED)
    with page.context.expect_page() as opened:
        footnote(turn).click(modifiers=["ControlOrMeta"])
    expect(opened.value.locator("mark.current")).to_have_text(SIGNED_QUOTE)
    expect(page.locator(".turn")).to_have_count(1)

    footnote(turn).focus()
    expect(turn.locator(".sentence .tip").first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("mark.current")).to_have_text(SIGNED_QUOTE)


def test_an_answer_from_a_table_shows_its_labels_and_marks_the_row(page: Page):
    page.goto("/")
    turn = ask(page, RADARS)
    expect(turn.locator(".sentence.row").first).to_contain_text("Number in the notification 149")
    footnote(turn).click()
    expect(page.locator("td mark.current").first).to_have_text("AN/APG-83 radars")
    expect(page.locator("td mark.current").last).to_have_text("149")


def test_a_new_article_is_quoted_until_it_is_removed(page: Page):
    page.goto("/library")
    results = upload(page, ("lighthouse.md", NEW_ARTICLE.encode()))
    expect(results).to_contain_text("lighthouse.md Added")
    page.get_by_role("link", name="Chat").click()
    question = "Who built the lighthouse of Port Ellery?"
    turn = ask(page, question)
    expect(footnote(turn)).to_have_accessible_name("Source 1: The lighthouse of Port Ellery, 5 March 2024")
    expect(turn).to_contain_text("built in 1871 by the engineer Agnes Thorburn")

    page.get_by_role("link", name="Library").click()
    remove(page, "The lighthouse of Port Ellery")
    page.get_by_role("link", name="Chat").click()
    expect(page.locator(".turn").first).to_contain_text("No longer in the library")
    expect(page.locator(".turn").first.locator(".blank").first).to_contain_text(
        "This quote was removed with its article."
    )
    expect(page.locator(".turn").first).not_to_contain_text("Agnes Thorburn")
    again = ask(page, question)
    expect(again.locator(".declined")).to_be_visible()
    expect(again.get_by_role("link", name=re.compile("^Source"))).to_have_count(0)

    footnote(page.locator(".turn").first).click()
    expect(page.get_by_text("This article is no longer in the library")).to_be_visible()
    expect(page.get_by_text("what the conversation quoted from it was removed with it")).to_be_visible()
    expect(page.locator("blockquote")).to_have_count(0)


def test_every_dropped_file_gets_its_own_result(page: Page, tmp_path: Path):
    page.goto("/library")
    expect(page.get_by_text("They stay on this computer.")).to_be_visible()
    expect(page.get_by_text("Answers are made of quotes. A language model can write them")).to_be_visible()
    changed = NEW_ARTICLE.replace("1871", "1872").encode()
    results = upload(
        page,
        ("beacon.md", NEW_ARTICLE.encode()),
        ("same.md", b"# Same\n\nThe same words stand here."),
        ("empty.txt", b""),
        ("binary.txt", bytes(range(256)) * 20),
        ("beacon.md", changed),
    )
    expect(results.locator("li")).to_have_count(5)
    expect(results.locator("li.added")).to_have_count(2)
    expect(results.locator("li.failed")).to_have_count(2)
    results.get_by_role("button", name="keep both: beacon.md").click()
    expect(results).to_contain_text("beacon.md (2) Added")

    expect(upload(page, ("same.md", b"# Same\n\nThe same words stand here."))).to_contain_text("Unchanged")
    big = tmp_path / "big.txt"
    big.write_bytes(b"word " * 10_000_000)
    page.get_by_test_id("stFileUploaderDropzoneInput").last.set_input_files(big)
    expect(results).to_contain_text("25 MB is the most")


def test_markup_in_documents_names_and_questions_stays_text(page: Page):
    page.goto("/library")
    page.get_by_text("Paste a text").click()
    page.get_by_label("Title", exact=True).fill(PASTED_TITLE)
    page.get_by_label("Text", exact=True).fill(PASTED)
    page.get_by_role("button", name="Add this text").click()
    expect(page.get_by_role("list", name="What became of the files")).to_contain_text(PASTED_TITLE)
    expect(upload(page, (f"{IMAGE} **b**.md", SCRIPT_LINK.encode()))).to_contain_text(
        f"{IMAGE} **b**.md Added"
    )
    page.get_by_role("button", name=f"Remove {PASTED_TITLE}").click()
    expect(page.get_by_role("dialog").get_by_text(PASTED_TITLE, exact=True)).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    page.get_by_role("link", name="An article with a strange address").click()
    expect(page.get_by_text("The address of this article is a script.")).to_be_visible()
    expect(page.get_by_role("link", name="original")).to_have_count(0)

    page.goto("/")
    turn = ask(page, f"What is the parrot of the harbour office called, **Bertram** or {IMAGE}?")
    expect(turn.locator(".excerpt").first).to_contain_text(
        "<script>window.hacked=1</script> Bertram **the bold**"
    )
    footnote(turn).click()
    expect(page.get_by_role("heading", name=PASTED_TITLE)).to_be_attached()
    expect(page.get_by_text("[It](javascript:window.hacked=1)")).to_be_attached()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".view img, .view script").count() == 0


def test_places_of_an_article_can_be_gone_through_searched_and_sent(page: Page, browser: Browser):
    page.goto("/")
    ask(page, SIGNED)
    second = ask(page, "Who is the head of Rostec?")
    footnote(second).click()
    places = page.get_by_role("navigation", name="Places in this article")
    mark = page.locator("mark.current")
    expect(mark).to_contain_text("Sergey Chemezov")
    expect(places.get_by_role("button", name=f"Place 1 from “{SIGNED}”")).to_be_visible()
    places.get_by_role("button", name="previous place").click()
    expect(mark).to_have_text(SIGNED_QUOTE)
    expect(page).to_have_title("Türkiye's purchase of the S-400 air defence system · Footnote")

    field = places.get_by_label("Find in article")
    field.fill("was signed in ANKARA")
    expect(page.locator("mark.found")).to_have_text("was signed in Ankara")
    expect(places.get_by_text("1 of 1")).to_be_visible()
    field.press("Escape")
    expect(page.locator("mark.found")).to_have_count(0)

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    places.get_by_role("button", name="copy link").click()
    expect(places.get_by_role("button", name="copied")).to_be_visible()
    stranger = browser.new_context().new_page()
    stranger.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(stranger.locator("mark.current")).not_to_have_count(0)
    expect(stranger.get_by_role("link", name="Back to the conversation")).to_have_count(0)
    stranger.context.close()


def test_a_deleted_conversation_is_gone_wherever_one_comes_from(page: Page):
    page.goto("/")
    ask(page, SIGNED)
    conversation = page.url
    page.get_by_text("Earlier conversations").click()
    page.keyboard.press("Escape")
    expect(page.locator(".earlier ul")).to_be_hidden()
    page.get_by_text("Earlier conversations").click()
    current = page.locator(".earlier li", has=page.locator("a[aria-current]"))
    current.get_by_role("button", name=re.compile("^Delete")).click()
    current.get_by_role("button", name="delete for good?").click()
    expect(page.locator(".starters button")).not_to_have_count(0)
    page.goto(conversation)
    expect(page.get_by_text("This conversation is no longer here")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)


def test_a_follow_up_is_completed_and_can_be_asked_as_typed(page: Page):
    page.goto("/")
    ask(page, "When was the Panama Canal opened?")
    second = ask(page, "How long is it?")
    expect(second.get_by_text("Asked as: How long is the Panama Canal?")).to_be_visible()
    page.reload()
    as_typed = page.get_by_role("button", name="ask exactly what I wrote")
    expect(as_typed).to_have_count(1)
    completed = page.locator(".turn").nth(1).locator(".answer").inner_text()
    as_typed.focus()
    page.keyboard.press("Enter")
    third = page.locator(".turn").nth(2)
    expect(third.get_by_role("heading", name="How long is it?", exact=True)).to_be_visible()
    expect(third.locator(".summary")).to_be_visible()
    expect(third.get_by_text("Asked as")).to_have_count(0)
    assert third.locator(".answer").inner_text() != completed
    # What was asked as typed is nothing to lean on; the question before it is.
    fourth = ask(page, "Where is it?")
    expect(fourth.get_by_text("Asked as: Where is the Panama Canal?")).to_be_visible()


def test_questions_that_cannot_be_asked(page: Page):
    page.goto("/")
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill("   ")
    box.press("Enter")
    box.fill("How many? " * 1_000)
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("and 2,000 are allowed: ask it shorter.")
    expect(page.get_by_role("alert")).to_be_in_viewport()
    expect(page.locator(".turn")).to_have_count(1)


def test_long_words_and_right_to_left_text_keep_to_the_column(page: Page):
    page.goto("/library")
    hebrew = "# המגדלור\n\n| שנה | מבקרים |\n|---|---|\n| 2020 | 500 |\n"
    long = f"# {'Longword' * 40}\n\n{'Pneumono' * 60} is a word.\n"
    expect(
        upload(page, ("hebrew.md", hebrew.encode()), ("long.md", long.encode())).locator("li.added")
    ).to_have_count(2)
    column = page.locator(".table").bounding_box()["width"]
    assert page.locator(".documents").bounding_box()["width"] <= column
    page.get_by_role("link", name="המגדלור").click()
    first, second = (page.get_by_role("cell", name=name).bounding_box()["x"] for name in ("2020", "500"))
    assert first > second, "the first column of a right-to-left table stands on the right"


@pytest.mark.parametrize("path", ["/", "/library"])
def test_a_narrow_window_never_scrolls_sideways(page: Page, path: str):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    expect(page.locator(".starters, .documents").first).to_be_visible()
    assert_no_sideways_scrolling(page)
    if path == "/":
        turn = ask(page, RADARS)
        assert_no_sideways_scrolling(page)
        footnote(turn).click()
        expect(page.locator("mark.current").first).to_be_in_viewport()
        assert_no_sideways_scrolling(page)


def assert_no_sideways_scrolling(page: Page) -> None:
    widths = page.get_by_test_id("stMain").evaluate("box => [box.scrollWidth, box.clientWidth, innerWidth]")
    assert widths[0] <= widths[1] <= widths[2]


def test_links_that_lead_nowhere_are_one_sentence(page: Page):
    page.goto("/article?d=0000000000000000&v=1&s=1-2")
    expect(page.get_by_text("There is no article at this address")).to_be_visible()
    page.goto("/?c=not-a-conversation")
    expect(page.get_by_text("This conversation is no longer here")).to_be_visible()
    page.goto("/library")
    page.get_by_role("link", name="The sale of F-16 Block 70 aircraft to Türkiye").click()
    expect(page.get_by_role("heading", name="Contents of the package")).to_be_visible()
    page.goto(page.url + "&v=0123456789abcdef&s=5-1")
    expect(page.get_by_text("This link names no place in the article")).to_be_visible()


def test_a_removed_file_stays_away_and_conversations_stay_after_a_restart(page: Page, server: Server):
    page.goto("/")
    ask(page, SIGNED)
    conversation = page.url
    title = "The Panama Canal drought of 2023 and 2024"
    page.get_by_role("link", name="Library").click()
    page.get_by_role("button", name=f"Remove {title}").click()
    expect(page.get_by_role("dialog")).to_contain_text("stays on disk")
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("link", name=title)).to_have_count(0)

    server.stop()
    dialog = page.get_by_role("dialog", name="Connection error")
    expect(dialog).to_be_visible()
    said = dialog.locator("> div").evaluate("node => getComputedStyle(node, '::after').content")
    assert "Footnote was stopped" in said
    server.start()
    expect(dialog).to_have_count(0)
    page.goto(conversation)
    expect(page.locator(".turn")).to_contain_text(SIGNED_QUOTE)
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("link", name="The sale of F-16 Block 70 aircraft to Türkiye")).to_be_visible()
    expect(page.get_by_text(re.compile("Reading the articles"))).to_have_count(0)
    expect(page.get_by_role("link", name=title)).to_have_count(0)

    page.get_by_text("Removed files that stay away").click()
    page.get_by_role("button", name=f"Add back {title[:39].rstrip()}…").click()
    expect(page.get_by_role("link", name=title)).to_be_visible()


def test_the_quality_page_draws_its_figures_and_leads_to_the_chat(page: Page, server: Server):
    shutil.copy(ROOT / "corpus" / "questions.jsonl", server.corpus)
    page.goto("/")
    page.get_by_role("link", name="Quality", exact=True).click()
    page.get_by_role("button", name="Ask the questions").click()
    # The click must have reached the app before the page is left.
    page.wait_for_timeout(3_000)
    page.get_by_role("link", name="Library", exact=True).click()
    expect(page.get_by_role("heading", name="Library")).to_be_visible()
    page.get_by_role("link", name="Quality", exact=True).click()
    expect(
        page.get_by_text(re.compile(r"^Of \d+ questions with an answer, \d+ were answered"))
    ).to_be_visible(timeout=240_000)
    charts = page.get_by_test_id("stVegaLiteChart")
    expect(charts.nth(2)).to_be_visible()
    for n in range(3):
        drawn = charts.nth(n).locator("svg.marks")
        expect(drawn).to_be_visible()
        assert drawn.bounding_box()["width"] > 200
        assert (
            drawn.locator("text").first.evaluate("text => getComputedStyle(text).fill") == "rgb(96, 94, 88)"
        )
    measures = page.locator("table.figures").first
    expect(measures.get_by_role("row", name=re.compile("The right article is found first"))).to_contain_text(
        "%"
    )

    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    first = page.locator("table.wrong tbody").get_by_role("button").first
    question = first.inner_text()
    first.click()
    turn = page.locator(".turn").first
    expect(turn.get_by_role("heading", name=question, exact=True)).to_be_visible()
    expect(turn.locator(".summary")).to_be_visible()
    assert re.search(r"/(chat)?\?c=", page.url)
