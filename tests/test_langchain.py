"""The chain: any chat model of LangChain's can write, and each of its steps can be followed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from threading import Event, Timer
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel, FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from pydantic import SecretStr

from rag import (
    Answer,
    Assistant,
    Library,
    LocalEmbeddings,
    NewDocument,
    Sentence,
    Settings,
    SettingsError,
    Stage,
)
from rag.answers import QUOTED
from rag.writing.generating import STOPPED
from tests.helpers.scripted_model import model_server, refuses, says
from tests.test_assistant import LIGHTHOUSE, assert_footnotes_hold

QUESTION = "Who built the lighthouse of Port Ellery?"
BUILT = "The lighthouse of Port Ellery was built in 1871 by the engineer Agnes Thorburn."
LAMP = "Its lamp can be seen from a distance of 31 kilometres."
INVENTED = "King Rudolf painted it green in 1950."
TRUE = f"{BUILT} [1] {LAMP} [1]"
BRACES = NewDocument(
    "The format {name} of the lighthouse of Port Ellery begins with {{ and ends with } or {0.__class__}.",
    title="The {format}",
    key="braces",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, packaged: LocalEmbeddings) -> Iterator[Library]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("library"))
    with Library.open(settings, packaged, follow=False) as library:
        library.add([LIGHTHOUSE, BRACES])
        yield library


def writes(*texts: str) -> GenericFakeChatModel:
    """Return a chat model that writes these texts one after the other, word by word."""
    return GenericFakeChatModel(messages=iter([AIMessage(text) for text in texts]))


def assistant(library: Library, model: BaseChatModel, **changed: Any) -> Assistant:
    return Assistant(library, library.settings.model_copy(update=changed), model=model)


def texts(answer: Answer) -> list[str]:
    return [sentence.text for sentence in answer.sentences]


class Runs(BaseCallbackHandler):
    """The names of the runs as they began, and what the model was sent."""

    def __init__(self) -> None:
        self.names = list[str]()
        self.prompts = list[str]()

    def on_chain_start(self, *_: Any, name: str, **__: Any) -> None:
        self.names.append(name)

    def on_chat_model_start(self, _: Any, messages: Any, *, name: str = "", **__: Any) -> None:
        self.names.append(name)
        self.prompts += [str(message.content) for message in messages[0]]


# ------------------------------------------------------------------------------ any chat model


def test_a_chat_model_that_is_handed_over_writes_and_is_checked(library: Library):
    answer = assistant(library, writes(f"{BUILT} [1] {INVENTED} [1] {LAMP} [1]")).ask(QUESTION)
    assert (texts(answer), answer.mode) == ([BUILT, LAMP], "generate")
    assert [left.text for left in answer.writing.left_out] == [INVENTED]
    assert answer.writing.usage
    assert answer.writing.usage.model == "GenericFakeChatModel"
    assert_footnotes_hold(library, answer)


def test_it_is_asked_once_more_and_for_a_second_opinion(library: Library):
    model = writes(f"{INVENTED} [1]", TRUE, "1: yes\n2: no")
    answer = assistant(library, model, check="model").ask(QUESTION)
    assert (texts(answer), answer.writing.repaired) == ([BUILT], True)
    assert [role for role, _ in answer.writing.sent] == [
        "system",
        "user",
        "assistant",
        "user",
        "system",
        "user",
    ]


def test_the_same_model_can_be_asked_again_and_again(library: Library):
    asked = assistant(library, FakeListChatModel(responses=[TRUE]))
    assert [texts(asked.ask(QUESTION)) for _ in range(2)] == [[BUILT, LAMP]] * 2
    assert [texts(answer) for answer in asked.as_runnable().batch([QUESTION] * 2)] == [[BUILT, LAMP]] * 2


class Refusing(GenericFakeChatModel):
    key: SecretStr = SecretStr("sk-1234567890abcdef")
    error: Exception

    def _stream(self, *_: Any, **__: Any) -> Any:
        raise self.error


class Refused(Exception):
    def __init__(self, status_code: int, message: str = "") -> None:
        super().__init__(f"sk-1234567890abcdef {message}")
        self.status_code = status_code


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (Refused(401), "The provider of the model “Refusing” refused the key: check it."),
        (Refused(529), "The model “Refusing” failed (529): ask again in a while."),
        (
            ConnectionError("sk-1234567890abcdef"),
            "The model “Refusing” failed (ConnectionError): ask again in a while.",
        ),
    ],
)
def test_a_model_that_fails_leaves_the_quotes_with_one_line(library: Library, error: Exception, line: str):
    answer = assistant(library, Refusing(messages=iter([]), error=error)).ask(QUESTION)
    assert (answer.mode, answer.remark) == ("quote", f"{line} {QUOTED}")
    assert "sk-1234567890abcdef" not in repr(answer)


def test_passages_that_are_too_many_for_it_are_halved(library: Library):
    model = Refusing(messages=iter([]), error=Refused(400, "prompt is too long: 9000 tokens > 8000 maximum"))
    steps = list(assistant(library, model).stream(QUESTION))
    assert Stage("Writing from fewer passages, because the model takes no more") in steps
    assert "FOOTNOTE_MODEL_CONTEXT_TOKENS" in steps[-1].remark


def test_a_key_that_it_repeats_is_nowhere(library: Library):
    class Telling(GenericFakeChatModel):
        its_key: SecretStr = SecretStr("sk-1234567890abcdef")

    told = f"{TRUE} Your key is sk-1234567890abcdef, isn't it [1]."
    answer = assistant(library, Telling(messages=iter([AIMessage(told)]))).ask(QUESTION)
    assert texts(answer) == [BUILT, LAMP]
    assert "sk-1234567890abcdef" not in repr(answer)


def test_it_can_be_stopped_while_it_says_nothing(library: Library):
    stop = Event()
    Timer(0.3, stop.set).start()
    started = time.monotonic()
    answer = assistant(library, FakeListChatModel(responses=[TRUE], sleep=3.0)).ask(QUESTION, stop=stop)
    assert time.monotonic() - started < 2.5
    assert answer.remark == f"{STOPPED} {QUOTED}"


# ---------------------------------------------------------------------------- one that is named


def test_a_provider_whose_package_is_missing_leaves_the_quotes_and_says_what_to_install(library: Library):
    settings = library.settings.model_copy(update={"chat_model": "anthropic:claude-sonnet-4-5"})
    answer = Assistant(library, settings).ask(QUESTION)
    assert answer.mode == "quote"
    assert answer.remark == (
        "FOOTNOTE_CHAT_MODEL names anthropic:claude-sonnet-4-5, for which a package is missing: pip install"
        f" langchain-anthropic. {QUOTED}"
    )


def test_a_named_model_of_a_provider_whose_package_is_there_writes(
    library: Library, monkeypatch: pytest.MonkeyPatch
):
    with model_server([says(TRUE), refuses(401)]) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567890abcdef")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        settings = library.settings.model_copy(update={"chat_model": "openai:scripted"})
        asked = Assistant(library, settings)
        answer, refused = asked.ask(QUESTION), asked.ask(QUESTION)
    assert (texts(answer), answer.mode) == ([BUILT, LAMP], "generate")
    assert answer.writing.usage
    assert (answer.writing.usage.model, answer.writing.usage.completion_tokens) == ("scripted", 20)
    assert server.keys == ["Bearer sk-1234567890abcdef"] * 2
    assert refused.remark == f"The provider of the model “scripted” refused the key: check it. {QUOTED}"


def test_a_provider_that_nobody_knows_is_one_sentence(library: Library):
    settings = library.settings.model_copy(update={"chat_model": "nobody:model"})
    assert (
        Assistant(library, settings)
        .ask(QUESTION)
        .remark.startswith("FOOTNOTE_CHAT_MODEL names nobody:model, which LangChain can't make ready")
    )


@pytest.mark.parametrize("name", ["claude", "anthropic:", ":claude", "Anthropic claude: x"])
def test_a_name_without_its_provider_is_refused(name: str):
    with pytest.raises(SettingsError, match="FOOTNOTE_CHAT_MODEL can't be used: it must be a provider and"):
        Settings.from_env({"FOOTNOTE_CHAT_MODEL": name})


def test_a_named_model_is_enough_to_write():
    assert Settings.from_env(
        {"FOOTNOTE_CHAT_MODEL": "anthropic:claude-sonnet-4-5", "FOOTNOTE_ANSWER_MODE": "generate"}
    )


# ------------------------------------------------------------------------------------ the chain


def test_callbacks_see_the_five_steps_of_a_written_answer(library: Library):
    runs = Runs()
    answer = assistant(library, writes(TRUE)).as_runnable().invoke(QUESTION, {"callbacks": [runs]})
    assert texts(answer) == [BUILT, LAMP]
    assert runs.names == ["footnote", "retrieve", "quote", "prompt", "model", "check"]
    assert [text for _, text in answer.writing.sent] == runs.prompts


def test_braces_in_an_article_and_a_question_are_sent_as_they_are(library: Library):
    runs = Runs()
    question = "With what begins the format {name} of the lighthouse of Port Ellery?"
    assistant(library, writes("")).as_runnable().invoke(question, {"callbacks": [runs]})
    assert BRACES.text in runs.prompts[1]
    assert 'title="The {format}"' in runs.prompts[1]
    assert f"<question>{question}</question>" in runs.prompts[1]


def test_it_fits_into_a_chain_of_others(library: Library):
    chain = assistant(library, writes(TRUE, TRUE)).as_runnable() | RunnableLambda(texts)
    assert chain.invoke(QUESTION) == [BUILT, LAMP]
    assert list(chain.stream(QUESTION)) == [[BUILT, LAMP]]


def test_closing_the_stream_ends_the_call_to_the_model(library: Library):
    class Endless(GenericFakeChatModel):
        asked: int = 0

        def _stream(self, *_: Any, **__: Any) -> Any:
            for chunk in super()._stream([]):
                self.asked += 1
                time.sleep(0.02)
                yield chunk

    model = Endless(messages=iter([AIMessage(f"{TRUE} " + "It is so. [1] " * 2_000)]))
    steps = assistant(library, model).as_runnable().stream(QUESTION)
    assert next(step for step in steps if isinstance(step, Sentence)).text == BUILT
    asked = model.asked
    steps.close()
    assert model.asked <= asked + 50
    asked = model.asked
    time.sleep(0.2)
    assert model.asked <= asked + 1


def test_quoting_imports_no_langchain():
    script = (
        "import sys, tempfile, rag\n"
        "settings = rag.Settings(data_dir=tempfile.mkdtemp())\n"
        "with rag.Library.open(settings, follow=False) as library:\n"
        "    library.add([rag.NewDocument('The bridge of Marnow was opened in 1931.')])\n"
        "    assert rag.Assistant(library, settings).ask('When was the bridge of Marnow opened?').sentences\n"
        "print([name for name in sys.modules if name.startswith('langchain')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
