"""What lies below a folder: charts, and files that may be manifests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.sources.chart import is_chart_folder

MAX_FILES: Final = 50_000
MAX_DEPTH: Final = 40
MANIFEST_SUFFIXES: Final = (".yaml", ".yml", ".json")


def walk(folder: Path) -> Iterator[Path | Problem]:
    """Chart folders and manifest files below a folder, each folder's entries by name.

    Nothing inside a chart, nothing hidden, and no link that leaves the folder.
    """
    root = folder.resolve()
    seen = 0
    pending = [(folder, 0)]
    while pending:
        current, depth = pending.pop()
        if is_chart_folder(current):
            yield current
            continue
        try:
            entries = sorted(os.scandir(current), key=lambda entry: entry.name)
        except OSError as error:
            yield SourceError(
                f"{current.as_posix()} cannot be read",
                where=current.as_posix(),
                why=error.strerror or str(error),
                hint="give podfit the right to read it, or leave it out",
            ).problem
            continue
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            seen += 1
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.name.endswith(MANIFEST_SUFFIXES) and _stays(entry, root):
                yield Path(entry.path)
        if seen > MAX_FILES or (folders and depth >= MAX_DEPTH):
            yield _too_much(folder)
            return
        pending += ((path, depth + 1) for path in reversed(folders))


def _stays(entry: os.DirEntry[str], root: Path) -> bool:
    if not entry.is_symlink():
        return entry.is_file()
    target = Path(entry.path).resolve()
    return target.is_relative_to(root) and target.is_file()


def _too_much(folder: Path) -> Problem:
    shown = folder.as_posix()
    return SourceError(
        f"{shown} holds more than is read: {MAX_FILES} files, {MAX_DEPTH} folders deep",
        where=shown,
        hint="name the folders that hold your manifests",
    ).problem
