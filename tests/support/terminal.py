"""`podfit` in a terminal of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.tools import ROOT


def in_terminal(
    *arguments: str, width: int, cwd: Path, variables: Mapping[str, str] | None = None
) -> str:
    """What a person sees: both streams of `podfit ARGUMENTS`, in a terminal of some columns."""
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals in the standard library")
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "auditor", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env={**os.environ, **environment, **(variables or {})},
    )
    os.close(theirs)
    seen = b""
    with process, contextlib.suppress(OSError):  # EIO: nobody writes any more
        while chunk := os.read(ours, 65536):
            seen += chunk
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")
