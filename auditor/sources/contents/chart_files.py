"""The files of a chart, those of its subcharts among them, wherever they are packed or linked."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.repositories import real_path
from auditor.sources.archives import (
    MAX_MEMBERS,
    MAX_UNPACKED,
    ArchiveError,
    is_archive,
    open_members,
    read_members,
)
from auditor.sources.chart import SUBCHARTS

_MAX_ENTRIES: Final = 200_000
"""More than a chart has, even one at the root of a repository."""
_MAX_NESTING: Final = 8

Wanted = Callable[[str], bool]
"""Whether a file is wanted, by its path below the chart; those of a subchart's archive have the
archive's name in front, as if that were a folder."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """What lies in a chart's folder and is no folder. path: below the chart, with slashes.

    leads_out: it is a link to what lies elsewhere.
    """

    path: str
    file: Path
    leads_out: bool = False


def walk_chart(folder: Path) -> Iterator[Entry]:
    """What Helm meets in a chart's folder: it follows links, here those that stay in the chart.

    A link to a folder around it is passed over; Helm cannot load such a chart. What cannot be read
    is, too: Helm cannot read it either, and says so. Raises ArchiveError where there is too much,
    and OSError where the folder itself cannot be read.
    """
    root = real_path(folder)
    pending, left = [("", folder)], _MAX_ENTRIES
    while pending:
        above, current = pending.pop()
        try:
            with os.scandir(current) as entries:
                found = list(entries)
        except OSError:
            if not above:
                raise
            continue
        left -= len(found)
        if left < 0:
            raise ArchiveError(f"it holds more than {_MAX_ENTRIES} files and folders")
        for item in found:
            path, file = f"{above}{item.name}", Path(item.path)
            there = real_path(file) if item.is_symlink() else file
            if item.is_symlink() and not there.is_relative_to(root):
                yield Entry(path, file, leads_out=True)
            elif not there.is_dir():
                yield Entry(path, file)
            elif not (item.is_symlink() and real_path(current).is_relative_to(there)):
                pending.append((f"{path}/", file))


def chart_files(chart: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    """Path and content of the wanted files of a chart's folder or archive, by path.

    What leads out of the chart is left out. Raises ArchiveError, and OSError.
    """
    left = MAX_UNPACKED
    needed = _with_archives("", wanted)
    files = open_members(chart, needed) if chart.is_file() else _in_folder(chart, needed)
    for count, (path, content) in enumerate(_expanded(files, wanted, "", _MAX_NESTING)):
        left -= len(content)
        if left < 0 or count >= MAX_MEMBERS:
            raise ArchiveError(f"it holds more than {MAX_UNPACKED >> 20} MB or {MAX_MEMBERS} files")
        yield path, content


def is_subchart(path: str) -> bool:
    """Whether a file of a chart is the archive of a subchart."""
    return is_archive(path) and path.rpartition("/")[0].rpartition("/")[2] == SUBCHARTS


def _in_folder(chart: Path, needed: Wanted) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(walk_chart(chart)):
        if needed(entry.path) and not entry.leads_out and entry.file.is_file():
            if entry.file.stat().st_size > MAX_UNPACKED:
                raise ArchiveError(f"{entry.path} has more than {MAX_UNPACKED >> 20} MB")
            yield entry.path, entry.file.read_bytes()


def _expanded(
    files: Iterable[tuple[str, bytes]], wanted: Wanted, above: str, nesting: int
) -> Iterator[tuple[str, bytes]]:
    for name, content in files:
        path = above + name
        if not is_subchart(name):
            yield path, content
        elif not nesting:
            raise ArchiveError(f"{path}: archives in archives, more than {_MAX_NESTING} deep")
        else:
            inside = _packed(path, content, _with_archives(f"{path}/", wanted))
            yield from _expanded(inside, wanted, f"{path}/", nesting - 1)


def _packed(path: str, content: bytes, needed: Wanted) -> Iterator[tuple[str, bytes]]:
    try:
        yield from read_members(io.BytesIO(content), needed)
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}") from error


def _with_archives(above: str, wanted: Wanted) -> Wanted:
    return lambda name: is_subchart(name) or wanted(above + name)
