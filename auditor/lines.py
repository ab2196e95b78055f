"""From a line of rendered text to the line of the template it came from.

Helm keeps no source map. Lines without an action come out as they stand, so most of what matters
(`containers:`, `kind:`) can be found again; what an action made is only near its action. A line is
called exact only where one template line alone can have made it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import pairwise
from typing import Final

MAX_LINES: Final = 20_000
"""Longer texts are not compared: a template has some hundreds of lines."""

_ACTION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z]{3}")
_MAKER: Final = re.compile(r"\b(include|template|toYaml|tpl|range|with)\b")


class Precision(Enum):
    """How well a line is known. The value is used in JSON.

    EXACT: this line. ANCHOR: made by an action at or near this line. FILE: somewhere in the file.
    """

    EXACT = "exact"
    ANCHOR = "anchor"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a file, from 1, and how well it is known."""

    line: int
    precision: Precision


@dataclass(frozen=True, slots=True)
class _TemplateLine:
    """A line of a template that can come out. pattern: None where it has no action."""

    number: int
    text: str
    pattern: re.Pattern[str] | None
    makes_more: bool

    def could_be(self, rendered: str) -> bool:
        if self.pattern is None:
            return self.text == rendered
        return self.pattern.fullmatch(rendered) is not None


@dataclass(frozen=True, slots=True)
class OneLine:
    """Text that is made by one line of a file: a subchart in an archive, by its declaration."""

    line: int

    def source_of(self, line: int) -> SourceLine:
        """That line, whichever rendered line is asked for."""
        del line
        return SourceLine(self.line, Precision.ANCHOR)


class LineMap:
    """The lines of one template and of what it rendered to. Compared when it is first asked."""

    def __init__(self, template: str, rendered: str) -> None:
        self._template = template
        self._rendered = rendered

    def source_of(self, line: int) -> SourceLine:
        """Where a rendered line (from 1) comes from."""
        found = self._exact.get(line)
        if found is not None:
            return SourceLine(found, Precision.EXACT)
        before = self._near(range(line - 1, 0, -1))
        after = self._near(range(line + 1, len(self._lines) + 1))
        if before is None and after is None:
            return SourceLine(1, Precision.FILE)
        start, end = before or 1, after or len(self._candidates_by_number)
        for number in range(start, max(start, end) + 1):
            if number in self._makers:
                return SourceLine(number, Precision.ANCHOR)
        return SourceLine(before or after or 1, Precision.ANCHOR)

    def _near(self, lines: range) -> int | None:
        return next((self._exact[line] for line in lines if line in self._exact), None)

    @cached_property
    def _lines(self) -> list[str]:
        return [line.rstrip() for line in self._rendered.splitlines()]

    @cached_property
    def _candidates(self) -> list[_TemplateLine]:
        return list(_template_lines(self._template))

    @cached_property
    def _candidates_by_number(self) -> range:
        return range(1, self._template.count("\n") + 2)

    @cached_property
    def _makers(self) -> frozenset[int]:
        return frozenset(item.number for item in self._candidates if item.makes_more)

    @cached_property
    def _exact(self) -> dict[int, int]:
        """Rendered line -> template line, where only one can have made it."""
        if max(len(self._lines), len(self._candidates)) > MAX_LINES:
            return {}
        found = self._unique()
        return found | self._between(found)

    def _unique(self) -> dict[int, int]:
        """Lines without an action that stand once in the template."""
        numbers: dict[str, list[int]] = {}
        for item in self._candidates:
            if item.pattern is None:
                numbers.setdefault(item.text, []).append(item.number)
        return {
            line: numbers[text][0]
            for line, text in enumerate(self._lines, start=1)
            if _WORD.search(text) and len(numbers.get(text, ())) == 1
        }

    def _between(self, known: dict[int, int]) -> dict[int, int]:
        """Lines that are told by their neighbours: one candidate between two known lines."""
        found: dict[int, int] = {}
        ordered = sorted(known)
        for first, last in pairwise(ordered):
            if last - first < 2 or known[first] >= known[last]:  # noqa: PLR2004 - nothing between
                continue
            between = [
                item for item in self._candidates if known[first] < item.number < known[last]
            ]
            found |= _matched(self._lines, range(first + 1, last), between)
        return found


def _matched(
    lines: Sequence[str], numbers: range, candidates: Sequence[_TemplateLine]
) -> dict[int, int]:
    """Rendered lines of a gap that exactly one candidate can have made, and no two the same."""
    found: dict[int, int] = {}
    for number in numbers:
        text = lines[number - 1]
        fitting = [item.number for item in candidates if item.could_be(text)]
        if _WORD.search(text) and len(fitting) == 1:
            found[number] = fitting[0]
    return found


def _template_lines(template: str) -> Iterator[_TemplateLine]:
    """The lines that can come out; those inside of an action of several lines cannot."""
    flat = _ACTION.sub(_flattened, template)
    for number, text in enumerate(map(str.rstrip, flat.splitlines()), start=1):
        if "\0" not in text:
            yield _TemplateLine(number, text, None, makes_more=False)
            continue
        makes_more = any(_MAKER.search(action) for action in re.findall(r"\0([^\0]*)\0", text))
        literal = re.split(r"\0[^\0]*\0", text)
        if _WORD.search("".join(literal)):
            pattern = re.compile(r"[^\n]*?".join(map(re.escape, literal)))
            yield _TemplateLine(number, text, pattern, makes_more)
        else:
            yield _TemplateLine(number, text, re.compile(r"(?!)"), makes_more)


def _flattened(action: re.Match[str]) -> str:
    """An action between two marks on its first line; its further lines hold a mark each."""
    first, *rest = action[0].split("\n")
    inner = " ".join([first, *rest]).replace("\0", "")
    return f"\0{inner}\0" + "".join("\n\0\0" for _ in rest)
