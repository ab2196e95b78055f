"""The parent side of the rendering process: requests, timeouts, restarts."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from auditor.sources.processes.programs import (
    bounded,
    cause_of_death,
    helm_child,
    isolated_environment,
)
from auditor.sources.rendering import Cause, RenderError

if TYPE_CHECKING:
    import subprocess


_CHILD: Final = Path(__file__).with_name("render_child.py")
_START_SECONDS: Final = 20.0
"""To load 85 MB of library from a cold disk; not part of a chart's time limit."""
_END_SECONDS: Final = 5.0
_MAX_LOG: Final = 20_000
"""Characters that are read of the log of one call."""
_MAX_LOG_FILE: Final = 16_000_000


class Worker:
    """One rendering process, started on the first call and again after it died.

    Calls from several threads wait for each other.
    """

    def __init__(self) -> None:
        self._child: _Child | None = None
        self._lock = threading.Lock()

    def ask(self, call: str, timeout: float, **arguments: Any) -> Any:
        """Return the result of a call.

        Raises RenderError. Unless the cause is REFUSED, the process has ended then.
        """
        with self._lock:
            try:
                return self._exchange(self._child or self._start(), call, timeout, arguments)
            except RenderError:
                raise
            except BaseException:  # interrupted: the next call would read this answer
                self.close()
                raise

    def log(self) -> str:
        """Return the log of the last call; "" on systems without `pread`."""
        return self._child.log() if self._child else ""

    def close(self) -> None:
        """Stop the process if it runs."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _start(self) -> _Child:
        self._child = child = _Child()
        try:
            self._exchange(child, "load", _START_SECONDS, {})
        except RenderError as error:
            self.close()
            cause = Cause.CRASH if error.cause is Cause.REFUSED else error.cause
            raise RenderError(cause, error.text) from error
        return child

    def _exchange(self, child: _Child, call: str, timeout: float, arguments: dict[str, Any]) -> Any:
        line = child.exchange(json.dumps({"call": call, "arguments": arguments}), timeout)
        if not line.endswith(b"\n"):
            self._child = None
            raise child.failure(timeout)
        if child.was_killed:  # just after it answered
            self.close()
        answer = json.loads(line)
        if "error" in answer:
            too_large = answer["kind"] == "TooLargeError"
            raise RenderError(Cause.SIZE if too_large else Cause.REFUSED, answer["error"])
        return answer["result"]


class _Child:
    """The process, its pipes and its log."""

    def __init__(self) -> None:
        import subprocess
        import tempfile

        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        process = subprocess.Popen(
            bounded(helm_child(_CHILD), _MAX_LOG_FILE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=isolated_environment(),
        )
        self._process = process
        self._requests = cast("BinaryIO", process.stdin)
        self._answers = cast("BinaryIO", process.stdout)
        self._timed_out = threading.Event()
        self._logged = 0
        self.end = weakref.finalize(self, _end, process, self._log)

    def exchange(self, request: str, timeout: float) -> bytes:
        """Return the answer; an incomplete line if the process died or was killed."""
        self._logged = os.fstat(self._log.fileno()).st_size
        watchdog = threading.Timer(timeout, self._kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            self._requests.write(request.encode() + b"\n")
            self._requests.flush()
            return self._answers.readline()
        except OSError:
            return b""
        finally:
            watchdog.cancel()
            watchdog.join()

    def log(self) -> str:
        """Return the last log. Without `pread`, reading would move the write position."""
        if not hasattr(os, "pread"):
            return ""
        return os.pread(self._log.fileno(), _MAX_LOG, self._logged).decode("utf-8", "replace")

    @property
    def was_killed(self) -> bool:
        return self._timed_out.is_set()

    def failure(self, timeout: float) -> RenderError:
        """Stop the process and return the error for a missing answer."""
        import subprocess

        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._log.seek(self._logged)
        log = self._log.read(_MAX_LOG).decode("utf-8", "replace")
        self.end()
        if self.was_killed:
            return RenderError(Cause.TIMEOUT, f"no result within {timeout:g} seconds")
        return RenderError(cause_of_death(log), log)

    def _kill(self) -> None:
        self._timed_out.set()
        self._process.kill()


def _end(process: subprocess.Popen[bytes], log: BinaryIO) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()
