"""The app in a process of its own, for tests that look at it from outside."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ARTICLES = ["s-400-purchase.md", "f-16-sale.md", "kilogram-redefinition.txt", "panama-canal-drought.md"]


class Server:
    """The app in a process of its own, on a free port, with folders of its own."""

    def __init__(
        self, folder: Path, script: str = "app.py", options: Sequence[str] = (), **environment: str
    ) -> None:
        self.script, self.options, self.environment = script, options, environment
        self.data, self.corpus = folder / "data", folder / "corpus"
        self.corpus.mkdir()
        for name in ARTICLES:
            shutil.copy(ROOT / "corpus" / name, self.corpus / name)
        self.log_file = folder / "server.log"
        self.log = self.log_file.open("w")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("FOOTNOTE_", "OPENAI_"))}
        environment |= {"FOOTNOTE_DATA_DIR": str(self.data), "FOOTNOTE_CORPUS_DIR": str(self.corpus)}
        environment |= self.environment
        command = [sys.executable, "-m", "streamlit", "run", self.script, "--server.port", str(self.port)]
        command += self.options
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health"):
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        raise TimeoutError("the app did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
