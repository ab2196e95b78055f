"""What a process that runs Helm may reach: no network, no user settings, bounded memory."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from auditor.sources.rendering import Cause

ADDRESS_SPACE: Final = 4 << 30
"""Helm's library starts with 2 GB and not with 1.5; a memory bomb dies at 4 GB in seconds."""

_LAUNCHER: Final = Path(__file__).with_name("launch.py")
_NOWHERE: Final = "http://127.0.0.1:9"
"""The discard port: a schema's `$ref` to the network fails at once, on this machine."""
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_DROPPED: Final = ("HELM_", "KUBE", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy")
_KEPT: Final = ("HELM_C_LIB",)
"""Where the user keeps a library of his own for helm_python."""
_CAUSES: Final = (
    ("stack overflow", Cause.RECURSION),
    ("stack exceeds", Cause.RECURSION),
    ("out of memory", Cause.MEMORY),
    ("cannot allocate memory", Cause.MEMORY),
    ("MemoryError", Cause.MEMORY),
)


def isolated_environment() -> dict[str, str]:
    """The environment without the user's Helm and cluster settings, and without a way out."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not name.startswith(_DROPPED)
    }
    return {**kept, **dict.fromkeys(_PROXIES, _NOWHERE)}


def online_environment() -> dict[str, str]:
    """The environment without the user's clusters, for a program that fetches at his request."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}


def bounded(command: Sequence[str], output: int, *, online: bool = False) -> tuple[str, ...]:
    """The command that starts another within bounds on memory, output and network.

    output: bytes of each file that it writes. On Windows, which has none of these, the command.
    """
    if sys.platform == "win32":
        return tuple(command)
    reach = "online" if online else "offline"
    bounds = (str(ADDRESS_SPACE), str(output), reach)
    return (sys.executable, "-I", "-S", str(_LAUNCHER), *bounds, *command)


def helm_child(script: Path) -> tuple[str, ...]:
    """Return the command that runs a script with Helm's library in an isolated Python.

    `-I` ignores PYTHON* variables, the working directory and the user's packages. The folder of the
    library, which may be among those, is the script's argument where the library is installed.
    """
    spec = importlib.util.find_spec("helm_python")
    folders = (str(Path(spec.origin).absolute().parents[1]),) if spec and spec.origin else ()
    return (sys.executable, "-I", str(script), *folders)


def cause_of_death(log: str) -> Cause:
    """Why a process that runs Helm broke off, by what it left on standard error."""
    return next((cause for words, cause in _CAUSES if words in log), Cause.CRASH)
