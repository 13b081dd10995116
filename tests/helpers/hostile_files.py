"""Small files that are made to do harm: to break what reads them, to fill the memory, or to read other files."""

from __future__ import annotations

import json
import random
import struct
import zipfile
from collections.abc import Iterator
from io import BytesIO

from tests.loading.office.test_documents import odt, saved, word
from tests.loading.office.test_sheets import TOWNS, workbook
from tests.loading.pdf.test_documents import pdf

CANARY = "the-canary-that-no-article-may-hold"
TEXT = "The harbour bridge was opened in the spring of the year 1924, and the ferry was given up. "
PAGE = f"<html><head><title>The bridge</title></head><body><article><p>{TEXT * 3}</p></article></body></html>"
PAGE_XML = '<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>One</h1><p>{}</p></body></html>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(12))
QUADRATIC = f'<!ENTITY a "{"a" * 20_000}">'


def zipped(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def rezipped(data: bytes, **changes: str | bytes) -> bytes:
    """Return an archive whose files with these names ("word__document_xml") have other content."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        files: dict[str, str | bytes] = {one.filename: archive.read(one) for one in archive.infolist()}
    return zipped(
        files | {name.replace("__", "/").replace("_xml", ".xml"): new for name, new in changes.items()}
    )


def epub(body: str = PAGE_XML.format(TEXT), href: str = "a.xhtml", **more: str) -> bytes:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:title>The Island</dc:title></metadata><manifest><item id="a" href="{href}"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>'
    )
    files: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<c><rootfiles><rootfile full-path="p.opf"/></rootfiles></c>',
        "p.opf": package,
        "a.xhtml": body,
    }
    return zipped({**files, **more})


def message(body: str = TEXT, extra: str = "") -> bytes:
    return (
        f"From: a@example.org\nTo: b@example.org\nSubject: News\nDate: Tue, 5 Mar 2024 10:00:00 +0000\n{extra}\n{body}"
    ).encode()


def valid_files() -> dict[str, bytes]:
    """A small file of each kind that is read."""
    presentation = BytesIO()
    import pptx

    slides = pptx.Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[5])
    slide.shapes.title.text = TEXT
    slides.save(presentation)
    attached = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n'
    parts = f"--x\nContent-Type: text/plain\n\n{TEXT}\n--x\nContent-Type: text/html\n\n{PAGE}\n--x--\n"
    return {
        "a.txt": (TEXT * 5).encode(),
        "a.md": f"---\ntitle: The bridge\n---\n# One\n\n{TEXT}\n\n- a\n- b\n\n| a | b |\n|---|---|\n| 1 | 2 |".encode(),
        "a.html": PAGE.encode(),
        "a.csv": f"title,text,date\nOne,{TEXT.replace(',', '')},2024-03-05\nTwo,{TEXT.replace(',', '')},\n".encode(),
        "a.jsonl": "\n".join(json.dumps({"title": n, "text": TEXT}) for n in "ab").encode(),
        "a.json": json.dumps([{"title": "a", "text": TEXT, "more": {"b": [1, {"c": 2}]}}]).encode(),
        "a.pdf": pdf([(50, 700, TEXT), (50, 680, "A second line.")]),
        "a.docx": saved(word()),
        "a.odt": odt(f"<text:p>{TEXT}</text:p>"),
        "a.pptx": presentation.getvalue(),
        "a.xlsx": workbook({"Towns": TOWNS}),
        "a.epub": epub(),
        "a.rtf": (r"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 " + TEXT + r"\par Caf\'e9}").encode(),
        "a.eml": message(parts, attached),
        "a.zip": zipped({"one.txt": TEXT, "two.md": f"# Two\n\n{TEXT}"}),
    }


def mutations(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield copies of a file with bytes flipped, cut out, doubled, or numbers made huge."""
    chosen = random.Random(seed)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chosen.choice([1, 3, 20])):
            at, length = chosen.randrange(len(changed)), chosen.randrange(1, 40)
            match chosen.randrange(6):
                case 0:
                    changed[at] ^= 1 << chosen.randrange(8)
                case 1:
                    changed[at : at + length] = chosen.randbytes(length)
                case 2:
                    del changed[at : at + length]
                case 3:
                    changed[at:at] = changed[at : at + length] * chosen.choice([2, 200])
                case 4:
                    changed[at : at + 4] = struct.pack("<I", chosen.choice([0, 0x7FFFFFFF, 0xFFFFFFFF]))
                case _:
                    del changed[max(1, at) :]
            changed = changed or bytearray(b"\0")
        yield bytes(changed)


