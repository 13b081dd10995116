"""Kill, fill and crowd a library, and see that nothing acknowledged is lost and nothing wrong is quoted.

    python scripts/torture.py                  everything in a short form
    python scripts/torture.py --rounds 10      more kills of each kind
    python scripts/torture.py --minutes 2      twenty askers and one writer for two minutes

Kills: a process that updates documents, rebuilds the vector index, or imports 500 documents is ended by
SIGKILL at a random moment; another opens the library and checks it. Full disk: a library on a tmpfs of
some megabytes is filled until it refuses, and goes on when there is room again; that needs the right
to mount, and is left out, saying so, where there is none. Askers: threads ask while one adds, updates
and removes; every citation is compared with the text of its version.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from rag import Answer, Assistant, DocumentNotFound, Library, NewDocument, Settings  # noqa: E402  # found by the line above
from rag.embedding.local import Embedder, PassageVectors, Vector  # noqa: E402
from rag.embedding.word_vectors import NO_WORDS, WordVectors  # noqa: E402
from rag.errors import CatalogError  # noqa: E402
from rag.upkeep.indexing import rebuild_index  # noqa: E402

WORDS = "harbour treaty budget summit factory election storm museum bridge river market school".split()
DOCUMENTS = 1_100
"""Held before the kills: Chroma writes index files only above 1,000 vectors."""
IMPORTED = 500
KILLS = ("update", "rebuild", "import")


class HashedWords:
    """An embedder without a model: each word adds a direction of its own, so that texts differ."""

    name = "hashed-words"
    dimensions = 32
    languages: frozenset[str] = frozenset()
    has_words = False

    def __init__(self) -> None:
        self.passages_embedded = 0

    def embed_question(self, text: str) -> Vector:
        """The sum of its words' directions, normalised."""
        vector = np.full(self.dimensions, 1e-3, np.float32)
        for word in re.findall(r"\w+", text.lower()):
            digest = hashlib.blake2b(word.encode(), digest_size=self.dimensions).digest()
            vector += np.frombuffer(digest, np.uint8).astype(np.float32) / 127.5 - 1
        normalised: Vector = vector / np.linalg.norm(vector)
        return normalised

    def embed_question_words(self, text: str) -> tuple[Vector, WordVectors]:
        """The question's vector, and none of its words."""
        return self.embed_question(text), NO_WORDS

    def embed_passage(self, text: str, spans: Sequence[tuple[int, int]]) -> PassageVectors:
        """The text's vector and its sentences'."""
        self.passages_embedded += 1
        rows = [self.embed_question(text[start:end]) for start, end in spans]
        sentences = np.array(rows, np.float32).reshape(-1, self.dimensions)
        return PassageVectors(self.embed_question(text), sentences)


def report(number: int, edition: int = 0) -> NewDocument:
    """A document that can be told from every other, and in which edition it is."""
    rng = random.Random(number * 1_000 + edition)
    body = " ".join(rng.choice(WORDS) for _ in range(40))
    text = f"The code name of report {number} is zq{number:06d}x{edition}. The rest says {body}."
    return NewDocument(text, title=f"Report {number}", key=f"report-{number}")


def results(library: Library, question: str) -> list[tuple[str, str, float]]:
    """The best three, in order; further down Chroma may miss one, since it searches approximately.

    The last bits of a score depend on where its row stands in a matrix.
    """
    hits = library.search(question, limit=3)
    return [(hit.document.key, hit.document.version, round(hit.score, 4)) for hit in hits]


def open_library(folder: Path, *, follow: bool = True, embedder: Embedder | None = None) -> Library:
    """Open a library of reports."""
    return Library.open(Settings(data_dir=folder), embedder or HashedWords(), follow=follow)


# Kills


def work(folder: Path, kind: str) -> None:
    """Do one thing over and over, and say what is acknowledged, until killed."""
    with open_library(folder) as library:
        print("ready", flush=True)
        if kind == "update":
            for edition in range(1, 1_000):
                for number in range(20):
                    print(number, edition, "begun", flush=True)
                    library.add([report(number, edition)])
                    print(number, edition, "done", flush=True)
        elif kind == "rebuild":
            while True:
                rebuild_index(library)
                print("rebuilt", flush=True)
        else:
            documents = [report(DOCUMENTS + n) for n in range(IMPORTED)]
            library.add(documents, lambda p: print(p.done, flush=True))


