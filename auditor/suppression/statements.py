"""`Statement`: what a comment or an annotation says about the findings of a workload."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from auditor.manifests import Document, Location
from auditor.workloads import Workload

_SEPARATOR: Final = re.compile(r"(---|\.\.\.)(\s|$)")


class Layer(Enum):
    """Where a finding is silenced, in the order in which the layers are asked. Used in JSON."""

    COMMENT = "comment"
    ANNOTATION = "annotation"
    CONFIG = "config"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Statement:
    """One comment or annotation.

    text: as it is written, without the reason. rules: as written. reason: the user's words, or "".
    mistake: why it silences nothing, as a clause after "it"; "" where it is well written.
    """

    layer: Layer
    text: str
    rules: tuple[str, ...]
    reason: str
    location: Location
    document: Document
    mistake: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """The same for the same statement in several renderings of its template."""
        return (self.layer, self.document.stable_path, self.text, self.reason)


@lru_cache(maxsize=8)
def split_lines(text: str) -> tuple[str, ...]:
    """The lines of a text; the workloads of a document ask for them one after the other."""
    return tuple(text.split("\n"))


def lines_of(workload: Workload) -> range:
    """The lines, from 1, of a workload's object in the text of its document.

    From the comments above its first line to the next `---`; for an item of a list, to the next
    item.
    """
    lines = split_lines(workload.document.text)
    first = workload.location.line
    indent = workload.location.column - 1
    start = first
    while start > 1 and _is_loose(lines[start - 2]):
        start -= 1
    if start > 1 and _SEPARATOR.match(lines[start - 2]):
        start -= 1  # a comment may stand behind the dashes
    end = first + 1
    while end <= len(lines) and not _ends(lines[end - 1], indent):
        end += 1
    if end <= len(lines) and not _SEPARATOR.match(lines[end - 1]):
        while _is_loose(lines[end - 2]):  # what stands above the next item belongs to that
            end -= 1
    return range(start, end)


def _is_loose(line: str) -> bool:
    """Blank, or a comment and nothing else."""
    return not line.strip() or line.lstrip().startswith("#")


def _ends(line: str, indent: int) -> bool:
    if _SEPARATOR.match(line):
        return True
    return not _is_loose(line) and len(line) - len(line.lstrip()) < indent
