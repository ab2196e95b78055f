"""External programs that tests run for real. As a pytest plugin: a last word on those missing."""

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
MISSING = "missing: "
"""Begins the reason of a test that is skipped for want of a program."""


def find_tool(name: str) -> str | None:
    """The program under `.tools/bin` (see `make tools`), else on PATH."""
    local = TOOLS / "bin" / name
    return str(local) if local.exists() else shutil.which(name)


def require_tool(name: str) -> str:
    """The program's path. Without it the test is skipped, or fails where CI is set."""
    if path := find_tool(name):
        return path
    missing(f"{name} is not installed; `make tools` fetches it, or says why it cannot")


def require_kustomize(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """kustomize, or else kubectl, on PATH: podfit looks for them there."""
    if shutil.which("kustomize") or shutil.which("kubectl"):
        return
    put_on_path(monkeypatch, tmp_path, "kustomize")


def put_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    """Put a required program first on PATH, by a link outside of this checkout.

    podfit does not run programs that lie in the working directory.
    """
    folder = tmp_path.with_name(f"{tmp_path.name}-tools")
    folder.mkdir(exist_ok=True)
    (folder / name).symlink_to(require_tool(name))
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def missing(reason: str) -> NoReturn:
    """Skip the test on a user's machine; fail it in CI, where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(f"{MISSING}{reason}")


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    """Say in the last lines what was missing, and how many tests were skipped for it."""
    reasons = Counter[str]()
    for report in terminalreporter.stats.get("skipped", ()):
        _, found, reason = str(report.longrepr).partition(MISSING)
        if found:
            reasons[reason.rstrip("')")] += 1
    if reasons:
        terminalreporter.section("not tested, because a program is missing")
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count} skipped: {reason}")
