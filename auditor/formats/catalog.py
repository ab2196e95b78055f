"""The `Format` interface and the formats by their `--output` name.

Formats are imported on first use, so that validation and completion of names stay fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final, Protocol

from msgspec import Struct

from auditor.audit.report import Report


class Style(Struct, frozen=True):
    """Capabilities of the output, and output options.

    Attributes:
        color: Use ANSI colors.
        links: Use OSC 8 links.
        ascii_only: The terminal does not support UTF-8.
        width: Width in columns.
        show_passed: Also list passed workloads.
        quiet: Write only findings and problems.
        source_url: URL prefix of paths from the root of the repository, such as
            `https://github.com/o/r/blob/SHA/`; "" for no links.
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
    """Function that formats a report and escapes all untrusted text.

    The result ends in a newline. It may be empty for formats with one line per finding.
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
"""Name -> `module:function`. `json` is the latest version of the JSON format."""

WITHOUT_NOTICES: Final = frozenset(("concise", "github", "gitlab", "junit", "table", "values"))
"""Formats that do not contain the notices of a report; the command prints them instead."""


def find_format(name: str) -> Format:
    """Import the format of this name, one of `FORMATS`."""
    module, _, function = FORMATS[name].partition(":")
    found: Format = getattr(import_module(module), function)
    return found


def render(name: str, report: Report, style: Style) -> str:
    """Format a report."""
    return find_format(name)(report, style)
