"""Text of documents stays text: thirty payloads in texts, titles, addresses, sources and file names."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from urllib.parse import urlencode, urlsplit

import pytest
import xlsxwriter
from playwright.sync_api import Page, expect

from app_pages.chat.page import FORGOTTEN
from rag import Library, NewDocument, Settings
from tests.browser.test_browser import (  # noqa: F401  # the fixtures
    Server,
    ask,
    assert_no_sideways_scrolling,
    browser,
    page,
    upload,
)

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    "<img src=http://evil.test/x onerror=window.hacked=1>",
    "<svg onload=window.hacked=1></svg>",
    "<svg><script>window.hacked=1</script></svg>",
    "<body onload=window.hacked=1>",
    '"><input autofocus onfocus=window.hacked=1>',
    "' onmouseover='window.hacked=1' x='",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<iframe src=javascript:parent.hacked=1></iframe>",
    "<a href='javascript:window.hacked=1'>press</a>",
    "<details open ontoggle=window.hacked=1>x</details>",
    "<style>*{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=http://evil.test/'>",
    "<link rel=stylesheet href=http://evil.test/x.css>",
    "<base href=http://evil.test/>",
    "<form action=http://evil.test/><button>send</button></form>",
    "&lt;script&gt;window.hacked=1&lt;/script&gt;",
    "{{constructor.constructor('window.hacked=1')()}} ${window.hacked=1}",
    "javascript:window.hacked=1",
    "data:text/html,<script>opener.hacked=1</script>",
    "[a link](javascript:window.hacked=1) https://evil.test/x www.evil.test a@evil.test +44 20 7946 0123",
    "![a picture](http://evil.test/x.png)",
    "**bold** *slanted* `code` ~~gone~~",
    "# A heading\n> a quote\n- an item",
    "$x^2$ and $$\\frac{1}{2}$$",
    ":red[coloured] :blue-background[marked] :material/home: :smile:",
    "right \u202eto left\u202c and \u2066isolated\u2069 and \u200bhidden",
    "W" * 600,
    "<b>bold</b> <mark id=current>marked</mark> <h1>head</h1>",
]
SCRIPTS = "script, iframe, object, embed, base, form[action], meta[http-equiv], img, svg, style, link"
MADE = f"""() => {{
    const open = (root) => [...root.querySelectorAll("*")].flatMap((node) =>
        node.shadowRoot ? [node, ...open(node.shadowRoot)] : [node]);
    const all = open(document.body);
    const views = all.filter((node) => node.matches(".view"));
    const ours = views.flatMap((view) => open(view));
    const handlers = ours.filter((node) => [...node.attributes].some((one) => one.name.startsWith("on")));
    const links = ours.filter((node) => node.href
        && (!/^https?:$/.test(new URL(node.href).protocol) || new URL(node.href).hostname.endsWith("evil.test")));
    const made = ours.filter((node) => node.matches("{SCRIPTS}"));
    const marked = all.filter((node) => node.matches(".katex, .stMarkdownColoredText, .stMarkdownBadge"));
    return {{
        views: views.length,
        made: [...handlers, ...links, ...made, ...marked].map((node) => node.outerHTML.slice(0, 200)),
    }};
}}"""
"""How many views there are, and what is in them that no view of ours has."""


def shown(payload: str) -> str:
    """What is seen of a payload: its characters on one line, without those that can't be seen."""
    return " ".join(re.sub("[\u200b\u202a-\u202e\u2066-\u2069]", "", payload).split())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("app"))
    documents = [
        NewDocument(
            text=f"Parrot number {n} of the harbour office eats {payload} on Monday mornings.\n\n{payload}",
            title=f"{n} {payload}",
            key=f"upload:{n} {payload}.txt",
            source=payload,
            url=payload if n % 2 else f"https://example.org/{payload}",
            author=payload,
        )
        for n, payload in enumerate(PAYLOADS)
    ]
    questions = [
        {
            "question": f"What does parrot number {n} eat? {payload}",
            "answer": payload,
            "document": f"{n} {payload}",
        }
        for n, payload in enumerate(PAYLOADS)
    ]
    (server.corpus / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)), "utf-8")
    with Library.open(Settings(data_dir=server.data, corpus_dir=server.corpus), follow=False) as library:
        report = library.add(documents)
    assert len(report.added) == len(PAYLOADS)
    server.start()
    yield server
    server.stop()
    server.log.close()