def hostile_files(secret: str) -> dict[str, bytes]:
    """Return files by what they try; `secret` is the path of a file that holds the canary."""
    found = {**_entities(secret), **_archives(), **_deep(), **_huge(), **_corrupt()}
    found.update((name, data) for name, data in _names().items())
    return found


def _entities(secret: str) -> dict[str, bytes]:
    """XML that grows while it is read, or asks for other files and addresses."""
    outside = f'<!ENTITY x SYSTEM "file://{secret}">'
    parameter = f'<!ENTITY % x SYSTEM "file://{secret}"> %x;'
    network = '<!ENTITY x SYSTEM "http://127.0.0.1:9/evil">'
    files = dict[str, bytes]()
    docx = saved(word())
    for what, inside, use in (
        ("laughs", LAUGHS, "&l11;"),
        ("quadratic", QUADRATIC, "&a;" * 3_000),
        ("outside", outside, "&x;"),
        ("parameter", parameter, "a"),
        ("network", network, "&x;"),
        ("loop", '<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;"),
    ):
        doctype = f"<!DOCTYPE d [{inside}]>"
        files[f"entities {what}.html"] = f"{doctype}{PAGE.replace('bridge', use)}".encode()
        files[f"entities {what}.xhtml"] = (
            f'<?xml version="1.0"?>{doctype}{PAGE_XML.format(use + TEXT)}'.encode()
        )
        files[f"entities {what}.epub"] = epub(f"{doctype}{PAGE_XML.format(use + TEXT)}")
        files[f"entities {what}.odt"] = rezipped(
            odt("<text:p>a</text:p>"), content_xml=f"{doctype}<d>{use}</d>"
        )
        files[f"entities {what}.docx"] = rezipped(
            docx, word__document_xml=f'<?xml version="1.0"?>{doctype}<d>{use}</d>'
        )
    files["include.docx"] = rezipped(
        docx,
        word__document_xml='<x xmlns:xi="http://www.w3.org/2001/XInclude">'
        f'<xi:include parse="text" href="file://{secret}"/></x>',
    )
    files["yaml.md"] = b"---\na: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\n---\ntext here"
    bomb = "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    files["yaml bomb.md"] = f"---\na0: &a0 [x]\n{bomb}title: *a11\n---\nThe text.".encode()
    files["yaml object.md"] = b"---\ntitle: !!python/object/apply:os.system ['true']\n---\nThe text."
    return files


def _archives() -> dict[str, bytes]:
    """Archives that unpack to too much, contain themselves, or name places outside."""
    zeros = b"\0" * 40_000_000
    letters = b"a " * 10_000_000
    nested = zipped({"a.txt": TEXT})
    for _ in range(12):
        nested = zipped({"a.zip": nested})
    traversing = (
        "../../../../tmp/footnote-evil.txt",
        "/tmp/footnote-evil.txt",
        "C:\\evil.txt",
        "a/../../b.txt",
    )
    lying = bytearray(zipped({"a.txt": TEXT}, zipfile.ZIP_STORED))
    at = lying.index(b"PK\x01\x02")
    lying[at + 20 : at + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    overlapping = bytearray(zipped({f"{n}.txt": letters[:2_000_000] for n in range(3)}))
    return {
        "bomb of zeros.zip": zipped({"a.txt": zeros}),
        "bomb of words.zip": zipped({f"{n}.txt": letters for n in range(16)}),
        "bomb.docx": rezipped(saved(word()), word__document_xml=b"<a>" + letters + b"</a>"),
        "bomb.xlsx": rezipped(workbook({"a": TOWNS}), xl__worksheets__sheet1_xml=b"<a>" + letters + b"</a>"),
        "bomb.epub": epub(PAGE_XML.format("a " * 10_000_000)),
        "bomb.odt": odt("<text:p>" + "a " * 10_000_000 + "</text:p>"),
        "bomb of spaces.odt": odt('<text:p><text:s text:c="2000000000"/>a</text:p>'),
        "bomb of columns.ods": zipped(
            {
                "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
                "content.xml": '<o:d xmlns:o="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
                ' xmlns:t="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><o:body><o:spreadsheet>'
                '<t:table t:name="a"><t:table-row t:number-rows-repeated="1048576">'
                '<t:table-cell t:number-columns-repeated="16384" o:value-type="string"><p>a</p></t:table-cell>'
                "</t:table-row></t:table></o:spreadsheet></o:body></o:d>",
            }
        ),
        "many files.zip": zipped({f"{n}.txt": TEXT for n in range(5_000)}),
        "nested.zip": nested,
        "traversing.zip": zipped(dict.fromkeys(traversing, TEXT)),
        "the same name.zip": zipped({"a.txt": TEXT, "A.txt": TEXT, "a.txt/b.txt": TEXT}),
        "odd names.zip": zipped({"\u202etxt.exe.txt": TEXT, "a\nb.txt": TEXT, "n" * 60_000 + ".txt": TEXT}),
        "lying about its size.zip": bytes(lying),
        "overlapping.zip": bytes(overlapping[:3_000]),
        "epub outside.epub": epub(href="../../../../etc/passwd"),
        "epub itself.epub": epub(href="p.opf"),
        "epub by address.epub": epub(href="http://127.0.0.1:9/a.xhtml"),
    }


def _deep() -> dict[str, bytes]:
    """Things within each other, deeper than programs call functions."""
    many = 100_000
    mail = message("--x\n" * 20_000, 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n')
    inner = TEXT
    for n in range(200):
        inner = f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n{inner}\n--{n}--\n'
    return {
        "deep.json": b"[" * many + b"]" * many,
        "deep objects.json": b'{"a":' * 400 + b"1" + b"}" * 400,
        "deep lists.jsonl": b'{"text": ' + b"[" * 900 + b"1" + b"]" * 900 + b"}",
        "deep.html": ("<div>" * many + TEXT).encode(),
        "deep tables.html": ("<table><tr><td>" * 5_000 + TEXT).encode(),
        "deep lists.html": ("<ul><li>" * 20_000 + TEXT).encode(),
        "deep quotes.md": b"> " * 20_000 + b"a",
        "deep lists.md": b"".join(b" " * n + b"- a\n" for n in range(1_000)),
        "brackets.md": b"[" * 20_000,
        "stars.md": b"*a " * 10_000,
        "ticks.md": b"".join(b"`" * n + b"a" for n in range(300)),
        "deep.rtf": b"{\\rtf1 " + b"{" * many + b"a",
        "deep.xhtml": ("<?xml version='1.0'?><html><body>" + "<b>" * many).encode(),
        "deep.odt": odt("<text:span>" * 20_000 + "a" + "</text:span>" * 20_000),
        "deep.docx": rezipped(saved(word()), word__document_xml=b"<a>" * many),
        "deep.epub": epub("<b>" * many),
        "deep parts.eml": mail,
        "deep messages.eml": ("MIME-Version: 1.0\nFrom: a\nTo: b\nSubject: c\n" + inner).encode(),
        "deep.pdf": b"%PDF-1.4\n1 0 obj\n" + b"[" * many + b"\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    }


def _huge() -> dict[str, bytes]:
    """Small files that say that they are large, and lines and cells without end."""
    page = pdf([(50, 700, TEXT)])
    return {
        "count.pdf": page.replace(b"/Count 1", b"/Count 2000000000"),
        "length.pdf": page.replace(b"/Length ", b"/Length 99999999"),
        "itself.pdf": page.replace(b"/Kids[4 0 R]", b"/Kids[2 0 R 2 0 R]"),
        "box.pdf": page.replace(b"[0 0 595 842]", b"[0 0 1e38 -1e38]"),
        "xref.pdf": page.replace(b"/Size 7", b"/Size 2147483647"),
        "font.pdf": page.replace(
            b"/BaseFont/Helvetica", b"/BaseFont/Helvetica/FirstChar -2147483648/LastChar 2147483647"
        ),
        "far.xlsx": rezipped(
            workbook({"a": TOWNS}),
            xl__worksheets__sheet1_xml='<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
            "</sheetData></worksheet>",
        ),
        "one line.csv": b"a," * 100_000,
        "quote.csv": b'a,b\n"' + b"x\n" * 500_000,
        "columns.csv": b"title,text\n" + b"," * 1_000_000,
        "number.json": b'[{"text": ' + b"9" * 100_000 + b"}]",
        "float.json": b'[{"text": 1e999999999}]',
        "surrogate.json": b'[{"text": "\\ud800 the ship", "title": "\\udfff\\u0000"}]',
        "keys.json": json.dumps([{f"k{n}": "v" for n in range(5_000)}]).encode(),
        "attributes.html": ("<p " + "".join(f'a{n}="b" ' for n in range(1_500)) + f">{TEXT}").encode(),
        "entity.html": b"&#99999999999;" * 10_000,
        "comment.html": b"<html><body><!--" + b"-" * 500_000,
        "headers.eml": message(extra="".join(f"X-{n}: {'a' * 50}\n" for n in range(20_000))),
        "address.eml": message(extra="Cc: " + "<" * 50_000 + "\n"),
        "words.eml": message(extra="Subject: " + "=?utf-8?q?a?= " * 20_000 + "\n"),
        "picture.rtf": b"{\\rtf1 {\\pict " + b"ab" * 200_000 + b"}\\bin99999999 a}",
        "repeated.rtf": b"{\\rtf1 " + b"\\u-99999999999?" * 20_000 + b"}",
        "lines.txt": b"a\n" * 60_000,
        "marks.txt": ("a" + "\u0301\u0323" * 200_000).encode(),
        "marks.csv": ("title,text\na," + "\u0301\u0323" * 200_000).encode(),
        "tags.txt": ("".join(chr(0xE0000 + n % 128) for n in range(100_000)) + TEXT).encode(),
        "zeros.txt": b"\0" * 1_000_000,
        "utf-7.txt": b"+ADw-script+AD4-" * 1_000,
        "half.txt": b"\xff\xfe" + b"a" * 100_001,
    }


def _corrupt() -> dict[str, bytes]:
    """Beginnings of files, and one kind in the other's clothes."""
    found = dict[str, bytes]()
    for name, data in valid_files().items():
        found[f"half {name}"] = data[: len(data) // 2]
        found[f"twice {name}"] = data + data
    found |= {
        "ole.msg": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "__properties_version1.0".encode("utf-16-le") + b"\xff" * 2_000,
        "sectors.msg": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 62, 3, 0xFFFE, 31, 30)
        + b"\xff" * 500 + "__properties_version1.0".encode("utf-16-le"),
        "only its mark.pdf": b"%PDF-1.7",
        "only its mark.zip": b"PK\x03\x04",
        "zip in a pdf.pdf": valid_files()["a.pdf"] + valid_files()["a.zip"],
    }  # fmt: skip
    return found


def _names() -> dict[str, bytes]:
    return {
        "../../../etc/passwd": b"root:x:0:0",
        "a\nb\x1b[31m.txt": TEXT.encode(),
        "\u202etxt.pdf.txt": TEXT.encode(),
        "n" * 5_000 + ".txt": TEXT.encode(),
        ".txt": TEXT.encode(),
        "\ud800.txt": TEXT.encode(),
        "": TEXT.encode(),
        "CON.txt": TEXT.encode(),
    }
