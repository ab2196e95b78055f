"""What looking for remedies may cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, NoReturn

from auditor.phrases import count
from auditor.sources.rendering import Cause, RenderError

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
            self._end(f"it takes more than {count(self.renders, 'render')}")
        if self.clock() >= self._until:
            self._end(_late(self.seconds))
        self.spent += 1

    @contextmanager
    def rendering(self, timeout: float) -> Iterator[float]:
        """One more render, and how many seconds it may take: a timeout at most.

        Raises RenderError where Helm refuses the chart, SpentError where it did not get so far.
        """
        self.take()
        seconds = min(timeout, max(self._until - self.clock(), 0.0))
        try:
            yield seconds
        except RenderError as error:
            if error.cause is Cause.REFUSED:
                raise
            self._end(_late(seconds) if error.cause is Cause.TIMEOUT else error.cause.value)

    def _end(self, why: str) -> NoReturn:
        self.shortage = why
        raise SpentError


def _late(seconds: float) -> str:
    return f"it takes longer than {seconds:.0f} s here; on another machine there may be more"