@pytest.fixture
def watched(page: Page) -> Iterator[Page]:  # noqa: F811  # the fixture
    """A page on which nothing may run, and from which nothing may be asked of another computer."""
    asked: list[str] = []
    dialogs: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield page
    assert page.evaluate("window.hacked") is None
    assert [url for url in asked if "evil.test" in urlsplit(url).netloc] == []
    assert dialogs == []
    assert len(page.context.pages) == 1


def assert_nothing_was_made(page: Page) -> None:  # noqa: F811  # the fixture
    found = page.evaluate(MADE)
    assert found["made"] == []
    assert found["views"] > 1
    assert page.evaluate("window.hacked") is None
    assert_no_sideways_scrolling(page)


def test_the_library_and_the_articles_show_payloads_as_they_are(watched: Page):
    watched.goto("/library")
    rows = watched.locator("table.documents tbody tr")
    expect(rows.filter(has_text=f"0 {PAYLOADS[0]}")).to_be_visible()
    links = watched.locator("table.documents td.title a")
    titles = [" ".join(title.split()) for title in links.all_text_contents()]
    assert {f"{n} {shown(one)}" for n, one in enumerate(PAYLOADS)} <= set(map(shown, titles))
    assert_nothing_was_made(watched)

    for href in [link.get_attribute("href") for link in links.all()]:
        watched.goto(str(href))
        expect(watched.locator(".article h1")).to_be_visible()
        assert_nothing_was_made(watched)


def test_file_names_are_shown_as_they_are(watched: Page):
    watched.goto("/library")
    names = {f"{payload.replace('/', '∕')[:200]}.txt" for payload in PAYLOADS if "\n" not in payload}
    files = [
        (name, f"A ship of the kind {n} is in the harbour.".encode()) for n, name in enumerate(sorted(names))
    ]
    results = upload(watched, *files, ("<img src=x onerror=window.hacked=1>.png", b"\x89PNG\r\n\x1a\n"))
    results.get_by_text("more files in order").click()
    expect(results.locator(".outcome:visible")).to_have_count(len(files) + 1)
    expect(results).to_contain_text(PAYLOADS[2][:12])
    assert_nothing_was_made(watched)
    watched.get_by_role("button", name="Remove <iframe srcdoc").first.click()
    expect(watched.get_by_role("dialog")).to_contain_text("<iframe srcdoc")
    assert_nothing_was_made(watched)


def test_folders_archives_sheets_and_stories_show_payloads_as_they_are(watched: Page, server: Server):
    names = [payload.replace("/", "∕")[:200] for payload in PAYLOADS if "\n" not in payload]
    folder = server.corpus / names[2]
    folder.mkdir()
    for number, name in enumerate(names):
        (folder / f"{number} {name}.pdf").write_bytes(b"%PDF-1.4 and no more")
    inner = BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for number, payload in enumerate(PAYLOADS):
            archive.writestr(
                f"{number} {payload}.txt", f"The lantern {number} hangs in the harbour. {payload}"
            )
            archive.writestr(f"{number} {payload}.png", b"\x89PNG\r\n\x1a\n")
    sheets = BytesIO()
    with xlsxwriter.Workbook(sheets, {"in_memory": True}) as book:
        for number, payload in enumerate(PAYLOADS):
            sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\\n']", "", f"{number}{payload}")[:31])
            sheet.write_row(0, 0, [f"Lantern {number}", payload])
            sheet.write_row(1, 0, [payload, number])
    same = "The harbour office counts its lanterns each spring, and found forty of them in the sheds by the quay."
    watched.goto("/library")
    upload(
        watched,
        (f"{names[4]}.zip", inner.getvalue()),
        (f"{names[0]}.xlsx", sheets.getvalue()),
        *((f"{number} {name}.md", f"# {name}\n\n{same}\n".encode()) for number, name in enumerate(names[:3])),
    )
    adding = watched.get_by_text(re.compile("^Adding, "))
    while adding.count():
        assert_nothing_was_made(watched)
    results = watched.get_by_role("list", name="What became of the files")
    expect(results).to_contain_text("also holds what can't be read")
    expect(results).to_contain_text(names[4][:12])
    assert_nothing_was_made(watched)
    unread = watched.locator(".unread")
    expect(unread.locator("summary")).to_have_text(f"{len(names)} files could not be read")
    unread.locator("summary").click()
    expect(unread.locator("li").first).to_contain_text("<img src=http:")
    assert_nothing_was_made(watched)
    groups = watched.get_by_role("button", name=re.compile(r"^and \d+ cop|\d+ versions of"))
    expect(groups.first).to_be_visible()
    for group in groups.all():
        group.click()
    assert_nothing_was_made(watched)
    watched.reload()
    expect(watched.locator("table.documents")).to_be_visible()
    assert_nothing_was_made(watched)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


