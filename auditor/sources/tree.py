"""What lies below a folder: charts, and files that may be manifests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.repositories import REPOSITORY_MARK, find_home, real_path
from auditor.sources.chart import is_chart_folder
from auditor.sources.files import shown_path, unreadable
from auditor.sources.kustomize import kustomization_file

MAX_ENTRIES: Final = 200_000
MAX_DEPTH: Final = 40

_SUFFIXES: Final = (".yaml", ".yml", ".json")
"""Those that kubectl reads; it takes hidden files and folders like any other."""


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

    What is hidden is read as kubectl reads it, but for `.git`: no commit can hold one. Nothing
    inside a chart, no link to a folder. A link to a file that leads out of the folder and its
    repository is a problem.
    skips: says of an entry whether it is passed over with all that is below it.
    """
    roots = _roots(folder)
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
        for entry in () if built else entries:
            if entry.name.endswith(_SUFFIXES) and not skips(Path(entry.path)):
                yield from _file(entry, roots)
        below = [path for path in _folders(entries) if not skips(path)]
        if below and depth >= max_depth:
            yield _too_much(current, f"folders more than {max_depth} deep")
            continue
        pending += ((path, depth + 1, built) for path in reversed(below))


def _roots(folder: Path) -> tuple[Path, ...]:
    """The folders that links may lead to: it, and its repository."""
    home = find_home(folder)
    return (real_path(folder), *((home.root,) if home and home.is_repository else ()))


def _folders(entries: Iterable[os.DirEntry[str]]) -> Iterator[Path]:
    """Those that are entered."""
    for entry in entries:
        if entry.name != REPOSITORY_MARK and entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def _file(entry: os.DirEntry[str], roots: tuple[Path, ...]) -> Iterator[Path | Problem]:
    """A file of manifests, unless it is none."""
    path = Path(entry.path)
    if not entry.is_symlink():
        if entry.is_file():
            yield path
        return
    target = real_path(path)
    if not any(_is_inside(target, root) for root in roots):
        yield _leads_out(path)
    elif target.is_file():
        yield path


def _is_inside(target: Path, root: Path) -> bool:
    """Whether it lies there, and not among git's own files."""
    return target.is_relative_to(root) and REPOSITORY_MARK not in target.relative_to(root).parts


def _leads_out(path: Path) -> Problem:
    shown = shown_path(path)
    return SourceError(
        f"{shown} is a link that leads out, and was not read",
        where=shown,
        why="kubectl follows it; podfit reads what is in the folder or its repository",
        hint="put the file itself there, or `exclude` the link in the configuration",
    ).problem


def _too_much(folder: Path, what: str) -> Problem:
    shown = shown_path(folder)
    return SourceError(
        f"{shown} holds {what}; the rest was not read",
        where=shown,
        hint="name the folders that hold your manifests, or `exclude` those that hold none",
    ).problem
