"""A guard written into a manifest: lines put in where they belong, as `patch` takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.findings import Guard
from auditor.remedies.pod_values import pod_fields
from auditor.workloads import Workload
from auditor.yaml.writing import block

_CONTEXT: Final = 3
_INDENT: Final = "  "
_OPEN: Final = re.compile(r"\s*nodeSelector:\s*(#.*)?")
_EMPTY: Final = re.compile(r"(\s*nodeSelector:)\s*\{\s*\}\s*(#.*)?")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Lines for a text. line: in front of which they go, from 1. replaces: lines that give way."""

    line: int
    lines: tuple[str, ...]
    replaces: int = 0


def find_edit(source: Sequence[str], workload: Workload, guard: Guard) -> Edit | None:
    """The lines that write a guard; None where the text is in flow style or holds the fields.

    source: the lines of the workload's document.
    """
    scheduling = workload.scheduling
    if not workload.selector_path or "affinity" in scheduling.places:
        return None
    if "nodeSelector" in scheduling.places:
        return _extended(source, workload, guard)
    place = workload.pod_location
    lead = _lead(source, place.line, place.column)
    if lead is None or not source[place.line - 1][place.column - 1 :].startswith("containers"):
        return None
    return Edit(place.line, _written(block(pod_fields(guard)), lead, source[place.line - 1]))


def _extended(source: Sequence[str], workload: Workload, guard: Guard) -> Edit | None:
    """A nodeSelector that is there gets the entries that it lacks."""
    line, column = workload.scheduling.place("nodeSelector")
    lead = _lead(source, line, column)
    entries = workload.scheduling.node_selector
    held = {item.key for item in entries}
    if lead is None or guard.affinity or held & guard.node_selector.keys():
        return None
    text = source[line - 1].rstrip("\r")
    added = block(guard.node_selector)
    if not entries and (empty := _EMPTY.fullmatch(text)):
        return Edit(line, (empty[1], *_written(added, lead + _INDENT, source[line - 1])), 1)
    if entries and _OPEN.fullmatch(text):
        inner = " " * (entries[0].place[1] - 1)
        return Edit(line + 1, _written(added, inner, source[line - 1]))
    return None


def _lead(source: Sequence[str], line: int, column: int) -> str | None:
    """What stands in front of a key, where that is nothing but space."""
    if not 0 < line <= len(source):
        return None
    lead = source[line - 1][: column - 1]
    return lead if not lead.strip(" ") else None


def _written(text: str, lead: str, like: str) -> tuple[str, ...]:
    """Lines with the indentation, and with the line end of a line beside them."""
    end = "\r" if like.endswith("\r") else ""
    return tuple(f"{lead}{line}{end}" for line in text.splitlines())


def apply_edits(source: Sequence[str], edits: Iterable[Edit]) -> str:
    """The text of these lines with all edits made; they do not overlap."""
    parts: list[str] = []
    done = 0
    for edit in sorted(edits):
        parts += source[done : edit.line - 1]
        parts += edit.lines
        done = edit.line - 1 + edit.replaces
    return "\n".join((*parts, *source[done:]))


def unified_diff(path: str, source: Sequence[str], edit: Edit) -> str:
    """One edit as a patch, with the lines around it."""
    ends = len(source) - (source[-1] == "")
    start = edit.line - 1
    end = start + edit.replaces
    before = source[max(start - _CONTEXT, 0) : start]
    after = source[end : min(end + _CONTEXT, ends)]
    first = start - len(before) + 1
    around = len(before) + len(after)
    hunk = f"@@ -{first},{around + edit.replaces} +{first},{around + len(edit.lines)} @@"
    marked = [
        *(f" {line}" for line in before),
        *(f"-{line}" for line in source[start:end]),
        *(f"+{line}" for line in edit.lines),
        *(f" {line}" for line in after),
    ]
    if ends == len(source) and end + _CONTEXT >= ends:
        marked.append("\\ No newline at end of file")
    return "".join(f"{line}\n" for line in (f"--- a/{path}", f"+++ b/{path}", hunk, *marked))
