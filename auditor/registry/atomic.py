"""Files that appear whole or not at all, whatever happens and whoever else writes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

TEMPORARY: Final = ".podfit-"
"""How the name of a file begins that is still being written."""
PRIVATE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700


def replace_file(path: Path, content: bytes, *, mode: int) -> None:
    """Writes beside `path` and renames. mode: of a new file, before umask. Raises OSError.

    A symbolic link at `path` is replaced, never followed.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.urandom(8).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    number = os.open(temporary, flags, mode)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def make_private_folder(folder: Path) -> None:
    """`mkdir -p`, every new folder for the user alone; `Path.mkdir` does that for the last only."""
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER)
    except FileExistsError:
        return
    except FileNotFoundError:
        make_private_folder(folder.parent)
        folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
