"""Map lines of rendered text to lines of the template.

Helm has no source map. Lines without an action are rendered unchanged, so that most relevant lines
(`containers:`, `kind:`) can be found; for the output of an action only a nearby line is known. A
line is exact only if a single template line can have produced it.
"""

from __future__ import annotations

import re
from bisect import bisect, bisect_left
from collections.abc import Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import pairwise
from typing import Final

from msgspec import Struct

MAX_LINES: Final = 20_000
"""Longer texts are not compared; templates have some hundreds of lines."""
_MAX_COMPARISONS: Final = 2_000_000
"""Comparisons of a rendered with a template line, for one template."""

_ACTION: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z]{3}")
_MAKER: Final = re.compile(r"\b(include|template|toYaml|tpl|range|with)\b")


class Precision(Enum):
    """How precisely a line is known; the value is used in JSON.

    EXACT means this line, ANCHOR the output of an action at or near this line, and FILE somewhere
    in the file.
    """

    EXACT = "exact"
    ANCHOR = "anchor"
    FILE = "file"


class SourceLine(Struct, frozen=True):
    """A line of a file, from 1, and its precision."""

    line: int
    precision: Precision


class _TemplateLine(Struct, frozen=True):
    """A line of a template.

    Attributes:
        literals: The text around its actions; () if that is too little to recognise the line.
        makes_more: Whether an action can produce several lines.
    """

    number: int
    literals: tuple[str, ...]
    makes_more: bool

    def could_be(self, rendered: str) -> bool:
        """Whether this line can produce the rendered line.

        A regular expression would be slow for lines with many actions.
        """
        if len(self.literals) < 2:  # noqa: PLR2004 - no action, or no literals
            return (rendered,) == self.literals
        first, *between, last = self.literals
        start, end = len(first), len(rendered) - len(last)
        if start > end or not (rendered.startswith(first) and rendered.endswith(last)):
            return False
        for literal in between:
            found = rendered.find(literal, start, end)
            if found < 0:
                return False
            start = found + len(literal)
        return True


class OneLine(Struct, frozen=True):
    """Maps all lines to one, such as the declaration of a subchart in an archive."""

    line: int

    def source_of(self, line: int) -> SourceLine:
        del line
        return SourceLine(self.line, Precision.ANCHOR)


class LineMap:
    """Maps the rendered lines of one template to its own; they are compared on first use."""

    def __init__(self, template: str, rendered: str) -> None:
        self._template = template
        self._rendered = rendered

    def source_of(self, line: int) -> SourceLine:
        """Return the template line of a rendered line (from 1)."""
        found = self._exact.get(line)
        if found is not None:
            return SourceLine(found, Precision.EXACT)
        if not self._known:
            return SourceLine(1, Precision.FILE)
        place = bisect(self._known, line)
        before = self._exact[self._known[place - 1]] if place else None
        after = self._exact[self._known[place]] if place < len(self._known) else None
        start, end = before or 1, after or self._template.count("\n") + 1
        first = bisect_left(self._makers, start)
        if first < len(self._makers) and self._makers[first] <= max(start, end):
            return SourceLine(self._makers[first], Precision.ANCHOR)
        return SourceLine(before or after or 1, Precision.ANCHOR)

    @cached_property
    def _known(self) -> list[int]:
        """The rendered lines with a known template line."""
        return sorted(self._exact)

    @cached_property
    def _lines(self) -> list[str]:
        return [line.rstrip() for line in self._rendered.splitlines()]

    @cached_property
    def _candidates(self) -> list[_TemplateLine]:
        return list(_template_lines(self._template))

    @cached_property
    def _makers(self) -> list[int]:
        return [item.number for item in self._candidates if item.makes_more]

    @cached_property
    def _exact(self) -> dict[int, int]:
        """Rendered line -> the only template line that can have produced it."""
        if max(len(self._lines), len(self._candidates)) > MAX_LINES:
            return {}
        found = self._unique()
        return found | self._between(found)

    def _unique(self) -> dict[int, int]:
        """Match lines without an action that are unique in the template."""
        numbers: dict[str, list[int]] = {}
        for item in self._candidates:
            if len(item.literals) == 1:
                numbers.setdefault(item.literals[0], []).append(item.number)
        return {
            line: numbers[text][0]
            for line, text in enumerate(self._lines, start=1)
            if _WORD.search(text) and len(numbers.get(text, ())) == 1
        }

    def _between(self, known: dict[int, int]) -> dict[int, int]:
        """Match lines between two known lines that have only one candidate there."""
        found: dict[int, int] = {}
        ordered = sorted(known)
        left = _MAX_COMPARISONS
        for first, last in pairwise(ordered):
            if last - first < 2 or known[first] >= known[last]:  # noqa: PLR2004 - nothing between
                continue
            numbers = range(first + 1, last)
            between = self._candidates[known[first] : known[last] - 1]
            left -= len(numbers) * len(between)
            if left < 0:
                break
            found |= _matched(self._lines, numbers, between)
        return found


def _matched(
    lines: Sequence[str], numbers: range, candidates: Sequence[_TemplateLine]
) -> dict[int, int]:
    """Return the rendered lines of a gap that exactly one candidate can have produced."""
    found: dict[int, int] = {}
    for number in numbers:
        text = lines[number - 1]
        fitting = [item.number for item in candidates if item.could_be(text)]
        if _WORD.search(text) and len(fitting) == 1:
            found[number] = fitting[0]
    return found


def _template_lines(template: str) -> Iterator[_TemplateLine]:
    """Yield every line. Lines within a multi-line action have no literals."""
    flat = _ACTION.sub(_flattened, template.replace("\0", ""))
    for number, text in enumerate(map(str.rstrip, flat.split("\n")), start=1):
        parts = text.split("\0")
        literals, actions = parts[::2], parts[1::2]
        is_known = not actions or _WORD.search("".join(literals))
        makes_more = any(map(_MAKER.search, actions))
        yield _TemplateLine(number, tuple(literals) if is_known else (), makes_more)


def _flattened(action: re.Match[str]) -> str:
    """Put a multi-line action on its first line between NULs, and NULs on its other lines."""
    first, *rest = action[0].split("\n")
    inner = " ".join([first, *rest])
    return f"\0{inner}\0" + "".join("\n\0\0" for _ in rest)
