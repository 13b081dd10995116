"""The command line: ``python -m rag COMMAND``.

``add``, ``sync``, ``list`` and ``remove`` are for documents, ``search`` and ``ask`` for questions,
``evaluate`` tells how well they are answered; ``doctor``, ``export``, ``import``, ``rebuild`` and ``reembed``
look after the library.

Exit codes: 0 done, 1 something could not be done (each with its sentence on standard error),
2 wrong usage, 3 the collection has no answer. With ``--json`` standard output is one JSON value.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rag.answers import BY_WORDS
from rag.assistant import Assistant
from rag.cli.evaluate import add_options, at_least_one, evaluate, report_json, report_text
from rag.cli.printing import (
    SYNCED,
    answer_json,
    document_json,
    hit_json,
    label,
    listed,
    print_answer,
    print_finding,
    print_json,
    print_report,
    shortened,
)
from rag.documents import Filters, Hit, Progress, told_together
from rag.embedding.endpoint import embedder_of
from rag.errors import FootnoteError
from rag.evaluation.evaluation import not_held
from rag.library import Library
from rag.service.gathering import add_named
from rag.service.naming import count
from rag.settings import Settings
from rag.upkeep.doctor import examine
from rag.upkeep.exporting import export_library, import_library
from rag.upkeep.indexing import rebuild_index

DONE, FAILED, NO_ANSWER = 0, 1, 3
TO_EMBED = (
    "{} documents have still to be embedded with {}, and until they are, passages are found by their words"
    " alone: run `python -m rag reembed`."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "add" and not (options.path or options.feed):
        parser.error("add needs a PATH, an address or --feed URL")
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        settings = Settings.from_env()
        if options.command == "doctor":  # which has to come before a library can be opened
            return _doctor(settings, options)
        is_reembedding = options.command == "reembed"
        follow = options.command == "rebuild"
        with Library.open(settings, follow=follow, reembed=is_reembedding) as library:
            if not is_reembedding and (waiting := library.embedding.left()):
                print(TO_EMBED.format(waiting, library.embedder.name), file=sys.stderr)
            return int(options.run(library, options))
    except FootnoteError as error:
        print(error, file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # Whoever read the output has closed it, as `head` does; flushing at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("Stopped; what was reported as done is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rag",
        description="Ask a collection of articles, and look after it.",
        epilog="Exit codes: 0 done, 1 something failed or, by the doctor, could not be mended, 2 wrong usage,"
        " 3 the collection has no answer.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON value")

    def command(name: str, run: Callable[..., int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[common], help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    add = command("add", _add, "add files, all readable files of folders, or articles of the web")
    add.add_argument("path", nargs="*", metavar="PATH", help="a file, a folder, or https://...")
    add.add_argument(
        "--feed", action="append", default=[], metavar="URL", help="the articles of an RSS or Atom feed"
    )
    add.add_argument("--latest", type=at_least_one, metavar="N", help="only so many of each feed, the newest")
    sync = command("sync", _sync, "read what is new or changed in the followed folders; what is gone leaves")
    sync.add_argument("--retry", action="store_true", help="read again what could not be read before")
    command("list", _list, "list the documents")
    remove = command("remove", _remove, "remove documents by their ids, as `list` prints them")
    remove.add_argument("id", nargs="+")
    search = command("search", _search, "find passages")
    search.add_argument("--limit", type=int, default=10, help="passages to print (10)")
    ask = command("ask", _ask, "answer a question with cited quotes")
    ask.add_argument(
        "--no-preference",
        action="store_true",
        help="don't prefer articles of the time or source that the question names",
    )
    ask.add_argument(
        "--mode",
        choices=("auto", "quote", "generate"),
        help="quote, or have a model write the answer; auto writes if an endpoint is set",
    )
    for sub in (search, ask):
        sub.add_argument("question", nargs="+")
        _add_filters(sub)
    add_options(command("evaluate", _evaluate, "ask questions whose answers are known, and measure"))
    command("rebuild", _rebuild, "make the vector index anew from the catalog")
    command(
        "reembed", _reembed, "embed everything with the embedding model that is set now, or go on with it"
    )
    doctor = command("doctor", _doctor, "check the library, mend it, and save what a damaged one still holds")
    doctor.add_argument(
        "--all", action="store_true", help="embed all passages again to compare, not a sample"
    )
    command("export", _export, "write the library into one file").add_argument("file", type=Path)
    command("import", _import, "add the documents of an exported file").add_argument("file", type=Path)
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    for name, metavar, what in (("--source", "SOURCE", "source"), ("--document", "ID", "article")):
        told = f"only from this {what}; may be repeated"
        parser.add_argument(name, action="append", default=[], metavar=metavar, help=told)
    for name, told in (("--since", "this day, 2023-10-01, or after"), ("--until", "this day or before")):
        parser.add_argument(name, type=_day, metavar="DAY", help=f"only published on {told}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it as in 2023-10-01") from error


def _filters(options: argparse.Namespace) -> Filters:
    return Filters(options.source, options.since, options.until, options.document)


def _add(library: Library, options: argparse.Namespace) -> int:
    with _bar(options) as bar:
        report = add_named(
            library, options.path, options.feed, latest=options.latest, progress=partial(_show, bar)
        )
    print_report(report, options.json)
    return FAILED if report.failed else DONE


def _sync(library: Library, options: argparse.Namespace) -> int:
    library.settings.check_folders()
    if options.retry:
        library.followed.retry()
    earlier = set(library.followed.failures())
    with _bar(options) as bar:
        report = library.followed.sync(partial(_show, bar))
    print_report(report, options.json, SYNCED)
    if waiting := len({failure.file for failure in earlier.intersection(library.followed.failures())}):
        files = "1 file that could" if waiting == 1 else f"{waiting} files that could"
        print(f"Not read again: {files} not be read before; --retry tries again.", file=sys.stderr)
    return FAILED if report.failed else DONE


def _bar(options: argparse.Namespace) -> tqdm[Any]:
    shown = "{desc:24.24} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    quiet = options.json or not sys.stderr.isatty()
    return tqdm(total=1, bar_format=shown, disable=quiet, leave=options.command == "add")


def _show(bar: tqdm[Any], progress: Progress) -> None:
    bar.total = progress.total
    bar.set_description_str(progress.what)
    bar.update(progress.done + progress.part - bar.n)


def _list(library: Library, options: argparse.Namespace) -> int:
    documents = library.documents()
    lines = [
        listed(one, f"  also: {one.title}" if number else one.title)
        for group in told_together(documents, library.stories())
        for number, one in enumerate(group)
    ]
    _tell(options, [document_json(document) for document in documents], *lines)
    if not documents:
        print("The library is empty: add articles with `python -m rag add PATH`.", file=sys.stderr)
    return DONE


def _remove(library: Library, options: argparse.Namespace) -> int:
    removed, failed = [], []
    with library.batch():
        for document_id in options.id:
            try:
                library.remove(document_id)
                removed.append(document_id)
            except FootnoteError as error:
                failed.append(document_id)
                print(f"{document_id}: {error}", file=sys.stderr)
    lines = [f"removed   {document_id}" for document_id in removed]
    _tell(options, {"removed": removed, "failed": failed}, *lines)
    return FAILED if failed else DONE


def _search(library: Library, options: argparse.Namespace) -> int:
    filters = _filters(options)
    found = library.find(" ".join(options.question), max(1, options.limit), filters)
    hits = [Hit(c.stored.document, c.stored.passage, c.score) for c in found.candidates]
    if found.failure:
        print(BY_WORDS.format(found.failure), file=sys.stderr)
    lines = [f"{hit.score:.3f}  {label(hit.document)}\n       {shortened(hit.passage.text)}" for hit in hits]
    _tell(options, [hit_json(hit) for hit in hits], *lines)
    if filters and not hits:
        print("No article matches the filters: leave some out or choose others.", file=sys.stderr)
    return DONE if hits else NO_ANSWER


def _ask(library: Library, options: argparse.Namespace) -> int:
    answer = Assistant(library, library.settings).ask(
        " ".join(options.question),
        prefer=not options.no_preference,
        filters=_filters(options),
        mode=options.mode,
    )
    if options.json:
        print_json(answer_json(answer))
    else:
        print_answer(answer)
    return NO_ANSWER if answer.abstained else DONE


def _evaluate(library: Library, options: argparse.Namespace) -> int:
    with _bar(options) as bar:
        report = evaluate(library, options, partial(_show, bar))
    if sentence := not_held(report.matched):
        print(sentence, file=sys.stderr)
    return _tell(options, report_json(report), report_text(report))


def _rebuild(library: Library, options: argparse.Namespace) -> int:
    rebuild_index(library)
    status = library.status()
    text = f"The vector index holds {status.passages} passages of {status.documents} documents."
    return _tell(options, {"documents": status.documents, "passages": status.passages}, text)


def _reembed(library: Library, options: argparse.Namespace) -> int:
    with _bar(options) as bar:
        number = library.embedding.reembed(partial(_show, bar))
    done = f"embedded {count(number, 'document')}" if number else "nothing was left to embed"
    text = f"The library is embedded with {library.embedder.name}: {done}."
    return _tell(options, {"embedded": number, "embedder": library.embedder.name}, text)


def _tell(options: argparse.Namespace, value: object, *lines: str) -> int:
    if options.json:
        print_json(value)
    else:
        print(*lines, sep="\n", end="\n" if lines else "")
    return DONE


def _doctor(settings: Settings, options: argparse.Namespace) -> int:
    findings = []
    with _bar(options) as bar:
        embedder = embedder_of(settings)
        for finding in examine(settings, embedder, everything=options.all, progress=partial(_show, bar)):
            findings.append(finding)
            if not options.json:
                with bar.external_write_mode():
                    print_finding(finding)
    is_in_order = all(finding.is_in_order for finding in findings)
    if options.json:
        checks = [asdict(finding) | {"is_in_order": finding.is_in_order} for finding in findings]
        print_json({"is_in_order": is_in_order, "checks": checks})
    return DONE if is_in_order else FAILED


def _export(library: Library, options: argparse.Namespace) -> int:
    with _bar(options) as bar:
        number = export_library(library, options.file, partial(_show, bar))
    text = f"{options.file} holds {count(number, 'document')}."
    return _tell(options, {"file": str(options.file), "documents": number}, text)


def _import(library: Library, options: argparse.Namespace) -> int:
    with _bar(options) as bar:
        report = import_library(library, options.file, partial(_show, bar))
    print_report(report, options.json)
    return FAILED if report.failed else DONE
