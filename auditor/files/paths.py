"""Globs over paths, as configuration and ignores use them.

`Home`: the folder from which a path has the same name in every run.

That is the root of its repository: however a SOURCE is written on the command line and wherever
podfit is started, `charts/shop/templates/web.yaml` stays `charts/shop/templates/web.yaml`.

Find the programs that podfit runs, never among the files that it audits.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from msgspec import Struct

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


REPOSITORY_MARK: Final = ".git"
"""A folder in most clones, a file in worktrees and submodules."""
CONFIG_NAMES: Final = (".podfit.yaml", ".github/.podfit.yaml")
"""Where the configuration of a repository may be; outside of one the first name alone counts."""
LOCK_NAME: Final = "podfit.lock.json"
"""The lock file."""
MISSPELT_NAMES: Final = (".podfit.yml", "podfit.yaml", "podfit.yml", ".github/.podfit.yml")
"""Names under which people look for it, and podfit does not."""


class Home(Struct, frozen=True):
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


def find_program(name: str) -> str | None:
    """Return the absolute path of a program on a trusted part of PATH, or None.

    Relative and empty entries of PATH, and entries inside the working directory or its git
    repository, are skipped: a pull request can put files there. `shutil.which` alone searches the
    working directory first on Windows.
    """
    folders = (Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep))
    checkout = _checkout()
    for folder in folders:
        if not folder.is_absolute() or Path(os.path.realpath(folder)).is_relative_to(checkout):
            continue
        for candidate in _candidates(name):
            if found := shutil.which(str(folder / candidate)):
                return found
    return None


def _checkout() -> Path:
    """The repository of the working directory, or the working directory itself."""
    here = Path(os.path.realpath(Path.cwd()))
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _candidates(name: str) -> tuple[str, ...]:
    """The file names that a program can have: on Windows, with the extensions of PATHEXT."""
    if os.name != "nt":
        return (name,)
    extensions = os.environ.get("PATHEXT", ".COM;.EXE;.BAT;.CMD").split(os.pathsep)
    return tuple(f"{name}{extension}" for extension in extensions if extension)
