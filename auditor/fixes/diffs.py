"""Unified diffs of edited texts, as `git apply` and `patch -p1` read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.files.yaml_editing import TextEdit, apply_edits

_CONTEXT: Final = 3
_NO_END: Final = "\\ No newline at end of file\n"


def unified_diff(path: str, before: str | None, edits: Sequence[TextEdit]) -> str:
    """Return the edits of a file as a unified diff; `before` is None for a new file."""
    name = path.lstrip("/")
    tab = "\t" if " " in name else ""
    old = f"--- a/{name}{tab}\n" if before is not None else "--- /dev/null\n"
    text = before or ""
    after = _lines(apply_edits(text, edits))
    hunks = _hunks(_lines(text), after, _changes(text, edits))
    return "".join((old, f"+++ b/{name}{tab}\n", *hunks))


def _lines(text: str) -> list[str]:
    """Split at line feeds only, as git does, and keep them."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop().removesuffix("\n")
    return [*lines, last] if last else lines


def _changes(text: str, edits: Sequence[TextEdit]) -> list[tuple[int, int, int]]:
    """Return the first and last old line of each change, and how many lines it adds."""
    changes: list[tuple[int, int, int]] = []
    for edit in sorted(edits):
        first = text.count("\n", 0, edit.start)
        ends = (edit.text[-1:], text[: edit.start][-1:], text[: edit.end][-1:])
        is_whole = set(ends) <= {"", "\n"}
        end = text.count("\n", 0, edit.end) + (not is_whole)
        added = edit.text.count("\n") - text.count("\n", edit.start, edit.end)
        if changes and first < changes[-1][1]:
            start, last, before = changes.pop()
            changes.append((start, max(last, end), before + added))
        else:
            changes.append((first, end, added))
    return changes


def _hunks(
    old: Sequence[str], new: Sequence[str], changes: Sequence[tuple[int, int, int]]
) -> Iterator[str]:
    groups: list[list[tuple[int, int, int]]] = []
    for change in changes:
        if groups and change[0] - groups[-1][-1][1] <= 2 * _CONTEXT:
            groups[-1].append(change)
        else:
            groups.append([change])
    shift = 0
    for group in groups:
        start = max(group[0][0] - _CONTEXT, 0)
        end = min(group[-1][1] + _CONTEXT, len(old))
        body: list[str] = []
        before, place = shift, start
        for first, end_of_change, added in group:
            last = min(end_of_change, len(old))
            body += (f" {line}" for line in old[place:first])
            body += (f"-{line}" for line in old[first:last])
            body += (f"+{line}" for line in new[first + shift : last + shift + added])
            place, shift = last, shift + added
        body += (f" {line}" for line in old[place:end])
        length, added = end - start, shift - before
        yield f"@@ -{_range(start, length)} +{_range(start + before, length + added)} @@\n"
        yield from (line if line.endswith("\n") else f"{line}\n{_NO_END}" for line in body)


def _range(start: int, length: int) -> str:
    return f"{start + 1 if length else start},{length}"
