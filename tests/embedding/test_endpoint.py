"""Embeddings by an endpoint: few calls, vectors that fit, and no failure that costs more than it must."""

from __future__ import annotations

import logging
import math
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from rag import (
    Assistant,
    CatalogError,
    EmbeddingError,
    EndpointEmbeddings,
    Library,
    NewDocument,
    Progress,
    Settings,
)
from rag.embedding.endpoint import MOST_CHARACTERS, _Patience, embedder_of
from tests.conftest import AXES, BagOfWords
from tests.helpers.embedding_server import (
    Act,
    Connection,
    Server,
    breaks_off,
    drips,
    drips_headers,
    embedding_server,
    gives,
    gives_vectors,
    pours,
    refuses,
    says,
    waits,
)
from tests.helpers.web_server import nobody_knocks

KEY = "sk-secret-0123456789"
BAG = BagOfWords()
SHIP = NewDocument("The ship has a radar. The king has none.", title="Ship", key="ship")
BREAD = NewDocument("The king eats bread in the harbour.", title="Bread", key="bread")


@pytest.fixture
def server() -> Iterator[Server]:
    with embedding_server() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, server: Server) -> Settings:
    return settings.model_copy(
        update={
            "embedding_model": "bag",
            "embedding_base_url": server.url,
            "embedding_api_key": SecretStr(KEY),
        }
    )


@pytest.fixture
def embedder(settings: Settings) -> EndpointEmbeddings:
    embedder = embedder_of(settings)
    assert isinstance(embedder, EndpointEmbeddings)
    return embedder


