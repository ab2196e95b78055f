"""Find the programs that podfit runs, never among the files that it audits."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


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
