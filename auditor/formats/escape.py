"""Escaping of untrusted text for each output.

Untrusted is all text from charts, registries and file names. Each function accepts any text,
including lone surrogates and control characters.
"""

from __future__ import annotations

import html as html_library
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from auditor.errors import printable

_LOGGING_COMMAND: Final = re.compile(r"##(?=\w*\[)")
"""`##[error]` (GitHub runner) and `##vso[` (Azure) are commands anywhere in a line."""
_WORKFLOW_COMMAND: Final = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
"""`::error::` is a command at the start of a line (actions/runner `ActionCommand.TryParseV2`)."""
_MARKDOWN: Final = re.compile(
    r"[\\`*_\[\]<>&|~@$]|#(?=[\d\w#])|:(?=//|:|[\w+-]+:)|(?<=www)\.", re.IGNORECASE
)
"""Markup within a line: emphasis, code, links, HTML, table cells, mentions, mathematics, issue
references, emoji, and URLs that GitHub links automatically."""


def visible(text: str) -> str:
    """Escape control, bidirectional and zero-width characters and line breaks."""
    return printable(text)


def terminal(text: str) -> str:
    """Escape text within a line of a terminal or a build log."""
    return _LOGGING_COMMAND.sub(r"#\\x23", visible(text))


def log(text: str) -> str:
    """Escape whole output for a build log, so that no line is a command to the runner."""
    return _WORKFLOW_COMMAND.sub(r"\1\\x3a", text)


def workflow_data(text: str) -> str:
    """Escape the message of a GitHub workflow command (`ActionCommand.EscapeData`)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """Escape a property of a GitHub workflow command (`ActionCommand.EscapeProperty`)."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def markdown(text: str) -> str:
    """Escape Markdown within a line, but not at its start.

    CommonMark: a character that is written as an entity is never part of the structure.
    """
    return _MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", visible(text))


def markdown_code(text: str) -> str:
    """Format text as an HTML code element; backticks would show entities literally."""
    return f"<code>{markdown(text)}</code>"


def markdown_prose(text: str) -> str:
    """Escape a sentence in which backticks mean code."""
    return _prose(text, markdown)


def html(text: str) -> str:
    """Escape text within an HTML element or a quoted attribute."""
    return _LOGGING_COMMAND.sub("#&#35;", html_library.escape(visible(text)))


def html_prose(text: str) -> str:
    """Escape a sentence in which backticks mean code."""
    return _prose(text, html)


def xml_document(text: str) -> str:
    """Escape runner commands in a serialized XML document."""
    return _WORKFLOW_COMMAND.sub(r"\1&#58;", _LOGGING_COMMAND.sub("#&#35;", text))


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """Serialize to ASCII JSON without control characters or runner commands."""
    return _LOGGING_COMMAND.sub(r"#\\u0023", json.dumps(value, indent=indent))


def script_json(value: Any) -> str:
    """Serialize to JSON that cannot close a `script` element or begin a comment."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&#":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def lines(text: str) -> Iterable[str]:
    """Return the non-blank lines of a text."""
    return (line for line in text.splitlines() if line.strip())


def _prose(text: str, escaped: Callable[[str], str]) -> str:
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escaped(text)
    return "".join(
        f"<code>{escaped(part)}</code>" if index % 2 else escaped(part)
        for index, part in enumerate(parts)
    )
