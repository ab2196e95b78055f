"""Paths: globs, the root to which reported paths are relative, and trusted programs.

`Home` is the root of the repository, so that `charts/shop/templates/web.yaml` has the same name
from any working directory and for any spelling of SOURCE.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from msgspec import Struct

ANY_FOLDERS: Final = "**"


def covers(glob: str, path: str) -> bool:
    """Return whether a glob matches a path or one of its parent folders.

    Both are relative to the same folder, with slashes, and case-sensitive. `*`, `?` and `[...]`
    match within one name, `**` matches any number of folders. `vendor`, `vendor/*` and `vendor/**`
    all cover `vendor/redis/values.yaml`; `*.yaml` covers `a.yaml` but not `b/a.yaml`.
    """
    parts = tuple(part for part in glob.split("/") if part not in ("", "."))
    reached = _skipping(parts, {0})
    for name in path.split("/"):
        reached = _skipping(parts, _after(parts, reached, name))
        if len(parts) in reached:
            return bool(parts)
    return False


def _after(parts: tuple[str, ...], reached: set[int], name: str) -> set[int]:
    """Return the glob positions reached after matching a name."""
    after = {index for index in reached if index < len(parts) and parts[index] == ANY_FOLDERS}
    return after | {
        index + 1
        for index in reached
        if index < len(parts) and parts[index] != ANY_FOLDERS and fnmatchcase(name, parts[index])
    }


def _skipping(parts: tuple[str, ...], reached: set[int]) -> set[int]:
    """Add the glob positions reached if a `**` matches no folder."""
    skipped = set(reached)
    for index in range(len(parts)):
        if index in skipped and parts[index] == ANY_FOLDERS:
            skipped.add(index + 1)
    return skipped


REPOSITORY_MARK: Final = ".git"
"""A folder in most clones, a file in worktrees and submodules."""
CONFIG_NAMES: Final = (".podfit.yaml", ".github/.podfit.yaml")
"""Names of the configuration in a repository; elsewhere only the first."""
LOCK_NAME: Final = "podfit.lock.json"
MISSPELT_NAMES: Final = (".podfit.yml", "podfit.yaml", "podfit.yml", ".github/.podfit.yml")
"""Common misspellings of the name of the configuration."""


class Home(Struct, frozen=True):
    """The folder to which reported paths are relative.

    Attributes:
        root: Absolute, with links resolved.
        is_repository: Whether it has a `.git` entry; otherwise it has a configuration file.
    """

    root: Path
    is_repository: bool

    def relative(self, path: Path) -> str:
        """Return a path relative to the root, with slashes; unchanged if it is outside."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()

    def misspelt(self) -> Iterator[Path]:
        """Yield files with a misspelt configuration name."""
        yield from (path for name in MISSPELT_NAMES if (path := self.root / name).is_file())

    def configurations(self) -> Iterator[Path]:
        """Yield the existing configuration files."""
        for name in CONFIG_NAMES if self.is_repository else CONFIG_NAMES[:1]:
            if (path := self.root / name).is_file() or path.is_symlink():
                yield path


def find_home(path: Path) -> Home | None:
    """Return the repository of a path, else the nearest folder with a configuration, else None.

    The path need not exist.
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
    """Resolve all links of a path. Link loops and invalid names are kept as they are.

    `Path.resolve` raises RuntimeError for a loop before Python 3.13, and ValueError for a NUL.
    """
    try:
        return path.resolve()
    except (RuntimeError, ValueError):
        return real_path(path.parent) / path.name if path.name else path


def is_within(path: Path, root: Path) -> bool:
    """Whether a real path is below a folder, and not in its `.git`, which may hold credentials."""
    return path.is_relative_to(root) and REPOSITORY_MARK not in path.relative_to(root).parts


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no permission, or a name that is too long
        return False


def find_program(name: str) -> str | None:
    """Return the absolute path of a program on a trusted part of PATH, or None.

    Relative and empty entries of PATH, and entries inside the working directory or its git
    repository, are skipped: a pull request can put files there. On Windows, `shutil.which` would
    search the working directory first.
    """
    import shutil

    folders = (Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep))
    here = Path(os.path.realpath(Path.cwd()))
    checkout = next((each for each in (here, *here.parents) if (each / ".git").exists()), here)
    for folder in folders:
        if not folder.is_absolute() or Path(os.path.realpath(folder)).is_relative_to(checkout):
            continue
        for candidate in _candidates(name):
            if found := shutil.which(str(folder / candidate)):
                return found
    return None


def _candidates(name: str) -> tuple[str, ...]:
    """Return the possible file names of a program: on Windows, with the extensions of PATHEXT."""
    if os.name != "nt":
        return (name,)
    extensions = os.environ.get("PATHEXT", ".COM;.EXE;.BAT;.CMD").split(os.pathsep)
    return tuple(f"{name}{extension}" for extension in extensions if extension)
