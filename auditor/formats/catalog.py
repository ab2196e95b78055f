"""Every format under the name by which `--output` uses it, alphabetical.

Nothing is imported before a format is asked for: the names alone serve validation and completion.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from auditor.audit.report import Report
from auditor.formats.interface import Format, Style

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
