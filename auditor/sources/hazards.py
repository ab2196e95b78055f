"""What in a chart would make Helm read something outside of it: links and schema references."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from auditor.sources.archives import ArchiveError, is_archive, read_members

SCHEMA_FILE: Final = "values.schema.json"
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef", "$schema")
_BUILT_IN: Final = ("http://json-schema.org/", "https://json-schema.org/")
"""The drafts themselves, which Helm's validator carries with it."""
_MAX_ENTRIES: Final = 50_000
_MAX_NESTING: Final = 8
_MAX_SCHEMA: Final = 5 << 20
"""Bytes: Helm's own bound on a file of a chart."""


@dataclass(frozen=True, slots=True, order=True)
class Hazard:
    """A file of a chart that leads out of it.

    path: below the chart; into the archive of a subchart as if that were a folder. target: where it
    leads. is_schema: by a reference in a values schema, not by a link.
    """

    path: str
    target: str
    is_schema: bool = False


def find_hazards(chart: Path) -> tuple[Hazard, ...]:
    """Everything in a chart's folder or archive that leads out of it, sorted.

    What cannot be read is passed over: Helm cannot read it either, and says so.
    """
    found = _in_file(chart, "") if chart.is_file() else _in_folder(chart)
    return tuple(sorted(set(found)))


def external_references(schema: bytes) -> frozenset[str]:
    """The references of a JSON schema that lead out of it.

    All but `#...` count, whatever `$id` says: each draft ignores it in other places, and a schema
    that names the network twice must not get there once. What is no JSON counts as leading out.
    """
    try:
        pending = [json.loads(schema.decode("utf-8", "replace"))]
    except (ValueError, RecursionError):
        return frozenset(("what cannot be read",))
    found: set[str] = set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            named = [value.get(key) for key in _REFERENCES]
            found.update(name for name in named if isinstance(name, str))
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return frozenset(name for name in found if not name.startswith(("#", *_BUILT_IN)))


def _in_folder(chart: Path) -> Iterator[Hazard]:
    root = chart.resolve()
    for number, entry in enumerate(_entries(chart)):
        if number >= _MAX_ENTRIES:
            return
        path = Path(entry.path)
        below = path.relative_to(chart).as_posix()
        if entry.is_symlink() and not path.resolve().is_relative_to(root):
            yield Hazard(below, str(path.readlink()))
        elif entry.is_file():
            yield from _in_file(path, below)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    pending = [os.fspath(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                found = list(entries)
        except OSError:
            continue
        pending += (entry.path for entry in found if entry.is_dir(follow_symlinks=False))
        yield from found


def _in_file(path: Path, below: str) -> Iterator[Hazard]:
    if not is_archive(path.name) and path.name != SCHEMA_FILE:
        return
    try:
        with path.open("rb") as file:
            if is_archive(path.name):
                yield from _in_archive(file, below, _MAX_NESTING)
            else:
                yield from _in_schema(file.read(_MAX_SCHEMA), below)
    except (OSError, ArchiveError):
        return


def _in_archive(file: BinaryIO, below: str, nesting: int) -> Iterator[Hazard]:
    for name, content in read_members(file, _may_lead_out):
        path = f"{below}/{name}" if below else name
        if not is_archive(name):
            yield from _in_schema(content, path)
        elif nesting:
            yield from _in_archive(io.BytesIO(content), path, nesting - 1)


def _may_lead_out(name: str) -> bool:
    return is_archive(name) or name.rpartition("/")[2] == SCHEMA_FILE


def _in_schema(content: bytes, path: str) -> Iterator[Hazard]:
    for reference in external_references(content):
        yield Hazard(path, reference, is_schema=True)