def kill(folder: Path, kind: str, rng: random.Random) -> list[str]:
    """Run `work` for a random while, kill it, and return the lines that it has printed whole."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--work", kind, "--folder", str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    lines = [process.stdout.readline()]
    time.sleep(rng.uniform(0.05, 2.0))
    process.kill()
    lines += process.communicate()[0].splitlines(keepends=True)
    if lines[0] != "ready\n":
        raise AssertionError(f"the process to be killed didn't start: {lines}")
    return [line.strip() for line in lines[1:] if line.endswith("\n")]


def check_after_kill(folder: Path, kind: str, lines: Sequence[str]) -> None:
    """Check that what was acknowledged is there, whole, and found with and without Chroma."""
    acknowledged: dict[int, int] = {}
    begun: dict[int, int] = {}
    if kind == "update":
        for number, edition, what in (line.split() for line in lines):
            (acknowledged if what == "done" else begun)[int(number)] = int(edition)
    imported = max(map(int, lines), default=0) if kind == "import" else 0
    with open_library(folder) as library:
        held = {document.key: library.document(document.id) for document in library.documents()}
        for number in range(DOCUMENTS + imported):
            document = held[f"report-{number}"]
            edition = int(document.text.partition(". ")[0].rpartition("x")[2])
            assert document.text == report(number, edition).text, f"{document.key} isn't whole"
            if number in acknowledged:
                assert edition in (acknowledged[number], begun[number]), (
                    f"an update of {document.key} is lost"
                )
        assert set(held) <= {f"report-{n}" for n in range(DOCUMENTS + IMPORTED)}
        questions = [
            document.text.split(". ")[0] for document in random.Random(1).sample(list(held.values()), 15)
        ]
        before = [results(library, question) for question in questions]
        assert library.index.wait(60), library.status().index
        assert [results(library, question) for question in questions] == before
    with open_library(folder, follow=False) as library:
        assert [results(library, question) for question in questions] == before
        for number in range(DOCUMENTS, DOCUMENTS + IMPORTED):
            if f"report-{number}" in held:
                library.remove(held[f"report-{number}"].id)


def kills(kinds: Sequence[str], rounds: int, rng: random.Random) -> int:
    """Kill `rounds` times while each kind of work is done; return how many kills were survived."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with open_library(folder) as library:
            library.add(report(n) for n in range(DOCUMENTS))
            assert library.index.wait(60)
        for kind in kinds:
            for _ in range(rounds):
                check_after_kill(folder, kind, kill(folder, kind, rng))
    return len(kinds) * rounds


# A full disk


def full_disk(megabytes: int = 12) -> str:
    """Fill a small disk, make room, go on; return what happened, in words."""
    with tempfile.TemporaryDirectory() as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", name]
        if os.name != "posix" or subprocess.run(mount, capture_output=True).returncode:
            return "left out: no right to mount a small disk"
        try:
            return _fill(Path(name), megabytes)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def _fill(disk: Path, megabytes: int) -> str:
    acknowledged: dict[str, str] = {}
    with open_library(disk / "data") as library:
        refused = ""
        for number in range(100_000):
            try:
                [document] = library.add([report(number)]).added
                acknowledged[document.id] = report(number).text
            except CatalogError as error:
                refused = str(error)
                break
        assert "is full" in refused, refused
        _check_held(library, acknowledged)
        subprocess.run(["mount", "-o", f"remount,size={4 * megabytes}m", str(disk)], check=True)
        [document] = library.add([report(200_000)]).added
        acknowledged[document.id] = report(200_000).text
        _check_held(library, acknowledged)
    with open_library(disk / "data") as library:
        assert library.index.wait(60), library.status().index
        _check_held(library, acknowledged)
    return f"refused after {len(acknowledged) - 1} documents, all there; went on with more room"


def _check_held(library: Library, acknowledged: dict[str, str]) -> None:
    assert {document.id for document in library.documents()} == set(acknowledged)
    for document_id in random.Random(2).sample(sorted(acknowledged), 30):
        text = acknowledged[document_id]
        assert library.document(document_id).text == text
        assert library.search(text.split(". ")[0])[0].document.id == document_id


