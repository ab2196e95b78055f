"""Every path that a document names exists, and every link within the repository leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tools import ROOT

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
ROOTS = ("auditor", "bench", "docs", "examples", "rules", "scripts", "tests", ".ci", ".github")

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _named_paths(document: Path) -> Iterator[str]:
    """Paths from the root of the repository, as `code` in running text."""
    text = _FENCE.sub("", document.read_text(encoding="utf-8"))
    for code in _CODE.findall(text):
        if code.startswith(tuple(f"{root}/" for root in ROOTS)) and " " not in code:
            yield code.rstrip("/")


def _linked_paths(document: Path) -> Iterator[str]:
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:|#", target):
            yield target.partition("#")[0]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_named_paths_exist(document: Path) -> None:
    missing = [name for name in _named_paths(document) if not _exists(name)]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    broken = [name for name in _linked_paths(document) if not (document.parent / name).exists()]

    assert broken == []


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    texts = [document.read_text(encoding="utf-8") for document in DOCUMENTS]
    named = {name for text in texts for name in re.findall(r"(?:`|\$ )make ([a-z]+)", text)}

    assert {"demo", "test", "lint"} <= named <= targets


def test_every_document_can_be_found_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / name).resolve() for name in _linked_paths(index)}

    assert {path for path in (ROOT / "docs").glob("*.md") if path != index} <= linked


def test_documents_are_looked_at() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS}

    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md"} <= names
    assert "auditor/scheduling/placement.py" in _named_paths(ROOT / "docs" / "architecture.md")


def _exists(name: str) -> bool:
    """`<id>` and `*` in a path stand for anything; `{a,b}` for each of them."""
    names = [name]
    if braces := re.search(r"\{([^}]+)\}", name):
        names = [name.replace(braces[0], part) for part in braces[1].split(",")]
    return all(any(ROOT.glob(re.sub(r"<[^>]+>", "*", each))) for each in names)


def test_documents_that_podfit_refers_to_exist() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "auditor").rglob("*.py")]
    named = {name for text in texts for name in re.findall(r"(?<![\w/])docs/[\w-]+\.md", text)}

    assert {name for name in named if not (ROOT / name).exists()} == set()
