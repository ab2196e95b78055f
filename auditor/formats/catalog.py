"""Output formats: their interface, and each by its `--output` name.

Nothing is imported before a format is asked for: the names alone serve validation and completion.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final, Protocol

from msgspec import Struct

from auditor.audit.report import Report


class Style(Struct, frozen=True):
    """How a text may look where it goes.

    color, links: ANSI colours and OSC 8 links may be used. ascii_only: the terminal has no UTF-8.
    width: columns. show_passed: list what is in order too. quiet: nothing but what was found, and
    what could not be done. source_url: what a path from the root of the repository is put behind to
    link to the file, as `https://github.com/o/r/blob/SHA/`; "" for no links.
    """

    color: bool = False
    links: bool = False
    ascii_only: bool = False
    width: int = 100
    show_passed: bool = False
    quiet: bool = False
    source_url: str = ""


PLAIN = Style()


class Format(Protocol):
    """Writes a report as one text that ends in a newline. Escapes whatever comes from outside.

    A format of one line for each finding is empty where there is none.
    """

    def __call__(self, report: Report, style: Style) -> str: ...


FORMATS: Final[Mapping[str, str]] = {
    "concise": "auditor.formats.concise:write_concise",
    "github": "auditor.formats.github:write_github",
    "gitlab": "auditor.formats.gitlab:write_gitlab",
    "html": "auditor.formats.html:write_html",
    "json": "auditor.formats.json_v1:write_json",
    "json-v1": "auditor.formats.json_v1:write_json",
    "junit": "auditor.formats.junit:write_junit",
    "markdown": "auditor.formats.markdown:write_markdown",
    "pretty": "auditor.formats.pretty:write_pretty",
    "sarif": "auditor.formats.sarif:write_sarif",
    "table": "auditor.formats.table:write_table",
    "values": "auditor.formats.values:write_values",
}
"""Name -> `module:function`. `json` is the newest version; `json-v1` stays what it is."""

WITHOUT_NOTICES: Final = frozenset(("concise", "github", "gitlab", "junit", "table", "values"))
"""Formats that have no place for a report's notices: somebody else has to tell them."""


def find_format(name: str) -> Format:
    """The format of this name, one of `FORMATS`."""
    module, _, function = FORMATS[name].partition(":")
    found: Format = getattr(import_module(module), function)
    return found


def render(name: str, report: Report, style: Style) -> str:
    """A report as text in the format of this name."""
    return find_format(name)(report, style)
