"""`Home`: the folder from which a path has the same name in every run.

That is the root of its repository: however a SOURCE is written on the command line and wherever
podfit is started, `charts/shop/templates/web.yaml` stays `charts/shop/templates/web.yaml`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY_MARK: Final = ".git"
"""A folder in most clones, a file in worktrees and submodules."""
CONFIG_NAMES: Final = (".podfit.yaml", ".github/.podfit.yaml")
"""Where the configuration of a repository may be; outside of one the first name alone counts."""
LOCK_NAME: Final = "podfit.lock.json"
"""The lock file."""
MISSPELT_NAMES: Final = (".podfit.yml", "podfit.yaml", "podfit.yml", ".github/.podfit.yml")
"""Names under which people look for it, and podfit does not."""


@dataclass(frozen=True, slots=True)
class Home:
    """A folder to which paths are relative. root: absolute, links resolved.

    is_repository: it has a `.git` entry. Otherwise it is the nearest folder with a configuration.
    """

    root: Path
    is_repository: bool

    def relative(self, path: Path) -> str:
        """A path below it, with slashes; `.` for itself, and the path as it is for any other."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()

    def misspelt(self) -> Iterator[Path]:
        """Files that look like configurations and are none."""
        yield from (path for name in MISSPELT_NAMES if (path := self.root / name).is_file())

    def configurations(self) -> Iterator[Path]:
        """The configuration files that are there."""
        for name in CONFIG_NAMES if self.is_repository else CONFIG_NAMES[:1]:
            if (path := self.root / name).is_file() or path.is_symlink():
                yield path


def find_home(path: Path) -> Home | None:
    """The repository around a path, or else the nearest folder with a configuration; None without.

    path: a file or folder, which need not exist.
    """
    inside = real_path(path)
    folders = (inside, *inside.parents)
    for folder in folders:
        if _exists(folder / REPOSITORY_MARK):
            return Home(folder, is_repository=True)
    for folder in folders:
        if _exists(folder / CONFIG_NAMES[0]):
            return Home(folder, is_repository=False)
    return None


def real_path(path: Path) -> Path:
    """Where a path leads, all links followed. A loop leads to itself, and so does what is no path.

    `Path.resolve` raises RuntimeError for a loop before Python 3.13, ValueError for a NUL always.
    """
    try:
        return path.resolve()
    except (RuntimeError, ValueError):
        return real_path(path.parent) / path.name if path.name else path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may not be looked into, a name too long
        return False
