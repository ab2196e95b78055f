"""Stops asking a registry that cannot answer: its images share one answer and cost no more time."""

from __future__ import annotations

import threading
from typing import Final

from auditor.images import UnknownPlatforms
from auditor.registry.failures import RegistryFailure

_MOST_FAILURES: Final = 3


class Breaker:
    """Open once a registry refused for good or failed three times with no success in between."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._answer: UnknownPlatforms | None = None
        self._resume = 0.0

    def check(self) -> None:
        """Raises RegistryFailure where the registry is not to be asked any more."""
        if self._answer:
            raise RegistryFailure.of(self._answer)

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self, failure: RegistryFailure) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                self._answer = self._answer or failure.answer

    def open(self, failure: RegistryFailure) -> None:
        with self._lock:
            self._answer = self._answer or failure.answer

    def wait(self, until: float) -> None:
        """Nobody asks before this moment of the monotonic clock: the registry wants a pause."""
        with self._lock:
            self._resume = max(self._resume, until)

    def pause(self, now: float) -> float:
        """Seconds to wait before asking."""
        return max(0.0, self._resume - now)