@pytest.mark.parametrize("numbers", [range(0, 10), range(10, 20), range(20, 30)], ids=str)
def test_the_chat_quotes_payloads_as_they_are(watched: Page, numbers: range):
    watched.goto("/")
    for n in numbers:
        turn = ask(watched, f"What does parrot number {n} of the harbour office eat on Monday mornings?")
        expect(turn.locator(".answer, .declined").first).to_be_visible()
        assert_nothing_was_made(watched)
    turn = ask(watched, f"Does the parrot eat {shown(PAYLOADS[numbers[2]])[:300]}?")
    assert_nothing_was_made(watched)
    watched.goto(watched.url)
    expect(watched.locator(".turn").last.locator(".summary")).to_be_visible()
    assert_nothing_was_made(watched)


def test_payloads_in_the_address_are_shown_as_they_are(watched: Page):
    names = [("source", payload) for payload in PAYLOADS]
    names += [("article", payload) for payload in PAYLOADS[:10]]
    for conversation in (PAYLOADS[0], PAYLOADS[3]):
        address = urlencode([*names, ("c", conversation), ("since", PAYLOADS[0]), ("debug", PAYLOADS[1])])
        watched.goto(f"/?{address}")
        expect(watched.get_by_text(FORGOTTEN)).to_be_visible()
        assert_nothing_was_made(watched)
        address = urlencode({"d": conversation, "s": conversation, "v": conversation, "c": conversation})
        watched.goto(f"/article?{address}")
        expect(watched.get_by_text("No article here")).to_be_visible()
        assert_nothing_was_made(watched)


def test_pasted_texts_and_addresses_are_shown_as_they_are(watched: Page):
    watched.goto("/library")
    watched.get_by_text("Paste a text").click()
    watched.get_by_label("Title").fill(f"Pasted {' '.join(PAYLOADS)}"[:900])
    watched.get_by_label("Text", exact=True).fill(f"The pilot reads {' '.join(PAYLOADS)} aloud.")
    watched.get_by_role("button", name="Add this text").click()
    results = watched.get_by_role("list", name="What became of the files")
    expect(results).to_contain_text("Pasted <script>")
    assert_nothing_was_made(watched)
    watched.get_by_text("Add from the web").click()
    watched.get_by_label("Addresses of articles or feeds").fill("\n".join(PAYLOADS))
    watched.get_by_role("button", name="Add these addresses").click()
    expect(results).to_contain_text("<iframe")
    expect(watched.get_by_text(re.compile("^(Adding|Waiting), "))).to_have_count(0)
    assert_nothing_was_made(watched)


def test_the_quality_page_lists_payloads_as_they_are(watched: Page):
    watched.goto("/quality")
    watched.get_by_role("button", name="Ask the questions").click()
    expect(watched.get_by_text(re.compile(r"^Of \d+ questions with an answer"))).to_be_visible()
    assert watched.locator(".view").all_inner_texts()
    assert_nothing_was_made(watched)
