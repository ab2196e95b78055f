"""Text for terminals: `Pen` applies a `Style`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

from auditor.formats.catalog import Style
from auditor.formats.escape import terminal

_FALLBACKS: Final = str.maketrans(
    {
        "✗": "x",
        "✓": "+",
        "\u2013": "-",
        "\u2014": "-",
        "·": "-",
        "○": "o",
        "…": "...",
        "→": "->",
        "≥": ">=",
        "“": '"',
        "”": '"',
        "\u2018": "'",
        "\u2019": "'",
        "│": "|",
        "┌": "+",
        "─": "-",
    }
)
MAX_TEXT: Final = 2000
"""Maximum length of one untrusted text; a name can be as long as its file."""

MAX_LINE: Final = 120
"""Maximum line width of running text."""
TIE: Final = "\xa0"
"""A no-break space; `Pen.text` escapes those of its input."""

_RESET: Final = "\x1b[0m"
_LINK: Final = "\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"
_LINKED: Final = ("https://", "http://")


class Look(StrEnum):
    """Text attributes (ECMA-48 SGR)."""

    BAD = "1;31"
    CAUTION = "1;33"
    NOTE = "1;36"
    GOOD = "32"
    STRONG = "1"
    FAINT = "2"
    FRAME = "1;34"


class Pen(Struct, frozen=True):
    """Formatter for terminals. `text` escapes; `paint` and `link` expect escaped text."""

    style: Style

    def text(self, text: str) -> str:
        """Escape any text to one line of bounded length."""
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}…"
        return self.glyph(terminal(text))

    def glyph(self, text: str) -> str:
        """Convert escaped text to ASCII if the terminal needs it."""
        if not self.style.ascii_only:
            return text
        return text.translate(_FALLBACKS).encode("ascii", "backslashreplace").decode("ascii")

    def paint(self, text: str, look: Look | None) -> str:
        if look is None or not self.style.color or not text:
            return text
        return f"\x1b[{look}m{text}{_RESET}"

    def link(self, text: str, url: str) -> str:
        """Add an OSC 8 link, unless the URL is not a plain web address."""
        plain = url.isascii() and url.isprintable() and " " not in url
        if not self.style.links or not plain or not url.startswith(_LINKED):
            return text
        return _LINK.format(url=url, text=text)

    def wrap(self, text: str, first: str = "", following: str = "  ") -> Iterator[str]:
        """Wrap escaped text. Long words are not broken; a `TIE` becomes a space."""
        for line in textwrap.wrap(
            text,
            width=min(self.style.width, MAX_LINE),
            initial_indent=first,
            subsequent_indent=following,
            break_long_words=False,
            break_on_hyphens=False,
        ):
            yield line.replace(TIE, " ")


def width_of(text: str) -> int:
    """Return the width in columns of a text without control sequences."""
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int, mark: str) -> str:
    """Cut a text to a width by replacing its middle with the mark."""
    if width_of(text) <= width:
        return text
    room = max(width - width_of(mark), 0)
    tail = room // 2
    return f"{head(text, room - tail)}{mark}{head(text[::-1], tail)[::-1]}"


def head(text: str, width: int) -> str:
    """Return the longest prefix that fits the width."""
    used = 0
    for index, character in enumerate(text):
        used += width_of(character)
        if used > width:
            return text[:index]
    return text
