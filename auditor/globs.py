"""Globs over paths, as configuration and ignores use them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

ANY_FOLDERS: Final = "**"


def covers(glob: str, path: str) -> bool:
    """Whether a glob matches a path or one of the folders above it.

    Both are relative to the same folder, with slashes. `*`, `?` and `[...]` stay within one name,
    `**` stands for any number of folders, and case counts. So `vendor`, `vendor/*` and `vendor/**`
    all cover `vendor/redis/values.yaml`; `*.yaml` covers `a.yaml` and not `b/a.yaml`.
    """
    parts = tuple(part for part in glob.split("/") if part not in ("", "."))
    reached = _skipping(parts, {0})
    for name in path.split("/"):
        reached = _skipping(parts, _after(parts, reached, name))
        if len(parts) in reached:
            return bool(parts)
    return False


def _after(parts: tuple[str, ...], reached: set[int], name: str) -> set[int]:
    """How many parts of the glob may be used up once this name is read."""
    after = {index for index in reached if index < len(parts) and parts[index] == ANY_FOLDERS}
    return after | {
        index + 1
        for index in reached
        if index < len(parts) and parts[index] != ANY_FOLDERS and fnmatchcase(name, parts[index])
    }


def _skipping(parts: tuple[str, ...], reached: set[int]) -> set[int]:
    """The same, where `**` stands for no folder at all."""
    skipped = set(reached)
    for index in range(len(parts)):
        if index in skipped and parts[index] == ANY_FOLDERS:
            skipped.add(index + 1)
    return skipped
