"""Print the section of a release in CHANGELOG.md: `release_notes.py TAG`.

Fails if the tag is not `v` and the version of podfit, or if the section is missing or empty.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> int:
    (tag,) = arguments
    source = (ROOT / "auditor" / "__init__.py").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    try:
        sys.stdout.write(release_notes(tag, source, changelog))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def release_notes(tag: str, source: str, changelog: str) -> str:
    """Return the notes of a release. Raises ValueError.

    Args:
        tag: Such as `v1.2.3`.
        source: The module that defines `__version__`.
        changelog: In the format of Keep a Changelog: `## [1.2.3] - 2026-11-30`.
    """
    found = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
    version = found[1] if found else ""
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but the version in auditor/__init__.py is {version}")
    heading = rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |\Z)"
    section = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no text below `## [{version}] - DATE`")
    return section[1].strip() + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
