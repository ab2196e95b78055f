"""What looking for remedies may cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

RENDERS: Final = 40
SECONDS: Final = 30.0
"""Most charts need less than one; those that make RSA keys take 3 s for each render."""


class SpentError(Exception):
    """Nothing is left."""


@dataclass
class Budget:
    """Renders and seconds for one chart, counted down. Not for threads."""

    renders: int = RENDERS
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds
        self.spent = 0

    def take(self) -> None:
        """Allow for one more render. Raises SpentError."""
        if self.spent >= self.renders or self.clock() >= self._until:
            raise SpentError
        self.spent += 1

    @property
    def seconds_left(self) -> float:
        return max(self._until - self.clock(), 0.0)
