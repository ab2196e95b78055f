"""Docker's credential helpers: `docker-credential-NAME get`, a host on its standard input.

Protocol: github.com/docker/docker-credential-helpers `credentials/credentials.go`. No shell, a time
limit, and nothing a helper prints is ever shown: it deals in secrets.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from auditor.programs import find_program
from auditor.registry.json_text import JsonError, parse_object, text_at

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_TIMEOUT: Final = 10.0
_MAX_OUTPUT: Final = 64 * 1024
_NOT_FOUND: Final = b"credentials not found"
_IDENTITY: Final = "<token>"


class HelperError(Exception):
    """A helper that could not do its work. The message is a clause for the user."""


@dataclass(frozen=True, slots=True)
class HelperAnswer:
    """identity: the secret is a refresh token, not a password."""

    username: str = field(repr=False)
    secret: str = field(repr=False)
    identity: bool


def ask_helper(name: str, server: str, timeout: float = _TIMEOUT) -> HelperAnswer | None:
    """What the helper knows for a server, or None. Raises HelperError."""
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise HelperError("the name of a credential helper in the configuration is not valid")
    program = find_program(f"docker-credential-{name}")
    if program is None:
        raise HelperError(f"docker-credential-{name} not found on PATH")
    status, output = _run(program, server, timeout)
    if status != 0:
        if _NOT_FOUND in output.lower():
            return None
        raise HelperError(f"docker-credential-{name} failed with status {status}")
    return _answer(name, output)


def _answer(name: str, output: bytes) -> HelperAnswer | None:
    try:
        answer = parse_object(output)
    except JsonError as error:
        raise HelperError(f"docker-credential-{name} did not answer in JSON") from error
    username, secret = text_at(answer, "Username"), text_at(answer, "Secret")
    if not secret:
        return None
    return HelperAnswer(username, secret, username == _IDENTITY)


def _run(program: str, server: str, timeout: float) -> tuple[int, bytes]:
    try:
        process = subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise HelperError(f"{program} cannot be run: {error.strerror}") from error
    end = partial(_kill, process)
    atexit.register(end)  # an interrupted run does not wait for this thread
    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    try:
        with process:
            output = _exchange(process, server)
            if len(output) == _MAX_OUTPUT:
                end()
        if not timer.is_alive():
            raise HelperError(f"{program} did not answer in {timeout:g} s")
    finally:
        timer.cancel()
        atexit.unregister(end)
    return (0 if len(output) == _MAX_OUTPUT else process.returncode), output


def _exchange(process: subprocess.Popen[bytes], server: str) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    with contextlib.suppress(OSError):
        process.stdin.write(server.encode())
        process.stdin.close()
    return process.stdout.read(_MAX_OUTPUT)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the helper and what it started, which else could hold the pipe open for ever."""
    if process.returncode is not None:
        return  # It was waited for: its id may be another's by now.
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
