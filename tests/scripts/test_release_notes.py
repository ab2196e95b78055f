"""The notes of a GitHub release are the section of its version in the changelog."""

import re
import subprocess
import sys

import pytest

from scripts.release_notes import release_notes
from tests.support.tools import ROOT

SOURCE = '"""Doc."""\n\n__version__ = "1.2.0"\n'
CHANGELOG = """# Changelog

## [Unreleased]

- Later.

## [1.2.0] - 2026-11-30

### Added

- A rule.

## [1.1.0] - 2026-10-01

- Earlier.
"""


def test_notes_are_the_section_of_the_version() -> None:
    assert release_notes("v1.2.0", SOURCE, CHANGELOG) == "### Added\n\n- A rule.\n"


def test_the_last_section_ends_with_the_file() -> None:
    earlier = SOURCE.replace("1.2.0", "1.1.0")

    assert release_notes("v1.1.0", earlier, CHANGELOG) == "- Earlier.\n"


@pytest.mark.parametrize("tag", ["v1.1.0", "1.2.0", "v1.2.0-rc1"])
def test_another_tag_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match=re.escape("the version in auditor/__init__.py is 1.2.0")):
        release_notes(tag, SOURCE, CHANGELOG)


@pytest.mark.parametrize("changelog", ["", "## [1.2.0] - 2026-11-30\n\n## [1.1.0]\n- Earlier.\n"])
def test_a_missing_or_empty_section_is_refused(changelog: str) -> None:
    with pytest.raises(ValueError, match=re.escape("no text below `## [1.2.0]")):
        release_notes("v1.2.0", SOURCE, changelog)


def test_the_script_names_the_version_of_this_checkout() -> None:
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "scripts" / "release_notes.py", "v0"],
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: the tag is v0, but the version in auditor/__init__.py is")
