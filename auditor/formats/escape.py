"""Foreign text made harmless, for each place it is written to.

Foreign is whatever comes from a chart, a registry or a file name. Each function takes any text,
lone surrogates and control characters included, and gives text that the reader of that place takes
for nothing but text.
"""

from __future__ import annotations

import html as html_library
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from auditor.errors import printable

_LOGGING_COMMAND: Final = re.compile(r"##(?=\w*\[)")
"""`##[error]` of GitHub's runner and `##vso[` of Azure's are commands anywhere in a line."""
_WORKFLOW_COMMAND: Final = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
"""`::error::` is a command at the start of a line (actions/runner `ActionCommand.TryParseV2`)."""
_MARKDOWN: Final = re.compile(
    r"[\\`*_\[\]<>&|~@$]|#(?=[\d\w#])|:(?=//|:|[\w+-]+:)|(?<=www)\.", re.IGNORECASE
)
"""What means something within a line: emphasis, code, links, HTML, cells, mentions, mathematics,
references to issues, emoji, and addresses that GitHub links by itself."""


def visible(text: str) -> str:
    """One line that hides nothing.

    Control, bidirectional and zero-width characters and line breaks are written as escapes.
    """
    return printable(text)


def terminal(text: str) -> str:
    """For a terminal or a build log, within a line."""
    return _LOGGING_COMMAND.sub(r"#\\x23", visible(text))


def log(text: str) -> str:
    """A whole text for a build log: none of its lines is a command to the runner."""
    return _WORKFLOW_COMMAND.sub(r"\1\\x3a", text)


def workflow_data(text: str) -> str:
    """The message of a GitHub workflow command (actions/runner `ActionCommand.EscapeData`)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def workflow_property(text: str) -> str:
    """A property of a GitHub workflow command (`ActionCommand.EscapeProperty`)."""
    return workflow_data(text).replace(":", "%3A").replace(",", "%2C")


def markdown(text: str) -> str:
    """Within a line, not at its start: no structure, link, mention or HTML comes of it.

    CommonMark: a character that is written as an entity is never part of the structure.
    """
    return _MARKDOWN.sub(lambda match: f"&#{ord(match[0])};", visible(text))


def markdown_code(text: str) -> str:
    """As code. In backticks an entity would show as such, so it is HTML."""
    return f"<code>{markdown(text)}</code>"


def markdown_prose(text: str) -> str:
    """A sentence of podfit's own, in which `backticks` mean code, with foreign names in it."""
    return _prose(text, markdown)


def html(text: str) -> str:
    """Within an HTML element or a quoted attribute."""
    return _LOGGING_COMMAND.sub("#&#35;", html_library.escape(visible(text)))


def html_prose(text: str) -> str:
    """A sentence in which `backticks` mean code."""
    return _prose(text, html)


def xml_document(text: str) -> str:
    """A serialised document in which no command to a runner is left."""
    return _WORKFLOW_COMMAND.sub(r"\1&#58;", _LOGGING_COMMAND.sub("#&#35;", text))


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """JSON in ASCII, so that nothing in it can steer a terminal or a build log."""
    return _LOGGING_COMMAND.sub(r"#\\u0023", json.dumps(value, indent=indent))


def script_json(value: Any) -> str:
    """JSON for a `script` element, which no text can close or turn into a comment."""
    text = json.dumps(value, separators=(",", ":"))
    for character in "<>&#":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def lines(text: str) -> Iterable[str]:
    """The lines of a foreign text that have something in them."""
    return (line for line in text.splitlines() if line.strip())


def _prose(text: str, escaped: Callable[[str], str]) -> str:
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escaped(text)
    return "".join(
        f"<code>{escaped(part)}</code>" if index % 2 else escaped(part)
        for index, part in enumerate(parts)
    )
