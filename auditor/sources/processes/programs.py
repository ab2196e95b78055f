"""Run other programs, Helm and kustomize among them, isolated and within limits.

Limits apply to time, memory and output. A program has no network access and no user settings unless
the caller asks for them.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from auditor.sources.rendering import Cause, RenderError

ADDRESS_SPACE: Final = 4 << 30
"""Helm's library needs between 1.5 and 2 GB to start; a memory bomb reaches 4 GB in seconds."""

_LAUNCHER: Final = Path(__file__).with_name("launch.py")
_NOWHERE: Final = "http://127.0.0.1:9"
"""The discard port as proxy: a schema's `$ref` to the network fails at once, on this machine."""
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_DROPPED: Final = ("HELM_", "KUBE", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy")
_KEPT: Final = ("HELM_C_LIB",)
"""The path of the user's own library for helm_python."""
_COLLECTOR: Final = {"GOGC": "400"}
"""Rendering needs 15 % less time if Go collects garbage less often, within the memory limit."""
_CAUSES: Final = (
    ("stack overflow", Cause.RECURSION),
    ("stack exceeds", Cause.RECURSION),
    ("out of memory", Cause.MEMORY),
    ("cannot allocate memory", Cause.MEMORY),
    ("MemoryError", Cause.MEMORY),
)


def isolated_environment() -> dict[str, str]:
    """Return the environment without Helm and cluster settings, and with a proxy that fails."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not name.startswith(_DROPPED)
    }
    return {**_COLLECTOR, **kept, **dict.fromkeys(_PROXIES, _NOWHERE)}


def online_environment() -> dict[str, str]:
    """Return the environment without cluster settings, for a program that fetches charts."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}


def bounded(command: Sequence[str], output: int, *, online: bool = False) -> tuple[str, ...]:
    """Return the command that starts another with limits on memory, output and network.

    On Windows, which has no such limits, this is the command itself.

    Args:
        output: Bytes of each file that the command may write.
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
    """Return why a process that runs Helm crashed, judging by its standard error."""
    return next((cause for words, cause in _CAUSES if words in log), Cause.CRASH)


MAX_OUTPUT: Final = 64_000_000
"""Bytes; no chart for a real cluster renders more."""
_QUICK_SECONDS: Final = 10.0
_GO_ABORTED: Final = "fatal error: "
_NOT_STARTED: Final = 127
"""The exit status of a shell, and of `launch.py`, if a program cannot be started."""


class Finished(Struct, frozen=True):
    """The exit status and output of a program."""

    status: int
    stdout: str
    stderr: str


def run(
    command: Sequence[str],
    timeout: float,
    variables: Mapping[str, str],
    *,
    online: bool = False,
    stdin: str = "",
) -> Finished:
    """Run a program to its end.

    Raises RenderError if it cannot be started, takes too long, prints too much or crashes. On a
    timeout it is killed, because helm continues rendering after SIGTERM.

    Args:
        online: Whether to allow network access, through the user's proxies.
    """
    import subprocess

    environment = online_environment() if online else isolated_environment()
    with _temporary(stdin) as given, _temporary() as stdout, _temporary() as stderr:
        try:
            process = subprocess.Popen(
                bounded(command, MAX_OUTPUT, online=online),
                stdin=given,
                stdout=stdout,
                stderr=stderr,
                env={**environment, **variables},
            )
        except OSError as error:
            raise RenderError(Cause.CRASH, f"{command[0]}: {error.strerror or error}") from error
        with process:
            try:
                status = process.wait(timeout)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise RenderError(Cause.TIMEOUT, f"no result within {timeout:g} seconds") from error
        finished = Finished(status, _read(stdout), _read(stderr))
    if status == _NOT_STARTED:
        raise RenderError(Cause.CRASH, finished.stderr.strip())
    if status < 0 or _GO_ABORTED in finished.stderr:
        raise RenderError(cause_of_death(finished.stderr), finished.stderr)
    return finished


def network_is_blocked() -> bool:
    """Whether a program that `run` starts without `online` cannot open internet sockets."""
    script = "import socket\ntry: socket.socket()\nexcept OSError as error: print(error.errno)"
    done = run((sys.executable, "-I", "-S", "-c", script), _QUICK_SECONDS, {})
    return done.stdout.strip() == str(errno.ENETUNREACH)


@contextmanager
def _temporary(text: str = "") -> Iterator[BinaryIO]:
    """Yield an unnamed file with this content, at its beginning."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file


def _read(file: BinaryIO) -> str:
    if os.fstat(file.fileno()).st_size >= MAX_OUTPUT:
        raise RenderError(Cause.SIZE, f"it printed more than {MAX_OUTPUT // 1_000_000} MB")
    file.seek(0)
    return file.read().decode("utf-8", "replace")
