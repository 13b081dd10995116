"""What is installed is what was tested: every package is locked with its hashes, and the audit says what it knows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-model.lock"]
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text("utf-8")
    return {re.sub(r"[._-]+", "-", package).lower(): version for package, version in _PIN.findall(text)}


@pytest.mark.parametrize("lock", LOCKS)
def test_each_locked_package_has_hashes_and_no_index_is_named(lock: str):
    text = (ROOT / lock).read_text("utf-8")
    packages = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]
    assert packages
    for package in packages:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", package), package
        assert "--hash=sha256:" in package, package
    assert not re.search(r"https?://|file:|--(?:extra-)?index|--find-links", text)


@pytest.mark.parametrize("lock", LOCKS)
def test_what_is_named_is_locked_as_it_is_named(lock: str):
    named, locked = pins(lock.replace(".lock", ".txt")), pins(lock)
    assert named
    assert {package: locked.get(package) for package in named} == named


def test_both_locks_agree():
    shared = pins("requirements.lock")
    assert pins("requirements-dev.lock") | shared == pins("requirements-dev.lock")


REPORTS = {
    "none": (
        json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}),
        0,
        0,
        "No known vuln",
    ),
    "one": (
        json.dumps(
            {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}]}
        ),
        1,
        1,
        "a 1 has the known vulnerability X-1: raise it to 2 ",
    ),
    "nothing told": (
        json.dumps({"dependencies": [{"name": "a", "skip_reason": "Dependency not found"}]}),
        0,
        0,
        "Not audited for known vulnerabilities: the index tells nothing of these packages.",
    ),
    "no answer": ("", 1, 0, "Not audited for known vulnerabilities: the index did not answer (it is away)."),
}


@pytest.mark.parametrize("case", REPORTS)
def test_the_audit_fails_only_where_something_is_known(tmp_path: Path, case: str):
    said, status, expected, line = REPORTS[case]
    package = tmp_path / "pip_audit"
    package.mkdir()
    (package / "__main__.py").write_text(
        f"import sys\nprint({said!r})\nprint('it is away.', file=sys.stderr)\nsys.exit({status})\n", "utf-8"
    )
    (package / "__init__.py").touch()
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "audit.py", "requirements.lock"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected
    [told] = done.stdout.splitlines()
    assert told.startswith(line)
    assert done.stderr == ""
