"""Until when something is worth waiting for."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from auditor.registry.options import Clock


class TimeOver(Exception):
    """The time for the work is used up, or the run was cancelled. The message is a clause."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """moment: on the monotonic clock. why: a clause for the user once it has passed.

    cancelled: set when nobody wants the result any more.
    """

    clock: Clock
    moment: float
    why: str
    cancelled: threading.Event

    def over(self) -> bool:
        return self.cancelled.is_set() or self.moment <= self.clock.monotonic()

    def left(self) -> float:
        """Seconds, more than none. Raises TimeOver."""
        seconds = self.moment - self.clock.monotonic()
        if self.cancelled.is_set():
            raise TimeOver("the run was cancelled")
        if seconds <= 0:
            raise TimeOver(self.why)
        return seconds

    def pause(self, seconds: float) -> None:
        """Waits that long. Raises TimeOver at once where that is longer than there is time."""
        if seconds >= self.left():
            raise TimeOver(self.why)
        self.clock.pause(seconds, self.cancelled)
        self.left()

    def within(self, seconds: float, why: str) -> Deadline:
        """The same deadline, or an earlier one in so many seconds."""
        moment = self.clock.monotonic() + seconds
        return self if self.moment <= moment else Deadline(self.clock, moment, why, self.cancelled)
