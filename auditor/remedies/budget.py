"""What looking for remedies may cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from auditor.phrases import count

RENDERS: Final = 40
"""What ends a search that does not end by itself: a count is the same on every machine."""
SECONDS: Final = 600.0
"""Far from what an honest chart takes: the slowest make RSA keys, 3 s for each render."""


class SpentError(Exception):
    """Nothing is left, or nothing more is worth a try; the budget says why."""


@dataclass
class Budget:
    """Renders for one chart, counted down, and far behind them seconds. Not for threads.

    shortage: why not everything was looked for or tried, as the end of a sentence; "" where it was.
    """

    renders: int = RENDERS
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    spent: int = field(default=0, init=False)
    shortage: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def take(self) -> None:
        """Allow for one more render. Raises SpentError, always once it was raised."""
        if self.shortage:
            raise SpentError
        if self.spent >= self.renders:
            self.end(f"it takes more than {count(self.renders, 'render')}")
        if self.clock() >= self._until:
            self.end_late(self.seconds)
        self.spent += 1

    def end(self, why: str) -> NoReturn:
        """Leave the rest. Raises SpentError."""
        self.shortage = why
        raise SpentError

    def end_late(self, seconds: float) -> NoReturn:
        """Leave the rest, because of a clock: another machine may get further."""
        self.end(f"it takes longer than {seconds:g} s here; on another machine there may be more")

    @property
    def seconds_left(self) -> float:
        return max(self._until - self.clock(), 0.0)
