"""A thread pool with a limit of jobs per lane, for jobs that wait for the network.

A lane is a registry host. A free thread takes a job of the lane with the fewest running jobs, so
slow hosts cannot occupy all threads. A job may split itself with `map`: it runs parts itself, so
jobs that wait for other jobs cannot deadlock. Threads are daemons, so a server that does not
respond cannot keep the process from exiting.
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
        except BaseException as error:  # noqa: BLE001 - raised by future.result()
            self.future.set_exception(error)


class Workers:
    """A context manager; leaving it cancels the jobs that have not started."""

    def __init__(self, most: int, most_in: Callable[[str], int]) -> None:
        """Create a pool.

        Args:
            most: Maximum number of threads.
            most_in: Returns the maximum number of running jobs of a lane.
        """
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
        """Queue a call and return its future."""
        job = _Job(lane, call)
        self._add([job])
        return job.future

    def map(self, lane: str, function: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        """Apply a function to items, in order. Call it from a job, with the lane of that job."""
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
