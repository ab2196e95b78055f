"""`Pen`: writes for terminals, within what a `Style` allows."""

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
"""Characters of one foreign text that are shown: a name can be as long as its file."""

MAX_LINE: Final = 120
"""Columns of running text: longer lines are hard to read."""
TIE: Final = "\xa0"
"""A no-break space. There is none in a text that went through `Pen.text`."""

_RESET: Final = "\x1b[0m"
_LINK: Final = "\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\"
_LINKED: Final = ("https://", "http://")


class Look(StrEnum):
    """How a piece of text looks (ECMA-48 SGR)."""

    BAD = "1;31"
    CAUTION = "1;33"
    NOTE = "1;36"
    GOOD = "32"
    STRONG = "1"
    FAINT = "2"
    FRAME = "1;34"


class Pen(Struct, frozen=True):
    """What goes through `text` is safe; `paint` and `link` come after it."""

    style: Style

    def text(self, text: str) -> str:
        """Any text as one line of bounded length, in characters that do not steer a terminal."""
        if len(text) > MAX_TEXT:
            text = f"{text[:MAX_TEXT]}…"
        return self.glyph(terminal(text))

    def glyph(self, text: str) -> str:
        """Text that is known to be safe, in ASCII where the terminal has nothing else."""
        if not self.style.ascii_only:
            return text
        return text.translate(_FALLBACKS).encode("ascii", "backslashreplace").decode("ascii")

    def paint(self, text: str, look: Look | None) -> str:
        if look is None or not self.style.color or not text:
            return text
        return f"\x1b[{look}m{text}{_RESET}"

    def link(self, text: str, url: str) -> str:
        """OSC 8. An address that is not of the web, or holds anything odd, is not linked."""
        plain = url.isascii() and url.isprintable() and " " not in url
        if not self.style.links or not plain or not url.startswith(_LINKED):
            return text
        return _LINK.format(url=url, text=text)

    def wrap(self, text: str, first: str = "", following: str = "  ") -> Iterator[str]:
        """The lines of a safe text, no longer than is good to read.

        A word that is too long is left whole; a `TIE` is a space at which no line ends.
        """
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
    """The columns that a text without control sequences takes."""
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int, mark: str) -> str:
    """The text within a width: its beginning and end, with the mark between them."""
    if width_of(text) <= width:
        return text
    room = max(width - width_of(mark), 0)
    tail = room // 2
    return f"{head(text, room - tail)}{mark}{head(text[::-1], tail)[::-1]}"


def head(text: str, width: int) -> str:
    """As much of the beginning as the width holds."""
    used = 0
    for index, character in enumerate(text):
        used += width_of(character)
        if used > width:
            return text[:index]
    return text
