"""What lies below a folder: charts, and files that may be manifests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.repositories import LOCK_NAME, real_path
from auditor.sources.chart import is_chart_folder
from auditor.sources.files import shown_path, unreadable
from auditor.sources.kustomize import kustomization_file

MAX_ENTRIES: Final = 200_000
MAX_DEPTH: Final = 40

_SUFFIXES: Final = (".yaml", ".yml", ".json")
_SKIPPED: Final = frozenset(("node_modules",))
"""Folders of other tools, full of JSON that is nobody's manifest."""


@dataclass(frozen=True, slots=True)
class ChartFolder:
    """A folder that is a chart: nothing in it is a manifest of its own."""

    path: Path


@dataclass(frozen=True, slots=True)
class KustomizationFolder:
    """A folder with a kustomization: no file in it or below is a manifest of its own."""

    path: Path


def walk(
    folder: Path,
    *,
    skips: Callable[[Path], bool] = lambda _: False,
    max_entries: int = MAX_ENTRIES,
    max_depth: int = MAX_DEPTH,
) -> Iterator[Path | ChartFolder | KustomizationFolder | Problem]:
    """Files that may hold manifests, kustomizations, and charts, below a folder: its files first,
    each by name.

    Nothing hidden, nothing inside a chart, no link to a folder, no link that leaves the folder.
    skips: says of an entry whether it is passed over with all that is below it.
    """
    root = real_path(folder)
    entries_left = max_entries
    pending = [(folder, 0, False)]
    while pending:
        current, depth, built = pending.pop()
        if is_chart_folder(current):
            yield ChartFolder(current)
            continue
        if kustomization_file(current) is not None:
            yield KustomizationFolder(current)
            built = True
        try:
            with os.scandir(current) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield unreadable(shown_path(current), error).problem
            continue
        entries_left -= len(entries)
        if entries_left < 0:
            yield _too_much(folder, f"more than {max_entries} files and folders")
            return
        own = () if built else entries
        files = (Path(entry.path) for entry in own if _may_hold_manifests(entry, root))
        yield from (path for path in files if not skips(path))
        below = [Path(entry.path) for entry in entries if _is_entered(entry)]
        below = [path for path in below if not skips(path)]
        if below and depth >= max_depth:
            yield _too_much(current, f"folders more than {max_depth} deep")
            continue
        pending += ((path, depth + 1, built) for path in reversed(below))


def _is_entered(entry: os.DirEntry[str]) -> bool:
    hidden = entry.name.startswith(".") or entry.name in _SKIPPED
    return not hidden and entry.is_dir(follow_symlinks=False)


def _may_hold_manifests(entry: os.DirEntry[str], root: Path) -> bool:
    if entry.name.startswith(".") or not entry.name.endswith(_SUFFIXES) or entry.name == LOCK_NAME:
        return False
    if not entry.is_symlink():
        return entry.is_file()
    target = real_path(Path(entry.path))
    return target.is_relative_to(root) and target.is_file()


def _too_much(folder: Path, what: str) -> Problem:
    shown = shown_path(folder)
    return SourceError(
        f"{shown} holds {what}; the rest was not read",
        where=shown,
        hint="name the folders that hold your manifests",
    ).problem