# Askers and a writer


@dataclass
class Crowd:
    """What askers and writer know of each other."""

    library: Library
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    """Of each document id and version that was ever held; written before the library is."""
    removed: set[str] = field(default_factory=set)
    """Ids whose removal has returned."""
    held: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    asked: int = 0
    written: int = 0
    citations: int = 0

    def put(self, number: int, edition: int) -> None:
        """Add or update a report."""
        added = self.library.add([report(number, edition)])
        for document in (*added.added, *added.updated):
            self.texts[document.id, document.version] = report(number, edition).text
        self.written += 1

    def remove(self, number: int) -> None:
        """Remove a report for good."""
        [document_id] = [d.id for d in self.library.documents() if d.key == f"report-{number}"]
        self.library.remove(document_id)
        self.removed.add(document_id)
        self.written += 1

    def check(self, answer: Answer, removed_before: set[str]) -> None:
        """Compare the citations of an answer with the texts of their versions."""
        for citation in answer.citations:
            self.citations += 1
            document_id = citation.document.id
            if document_id in removed_before:
                self.wrong.append(f"{citation.document.key} was quoted after its removal")
            try:
                document = self.library.document(document_id)
            except DocumentNotFound:
                continue  # it was removed since
            if document.version == citation.version:
                if document.text[citation.start : citation.end] != citation.quote:
                    self.wrong.append(f"{citation.document.key}: {citation.quote!r} isn't its text")
            else:
                known = self.texts.get((document_id, citation.version), "")
                if known and known[citation.start : citation.end] != citation.quote:
                    self.wrong.append(f"{citation.document.key}: {citation.quote!r} was never its text")


def ask_and_write(library: Library, seconds: float, askers: int = 20, start: int = 200) -> Crowd:
    """Let askers and one writer use a library at once; return what they saw."""
    crowd = Crowd(library)
    assistant = Assistant(library, library.settings)
    for number in range(start):
        crowd.put(number, 0)
    crowd.held = list(range(start))
    until = time.monotonic() + seconds

    def ask(seed: int) -> None:
        rng = random.Random(seed)
        while time.monotonic() < until:
            number = rng.choice(crowd.held)
            removed = set(crowd.removed)
            crowd.check(assistant.ask(f"What is the code name of report {number}?"), removed)
            crowd.asked += 1

    def write() -> None:
        rng = random.Random(0)
        for turn in range(1, 1_000_000):
            if time.monotonic() >= until:
                return
            crowd.put(start + turn, 0)
            crowd.put(rng.choice(crowd.held), turn)
            crowd.held = [*crowd.held, start + turn]
            gone = rng.choice(crowd.held)
            crowd.held = [number for number in crowd.held if number != gone]
            crowd.remove(gone)

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except Exception as error:  # noqa: BLE001  # any error at all is what this looks for
            crowd.wrong.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=guarded, args=[write])]
    threads += [
        threading.Thread(target=guarded, args=[lambda seed=seed: ask(seed)]) for seed in range(askers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return crowd


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="kills of each kind")
    parser.add_argument("--minutes", type=float, default=0.2, help="how long askers and writer go on")
    parser.add_argument("--only", choices=["kills", "disk", "askers"])
    parser.add_argument("--work", choices=KILLS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.folder, options.work)
        return 0
    logging.basicConfig(level=logging.WARNING)
    if options.only in (None, "kills"):
        for kind in KILLS:
            seed = time.time_ns()
            survived = kills([kind], options.rounds, random.Random(seed))
            print(f"killed during {kind}: {survived} times, nothing lost (seed {seed})", flush=True)
    if options.only in (None, "disk"):
        print(f"full disk: {full_disk()}", flush=True)
    if options.only in (None, "askers"):
        with tempfile.TemporaryDirectory() as name:
            # With the packaged model, as the app has it.
            with Library.open(Settings(data_dir=Path(name))) as library:
                crowd = ask_and_write(library, 60 * options.minutes)
        for sentence in crowd.wrong[:10]:
            print(sentence)
        print(
            f"askers: {crowd.asked} questions, {crowd.citations} citations, {crowd.written} writes,"
            f" {len(crowd.wrong)} wrong"
        )
        return 1 if crowd.wrong else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
