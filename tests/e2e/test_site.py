"""The documentation site: every document, searchable, with the report of the example."""

import json
import re
from pathlib import Path

import pytest

from scripts.build_site import build, zensical
from tests.support.browser import browse
from tests.support.tools import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the site is built."""
    built = tmp_path_factory.mktemp("site")
    assert build(built) == 0
    return built


def test_every_document_is_a_page(folder: Path) -> None:
    documents = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "docs").rglob("*.md")]
    pages = [path.parent if path.name == "index" else path for path in documents]

    assert len(pages) > 40
    assert [page for page in pages if not (folder / "site" / page / "index.html").exists()] == []


def test_the_site_can_be_searched(folder: Path) -> None:
    index = json.loads((folder / "site" / "search.json").read_text(encoding="utf-8"))

    assert "docs/rules/missing-os-selector/" in {item["location"] for item in index["items"]}


def test_the_report_of_the_example(folder: Path) -> None:
    report = folder / "site" / "examples" / "report.html"
    page = (folder / "site" / "examples" / "report" / "index.html").read_text(encoding="utf-8")

    embedded = re.search(r'<iframe src="([^"]+)"', page)

    assert embedded
    assert (folder / "site" / "examples" / "report" / embedded[1]).resolve() == report
    assert "missing-os-selector" in report.read_text(encoding="utf-8")


def test_the_pages_run_in_a_browser(folder: Path, tmp_path: Path) -> None:
    shown = browse(folder / "site" / "index.html", "--dump-dom", profile=tmp_path)

    assert '<html lang="en" class="js' in shown
    assert "could be scheduled onto nodes" in shown


def test_a_broken_link_is_an_error(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    page = folder / "build" / "pages" / "docs" / "index.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[gone](gone.md)\n", encoding="utf-8")

    assert zensical(folder) != 0
    assert "page does not exist" in capfd.readouterr().err
