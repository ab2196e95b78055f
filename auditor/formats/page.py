"""The page of a rule for a terminal: the Markdown that rules are written in, without its signs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from auditor.formats import escape
from auditor.formats.interface import Style
from auditor.formats.pen import Look, Pen

_INDENT: Final = " " * 4
_BLANK: Final = re.compile(r"\n[ \t]*\n")
_FENCED: Final = re.compile(r"^```[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"<(https?://[^\s<>]+)>")
_ITEM: Final = ("* ", "- ")
_RULED: Final = re.compile(r"\|[-| ]+\|")


def write_page(markdown: str, style: Style) -> str:
    """Headings in bold, running text wrapped, code set in, tables as `name: value`."""
    pen = Pen(style)
    blocks = ("\n".join(_block(block, pen)) for block in _blocks(markdown))
    return escape.log("\n\n".join(blocks) + "\n")


def write_source(markdown: str) -> str:
    """The Markdown itself, with nothing in it that steers a terminal or a build log."""
    return escape.log("\n".join(map(escape.terminal, markdown.split("\n"))))


def _blocks(markdown: str) -> Iterator[str]:
    """The blocks: code as indented lines, in one piece."""
    for index, part in enumerate(_FENCED.split(markdown)):
        if index % 2:
            yield "\n".join(f"{_INDENT}{line}".rstrip() for line in part.splitlines())
            continue
        yield from (block.strip("\n") for block in _BLANK.split(part) if block.strip())


def _block(block: str, pen: Pen) -> Iterator[str]:
    lines = block.split("\n")
    first = lines[0]
    if first.startswith(_INDENT):
        yield from (f"{_INDENT}{pen.text(line[len(_INDENT) :])}".rstrip() for line in lines)
    elif first.startswith("#"):
        yield pen.paint(pen.text(first.lstrip("# ")), Look.STRONG)
    elif first.startswith("|"):
        yield from _table(lines, pen)
    elif first.startswith(_ITEM):
        for item in _items(lines):
            yield from _wrapped(item, pen, "* ", "  ")
    else:
        yield from _wrapped(" ".join(lines), pen)


def _table(lines: Sequence[str], pen: Pen) -> Iterator[str]:
    """Each row as a line, each cell behind its title."""
    titles, *rows = (_cells(line) for line in lines if not _RULED.fullmatch(line.strip()))
    for row in rows:
        named = (f"{title}: {cell}" for title, cell in zip(titles, row, strict=False))
        yield from _wrapped(f" {pen.glyph('·')} ".join(named), pen)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def _items(lines: Sequence[str]) -> Iterator[str]:
    """Each item of a list with the lines that go on with it."""
    number = 0

    def numbered(line: str) -> int:
        nonlocal number
        number += line.startswith(_ITEM)
        return number

    for _, group in groupby(lines, numbered):
        yield " ".join(line.strip() for line in group).removeprefix("* ").removeprefix("- ")


def _wrapped(text: str, pen: Pen, first: str = "", following: str = "") -> Iterator[str]:
    plain = _LINK.sub(r"\1", text).replace("**", "")
    for line in pen.wrap(pen.text(plain), first, following):
        yield re.sub(r"https?://\S+", lambda match: pen.link(match[0], match[0]), line)
