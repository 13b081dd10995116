"""Ask the package index whether what is locked has known vulnerabilities, and say so in one line each.

    python scripts/audit.py requirements-dev.lock requirements-model.lock

Where the index doesn't answer, or pip-audit is missing, nothing is known and nothing fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

MOST_SECONDS = 120
NOT_DONE = "Not audited for known vulnerabilities: {}."


def main(files: list[str]) -> int:
    report = audited(files)
    if isinstance(report, str):
        print(NOT_DONE.format(report))
        return 0
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        print(NOT_DONE.format("the index tells nothing of these packages"))
        return 0
    lines = [line for package in packages for line in lines_of(package)]
    print("\n".join(lines) or "No known vulnerabilities in what is locked.")
    if skipped:
        print(NOT_DONE.format(f"of {', '.join(skipped)} the index tells nothing"))
    return 1 if lines else 0


def audited(files: list[str]) -> dict[str, Any] | str:
    """Return pip-audit's report on lock files, or why there is none."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json"]
    command += [part for file in files for part in ("--requirement", file)]
    # What is locked is whole: nothing has to be resolved, nor installed to be looked at.
    command += ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "15"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"the index took longer than {MOST_SECONDS} s"
    if "No module named pip_audit" in done.stderr:
        return "pip-audit is not installed (make test installs it)"
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return f"the index did not answer ({last[:200].rstrip('.')})"
    return report


def lines_of(package: dict[str, Any]) -> list[str]:
    """Return a line for each vulnerability of a package: what it is and what to do."""
    name, version = package["name"], package.get("version", "")
    lines = list[str]()
    for one in package.get("vulns", []):
        mended = ", ".join(one.get("fix_versions", []))
        raised = (
            f"raise it to {mended} where requirements*.txt names it, and run make lock"
            f" UPGRADE='--upgrade-package {name}'"
        )
        todo = (
            raised if mended else "no release mends it yet: see what it means here, or do without the package"
        )
        lines.append(f"{name} {version} has the known vulnerability {one['id']}: {todo}.")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
