"""`make address` writes the address of the project into every file, from any address to any."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.address import current_address, tracked_files, with_address
from tests.support.tools import ROOT

OLD, NEW = "OWNER/podfit", "Acme/pod-fit"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- uses: OWNER/podfit@v1", "- uses: Acme/pod-fit@v1"),
        ("https://github.com/OWNER/podfit.git", "https://github.com/Acme/pod-fit.git"),
        ("https://github.com/OWNER/podfit/issues", "https://github.com/Acme/pod-fit/issues"),
        ("docker.io/OWNER/podfit", "docker.io/OWNER/podfit"),
        ("ghcr.io/owner/podfit:1", "ghcr.io/acme/pod-fit:1"),
        ("https://owner.github.io/podfit/x", "https://acme.github.io/pod-fit/x"),
        (
            "https://raw.githubusercontent.com/OWNER/podfit/main/x",
            "https://raw.githubusercontent.com/Acme/pod-fit/main/x",
        ),
        ("* @OWNER\n", "* @Acme\n"),
        ("CODEOWNERS OWNER/podfit-charts me@OWNER", "CODEOWNERS OWNER/podfit-charts me@OWNER"),
    ],
)
def test_the_forms_of_an_address(before: str, after: str) -> None:
    assert with_address(before.encode(), OLD, NEW) == after.encode()
    assert with_address(after.encode(), NEW, OLD) == before.encode()


def test_every_file_of_the_repository_and_back(tmp_path: Path) -> None:
    copy = _repository(tmp_path)

    assert _run(copy, NEW) == 0
    moved = _texts(copy)
    owner = re.escape(current_address().partition("/")[0])
    left = re.compile(rf"\b{owner}[/.@]|@{owner}\b", re.IGNORECASE)
    assert {name for name, text in moved.items() if left.search(text)} == {"scripts/address.py"}
    assert "- uses: Acme/pod-fit@" in moved["README.md"]
    assert "* @Acme" in moved[".github/CODEOWNERS"]
    assert 'Repository = "https://github.com/Acme/pod-fit"' in moved["pyproject.toml"]

    assert _run(copy, current_address()) == 0
    assert _texts(copy) == _texts(ROOT)


@pytest.mark.parametrize("names", [[], ["podfit"], ["a b/podfit"], ["a/b", "c/d"]])
def test_an_invalid_address_changes_nothing(tmp_path: Path, names: list[str]) -> None:
    copy = _repository(tmp_path)

    assert _run(copy, *names) == 2
    assert _texts(copy) == _texts(ROOT)


def _repository(folder: Path) -> Path:
    """A repository with the files that name the address, and the script."""
    copy = folder / "copy"
    for name in _texts(ROOT):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    subprocess.run(["git", "add", "--all"], cwd=copy, check=True)
    return copy


def _texts(root: Path) -> dict[str, str]:
    """The files that name the address of this checkout, except tests, with their texts there."""
    owner = current_address().partition("/")[0]
    found = {}
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        text = path.read_bytes()
        wanted = owner.encode() in text or b"/owner/" in text or name == "scripts/address.py"
        if wanted and not name.startswith("tests/"):
            found[name] = (root / name).read_text(encoding="utf-8")
    return found


def _run(root: Path, *names: str) -> int:
    script: list[str | Path] = [sys.executable, "-I", root / "scripts" / "address.py", *names]
    return subprocess.run(script, capture_output=True, timeout=60).returncode
