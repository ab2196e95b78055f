"""Threads for jobs that wait: so many at once, fewer per lane, and none left behind.

A lane is a registry host: slow ones must not take all threads, so a free thread goes to the lane
that has the fewest. A job may split itself with `map`
and takes part in the work, so that jobs waiting for jobs cannot come to a standstill. The threads
are daemons: nothing a server does keeps the process from ending.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import chain
from typing import Any, Final, Self, TypeVar

from msgspec import Struct, field

_JOIN_SECONDS: Final = 0.5
_T = TypeVar("_T")
_R = TypeVar("_R")


class _Job(Struct, eq=False):
    lane: str
    call: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)

    def run(self) -> None:
        try:
            self.future.set_result(self.call())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asks for the result
            self.future.set_exception(error)


class Workers:
    """Use as a context manager; leaving it drops what has not begun."""

    def __init__(self, most: int, most_in: Callable[[str], int]) -> None:
        """most: threads. most_in: how many of them may work in a lane at once."""
        self._most, self._most_in = most, most_in
        self._changed = threading.Condition()
        self._lanes: defaultdict[str, deque[_Job]] = defaultdict(deque)
        self._busy: Counter[str] = Counter()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            for job in chain.from_iterable(self._lanes.values()):
                job.future.cancel()
            self._lanes.clear()
            self._changed.notify_all()
        end = time.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def submit(self, lane: str, call: Callable[[], _R]) -> Future[_R]:
        """The future result of a call."""
        job = _Job(lane, call)
        self._add([job])
        return job.future

    def map(self, lane: str, function: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """The results in the items' order. To be called by a job, in its own lane."""
        jobs = [_Job(lane, partial(function, item)) for item in items]
        self._add(jobs[1:])
        for job in jobs:
            if job is jobs[0] or self._withdraw(job):
                job.run()
        return [job.future.result() for job in jobs]

    def _add(self, jobs: Sequence[_Job]) -> None:
        with self._changed:
            for job in jobs:
                self._lanes[job.lane].append(job)
            work = sum(map(len, self._lanes.values())) + self._busy.total()
            for _ in range(min(work, self._most) - len(self._threads)):
                thread = threading.Thread(target=self._work, name="podfit-registry", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def _withdraw(self, job: _Job) -> bool:
        with self._changed:
            waiting = job in self._lanes[job.lane]
            if waiting:
                self._lanes[job.lane].remove(job)
            return waiting

    def _work(self) -> None:
        while job := self._next():
            job.run()
            with self._changed:
                self._busy[job.lane] -= 1
                self._changed.notify_all()

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._closed:
                open_lanes = (
                    lane
                    for lane, jobs in self._lanes.items()
                    if jobs and self._busy[lane] < self._most_in(lane)
                )
                if lane := min(open_lanes, key=self._busy.__getitem__, default=""):
                    self._busy[lane] += 1
                    return self._lanes[lane].popleft()
                self._changed.wait()
            return None
