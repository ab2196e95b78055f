"""Other programs, run within bounds: time, memory, output, and no way out to the network."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from auditor.sources.processes.isolation import (
    bounded,
    cause_of_death,
    isolated_environment,
    online_environment,
)
from auditor.sources.rendering import Cause, RenderError

MAX_OUTPUT: Final = 64_000_000
"""Bytes; a chart that renders more is not meant for a cluster."""
_GO_ABORTED: Final = "fatal error: "
_NOT_STARTED: Final = 127
"""The exit status with which a shell, or `launch.py`, says so."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended: its exit status and what it printed."""

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
    """Run a program to its end. online: with a way to the network, and the user's proxies.

    Raises RenderError where it cannot be started, takes too long, prints too much or breaks off. It
    is killed, not asked to end: helm goes on rendering when it is asked.
    """
    environment = online_environment() if online else isolated_environment()
    with _holding(stdin) as given, _holding() as stdout, _holding() as stderr:
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


@contextmanager
def _holding(text: str = "") -> Iterator[BinaryIO]:
    """A file without a name, at its beginning."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        yield file


def _read(file: BinaryIO) -> str:
    if os.fstat(file.fileno()).st_size >= MAX_OUTPUT:
        raise RenderError(Cause.SIZE, f"more than {MAX_OUTPUT // 1_000_000} MB were printed")
    file.seek(0)
    return file.read().decode("utf-8", "replace")
