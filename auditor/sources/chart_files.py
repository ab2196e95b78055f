"""The files of a chart, those of its subcharts among them, wherever they are packed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from auditor.sources.archives import (
    MAX_MEMBERS,
    MAX_UNPACKED,
    ArchiveError,
    is_archive,
    open_members,
    read_members,
)
from auditor.sources.chart import SUBCHARTS

_MAX_NESTING: Final = 8

Wanted = Callable[[str], bool]
"""Whether a file is wanted, by its path below the chart; those of a subchart's archive have the
archive's name in front, as if that were a folder."""


def chart_files(chart: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    """Path and content of the wanted files of a chart's folder or archive, by path.

    chart: safe, so that no link leads out of it. Raises ArchiveError, and OSError.
    """
    left = MAX_UNPACKED
    found = _packed(chart, wanted) if chart.is_file() else _in_folder(chart, wanted)
    for count, (path, content) in enumerate(found):
        left -= len(content)
        if left < 0 or count >= MAX_MEMBERS:
            raise ArchiveError(f"it holds more than {MAX_UNPACKED >> 20} MB or {MAX_MEMBERS} files")
        yield path, content


def _packed(archive: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    needed = _with_archives("", wanted)
    yield from _expanded(open_members(archive, needed), wanted, "", _MAX_NESTING)


def _in_folder(chart: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    needed = _with_archives("", wanted)
    named = ((path.relative_to(chart).as_posix(), path) for path in sorted(chart.rglob("*")))
    chosen = ((name, path) for name, path in named if needed(name) and path.is_file())
    contents = (
        (name, path.read_bytes()) for name, path in chosen if path.stat().st_size <= MAX_UNPACKED
    )
    yield from _expanded(contents, wanted, "", _MAX_NESTING)


def _expanded(
    files: Iterable[tuple[str, bytes]], wanted: Wanted, above: str, nesting: int
) -> Iterator[tuple[str, bytes]]:
    for name, content in files:
        path = above + name
        if not _is_subchart(name):
            yield path, content
        elif nesting:
            inside = read_members(io.BytesIO(content), _with_archives(f"{path}/", wanted))
            yield from _expanded(inside, wanted, f"{path}/", nesting - 1)


def _with_archives(above: str, wanted: Wanted) -> Wanted:
    return lambda name: _is_subchart(name) or wanted(above + name)


def _is_subchart(name: str) -> bool:
    return is_archive(name) and name.rpartition("/")[0].rpartition("/")[2] == SUBCHARTS