@pytest.fixture
def library(settings: Settings) -> Iterator[Library]:
    with Library.open(settings, follow=False) as library:
        yield library


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no answer longer than half a second."""
    monkeypatch.setattr("rag.embedding.endpoint._QUESTION", _Patience(0.5, 0.1, 0))
    monkeypatch.setattr("rag.embedding.endpoint._PASSAGES", _Patience(0.5, 0.1, 0))


def long_article(sentences: int) -> NewDocument:
    text = " ".join(f"The {AXES[n % 5]} has the number {n}." for n in range(sentences))
    return NewDocument(text, title="Numbers", key="numbers")


# ---------------------------------------------------------------------------------- what is sent


def test_a_question_is_sent_as_it_is_with_the_key(server: Server, embedder: EndpointEmbeddings):
    assert np.allclose(embedder.embed_question("Ship, ship, radar"), BAG.embed_question("Ship, ship, radar"))
    assert server.requests == [{"model": "bag", "input": ["Ship, ship, radar"], "encoding_format": "float"}]
    assert server.keys == [f"Bearer {KEY}"]


NOMIC = {"embedding_query_prefix": "search_query: ", "embedding_passage_prefix": "search_document: "}


def test_prefixes_are_sent_before_questions_and_passages(server: Server, settings: Settings):
    prefixed = embedder_of(settings.model_copy(update=NOMIC))
    prefixed.embed_question("Ship?")
    prefixed.embed_passage(SHIP.text, [(0, 21)])
    assert server.texts == [
        "search_query: Ship?",
        f"search_document: {SHIP.text}",
        "search_document: The ship has a radar.",
    ]


def test_other_prefixes_are_another_model_and_everything_is_embedded_anew(server: Server, settings: Settings):
    with Library.open(settings, follow=False) as library:
        library.add([SHIP, BREAD])
    names = {
        embedder_of(settings.model_copy(update=changed)).name
        for changed in ({}, NOMIC, *({name: prefix} for name, prefix in NOMIC.items()))
    }
    assert len(names) == 4
    prefixed = settings.model_copy(update=NOMIC)
    with pytest.raises(CatalogError, match="reembed"):
        Library.open(prefixed, follow=False)
    server.requests.clear()
    with Library.open(prefixed, follow=False, reembed=True) as library:
        assert library.search("king bread")
        assert not any(text.startswith("search_query: ") for text in server.texts), "vectors were mixed"
        assert library.embedding.complete() == 2
        assert all(text.startswith(tuple(NOMIC.values())) for text in server.texts)
        assert library.search("king bread")[0].document.key == "bread"


def test_the_name_tells_model_and_server(server: Server, embedder: EndpointEmbeddings):
    assert embedder.name == f"openai:bag@{server.host}"


def test_the_first_answer_tells_how_long_vectors_are(embedder: EndpointEmbeddings):
    assert embedder.dimensions == len(AXES) + 1


def test_the_same_question_is_asked_once(server: Server, embedder: EndpointEmbeddings):
    for _ in range(3):
        embedder.embed_question("radar")
    assert len(server.requests) == 1


def test_vectors_are_normalised_and_those_of_their_sentences(embedder: EndpointEmbeddings):
    whole, rows, words = embedder.embed_passage(SHIP.text, [(0, 21), (22, 40)])
    assert np.linalg.norm([whole, *rows], axis=1) == pytest.approx(1)
    assert np.allclose(rows, [BAG.embed_question("ship radar"), BAG.embed_question("king")])
    assert not words


def test_spaces_and_endless_texts_are_sent_as_something_that_can_be_embedded(
    server: Server, embedder: EndpointEmbeddings
):
    embedder.embed_question(" ")
    embedder.embed_passage("ship " * 10_000, [])
    assert server.texts[0] == "-"
    assert len(server.texts[1]) <= MOST_CHARACTERS


def test_articles_are_added_in_one_call_each(server: Server, library: Library):
    articles = [replace(long_article(60), title=f"Article {n}", key=str(n)) for n in range(15)]
    report = library.add(articles)
    assert len(report.added) == 15
    assert len(server.requests) == 15
    assert [hit.document.title for hit in library.search("Article 3 radar", limit=1)] == ["Article 3"]


def test_a_long_article_is_sent_in_bounded_batches(server: Server, library: Library):
    told = list[Progress]()
    library.add([long_article(1_000)], told.append)
    assert max(now.part for now in told) <= 1
    sizes = [len(request["input"]) for request in server.requests]
    assert max(sizes) <= 128
    assert len(sizes) == math.ceil(sum(sizes) / 128)


def test_what_is_held_is_not_embedded_again(server: Server, library: Library):
    library.add([SHIP])
    library.add([replace(SHIP, key="copy")])
    assert len(server.requests) == 1


def test_the_key_of_the_writing_model_is_shown_to_no_other_server(server: Server, settings: Settings):
    given = {"openai_api_key": SecretStr(KEY), "embedding_api_key": SecretStr("")}
    embedder_of(settings.model_copy(update=given)).embed_question("ship")
    same = given | {"openai_base_url": server.url, "embedding_base_url": ""}
    embedder_of(settings.model_copy(update=same)).embed_question("ship")
    assert server.keys == ["Bearer none", f"Bearer {KEY}"]


def test_without_a_model_of_its_own_nothing_is_sent(settings: Settings, server: Server):
    given = {"openai_api_key": KEY, "openai_base_url": server.url, "data_dir": settings.data_dir}
    with Library.open(Settings(**given), follow=False) as library:
        library.add([SHIP])
        library.search("ship")
        assert library.embedder.name == "all-MiniLM-L6-v2-int8"
    assert server.requests == []


# ---------------------------------------------------------------------------------- what goes wrong

FAULTS: dict[str, tuple[Act, str]] = {
    "wrong key": (refuses(401), "refuses the key: check FOOTNOTE_EMBEDDING_API_KEY"),
    "forbidden": (refuses(403), "refuses the key"),
    "unknown model": (refuses(404), r"isn't there \(404\): check FOOTNOTE_EMBEDDING_MODEL"),
    "too many requests": (refuses(429, Retry_After="100"), r"takes no more for now \(429\)"),
    "too long": (refuses(400), r"refused a text \(400\)"),
    "failure": (refuses(500, x_should_retry="false"), r"refused a text \(500\): try again later"),
    "overload": (refuses(503, x_should_retry="false"), r"failed \(503\): try again later"),
    "time-out": (waits(2), "doesn't answer in time"),
    "drip": (drips(5), "doesn't answer in time"),
    "interim answers": (pours(b"HTTP/1.1 100 Continue\r\n\r\n", 12), "doesn't answer in time"),
    "flood": (pours(b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 12, 0.0), "doesn't answer in time"),
    "headers without end": (drips_headers, "doesn't answer in time"),
    "cut": (breaks_off, "can't be reached"),
    "fewer": (gives(lambda vectors: vectors[:-1]), r"vectors for \d+ texts: choose another server"),
    "more": (gives(lambda vectors: [*vectors, vectors[0]]), r"vectors for \d+ texts"),
    "ragged": (gives(lambda vectors: [[1.0], *vectors[1:]]), "something else than vectors"),
    "zeros": (gives(lambda vectors: [[0.0] * len(v) for v in vectors]), "without a direction"),
    "no numbers": (gives(lambda vectors: [["a"] for _ in vectors]), "something else than vectors"),
    "not a number": (gives(lambda vectors: [[math.nan] * 6 for _ in vectors]), "without a direction"),
    "no vector": (gives(lambda vectors: [None for _ in vectors]), "without a direction"),
    "empty": (gives(lambda vectors: []), "gave 0 vectors"),
    "page": (says("<html>Welcome</html>", "text/html"), "something else than vectors: check its address"),
    "no JSON": (says("{'data':"), "something else than vectors"),
    "other JSON": (says('{"data": 3}'), "something else than vectors"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.usefixtures("impatient")
def test_a_failing_endpoint_fails_the_document_in_one_sentence(
    fault: str, server: Server, library: Library, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    server.act, sentence = FAULTS[fault]
    started = time.monotonic()
    report = library.add([SHIP])
    assert time.monotonic() - started < 8
    [failure] = report.failed
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(failure.reason)
    assert failure.path == "Ship"
    assert failure.reason.startswith(f"The embedding model bag at {server.host}")
    assert failure.reason.endswith(".")
    assert library.documents() == []
    assert library.status().passages == 0
    everything = caplog.text + repr(report) + str(failure) + repr(library.embedder) + repr(library.settings)
    assert KEY not in everything


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_an_endpoint_that_points_elsewhere_gets_nobody_a_text_or_the_key(
    status: int, server: Server, library: Library
):
    with nobody_knocks() as elsewhere:
        server.act = refuses(status, Location=f"{elsewhere}/v1/embeddings")
        [failure] = library.add([SHIP]).failed
    assert f"points to another address ({status}), and no text is sent there: set" in failure.reason
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", ["wrong key", "too many requests", "time-out", "fewer", "page"])
@pytest.mark.usefixtures("impatient")
def test_a_question_is_answered_by_words_where_the_endpoint_fails(
    fault: str, server: Server, library: Library, settings: Settings
):
    library.add([SHIP, BREAD])
    server.act, sentence = FAULTS[fault]
    answer = Assistant(library, settings).ask("What does the king eat?")
    assert answer.text == BREAD.text
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(answer.remark)
    assert answer.remark.startswith("Searched by words alone. The embedding model bag")
    assert KEY not in repr(answer)


@pytest.mark.usefixtures("impatient")
def test_a_question_without_a_word_of_the_articles_is_declined_where_the_endpoint_fails(
    server: Server, library: Library, settings: Settings
):
    library.add([SHIP, BREAD])
    server.act = refuses(401)
    answer = Assistant(library, settings).ask("Why do volcanoes erupt?")
    assert answer.abstained
    assert "empty" not in answer.text


def test_an_endpoint_that_is_down_is_not_asked_for_each_of_many_documents(server: Server, library: Library):
    server.act = refuses(401)
    report = library.add([replace(long_article(3), key=str(n)) for n in range(30)])
    assert len(report.failed) == 30
    assert len(server.requests) <= 4


def test_an_endpoint_that_cannot_be_reached_is_one_sentence(library: Library, server: Server):
    server.shutdown()
    server.server_close()
    [failure] = library.add([SHIP]).failed
    assert "can't be reached: start it, or check its address." in failure.reason


def test_a_document_that_is_refused_leaves_the_others_alone(server: Server, library: Library):
    def act(connection: Connection) -> None:
        (refuses(400) if any("bread" in text for text in connection.texts) else gives_vectors)(connection)

    server.act = act
    report = library.add([SHIP, BREAD, replace(SHIP, key="another", title="Another")])
    assert [document.key for document in report.added] == ["ship", "another"]
    assert [failure.path for failure in report.failed] == ["Bread"]


@pytest.mark.parametrize("most", [1_000, 250])
def test_texts_that_are_too_long_for_the_model_are_cut(most: int, server: Server, library: Library):
    def act(connection: Connection) -> None:
        (refuses(400) if max(map(len, connection.texts)) > most else gives_vectors)(connection)

    server.act = act
    long = NewDocument("radars-and-harbours " * 400, title="Long", key="long")
    assert library.add([SHIP, long]).failed == []
    assert max(map(len, server.texts)) > 1_000


def test_a_busy_endpoint_is_asked_once_more(server: Server, library: Library):
    def act(connection: Connection) -> None:
        is_first = len(server.requests) == 1
        (refuses(429, Retry_After="0.1") if is_first else gives_vectors)(connection)

    server.act = act
    assert library.add([SHIP]).added
    assert len(server.requests) == 2


def test_the_key_is_in_no_traceback(server: Server, embedder: EndpointEmbeddings):
    server.act = refuses(401)
    with pytest.raises(EmbeddingError) as caught:
        embedder.embed_question("ship")
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_an_updated_file_that_could_not_be_embedded_is_read_again(
    server: Server, library: Library, tmp_path: Path
):
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "king.md").write_text("# King\n\nThe king eats bread.\n")
    library.sync(folder)
    (folder / "king.md").write_text("# King\n\nThe king eats nothing but bread.\n")
    server.act = refuses(400)
    assert len(library.sync(folder).failed) == 1
    assert [hit.passage.text for hit in library.search("bread")] == ["The king eats bread."]
    server.act = gives_vectors
    assert len(library.sync(folder).updated) == 1
    assert [hit.passage.text for hit in library.search("bread")] == ["The king eats nothing but bread."]


# -------------------------------------------------------------------------- vectors that don't fit


def longer(connection: Connection) -> None:
    gives(lambda vectors: [[*vector, 1.0] for vector in vectors])(connection)


def test_vectors_of_another_length_are_not_taken(server: Server, library: Library):
    library.add([SHIP])
    server.act = longer
    [failure] = library.add([BREAD]).failed
    assert "gave vectors of 7 numbers, and before of 6" in failure.reason
    assert [document.key for document in library.documents()] == ["ship"]


def test_a_model_that_was_exchanged_under_its_name_is_noticed_at_the_next_start(
    server: Server, settings: Settings
):
    with Library.open(settings, follow=False) as library:
        library.add([SHIP])
    server.act = longer
    with Library.open(settings, follow=False) as library:
        [failure] = library.add([BREAD]).failed
        assert failure.reason.endswith("run `python -m rag reembed`.")
        answer = Assistant(library, settings).ask("What does the ship have?")
        assert "radar" in answer.text
        assert "vectors of 7 numbers, and those in the library have 6" in answer.remark
        assert library.embedding.reembed() == 1
        assert library.add([BREAD]).added
        assert not Assistant(library, settings).ask("What does the ship have?").remark
