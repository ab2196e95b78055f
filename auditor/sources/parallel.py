"""Work on several items at the same time, with results in order."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")


def count_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    work: Callable[[_T], _R],
    items: Sequence[_T],
    jobs: int,
    weight: Callable[[_T], float] = lambda _: 0,
) -> Iterator[_R]:
    """Yield the result for each item in order; the heaviest items are worked on first.

    The threads mostly wait for child processes. They are daemons, so that an interrupted podfit
    ends at once; the child processes end with it. An exception of `work` is raised in its turn.
    """
    if jobs < 2 or len(items) < 2:  # noqa: PLR2004 - nothing to do at the same time
        yield from map(work, items)
        return
    from concurrent.futures import Future

    futures: list[Future[_R]] = [Future() for _ in items]
    waiting = deque(sorted(range(len(items)), key=lambda index: -weight(items[index])))

    def run() -> None:
        while waiting:
            try:
                index = waiting.popleft()
            except IndexError:  # another thread took the last one
                return
            try:
                futures[index].set_result(work(items[index]))
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                futures[index].set_exception(error)

    for _ in range(min(jobs, len(items))):
        threading.Thread(target=run, daemon=True).start()
    try:
        for future in futures:
            yield future.result()
    finally:
        waiting.clear()
