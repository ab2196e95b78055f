"""Threads: their limits, their fairness, and that they end."""

import threading
from collections import Counter

import pytest

from auditor.registry.workers import Workers

BOUND = 5.0


def test_results_and_errors_come_back() -> None:
    with Workers(2, lambda _: 2) as workers:
        good = workers.submit("lane", lambda: 1)
        bad = workers.submit("lane", lambda: 1 // 0)

        assert good.result(BOUND) == 1
        with pytest.raises(ZeroDivisionError):
            bad.result(BOUND)


def test_a_lane_has_its_limit_and_does_not_hold_up_the_others() -> None:
    lock, now, most = threading.Lock(), Counter[str](), Counter[str]()
    go = threading.Event()

    def work(lane: str) -> None:
        with lock:
            now[lane] += 1
            most[lane] = max(most[lane], now[lane])
        if lane == "slow":
            assert go.wait(BOUND)
        with lock:
            now[lane] -= 1

    with Workers(4, {"slow": 2, "fast": 4}.__getitem__) as workers:
        slow = [workers.submit("slow", lambda: work("slow")) for _ in range(6)]
        fast = [workers.submit("fast", lambda: work("fast")) for _ in range(6)]
        for future in fast:
            future.result(BOUND)
        go.set()
        for future in slow:
            future.result(BOUND)

    assert most["slow"] == 2


def test_a_free_thread_goes_to_the_lane_that_has_the_fewest() -> None:
    """Else slow lanes could take all threads between them."""
    start, go = threading.Event(), threading.Event()
    with Workers(3, lambda _: 3) as workers:
        gates = [workers.submit("gate", lambda: start.wait(BOUND)) for _ in range(3)]
        slow = [workers.submit(lane, lambda: go.wait(BOUND)) for lane in ("slow", "silent") * 3]
        fast = [workers.submit("fast", lambda: 1) for _ in range(3)]
        start.set()
        try:
            assert [future.result(BOUND) for future in fast] == [1, 1, 1]
        finally:
            go.set()
        assert all(future.result(BOUND) for future in (*gates, *slow))


def test_jobs_that_split_themselves_do_not_wait_for_ever() -> None:
    """As many jobs as threads, each waiting for parts: they do their parts themselves."""
    barrier = threading.Barrier(2)

    with Workers(2, lambda _: 2) as workers:

        def split() -> list[int]:
            barrier.wait(BOUND)
            return workers.map("lane", lambda number: number * 2, [1, 2, 3])

        futures = [workers.submit("lane", split) for _ in range(2)]
        assert [future.result(BOUND) for future in futures] == [[2, 4, 6]] * 2


def test_parts_are_done_at_once() -> None:
    barrier = threading.Barrier(3)

    with Workers(3, lambda _: 3) as workers:

        def part(number: int) -> int:
            barrier.wait(BOUND)
            return number

        future = workers.submit("lane", lambda: workers.map("lane", part, [1, 2, 3]))
        assert future.result(BOUND) == [1, 2, 3]


def test_no_parts() -> None:
    with Workers(1, lambda _: 1) as workers:
        assert workers.submit("lane", lambda: workers.map("lane", str, [])).result(BOUND) == []


def test_the_end_drops_what_has_not_begun() -> None:
    began, go = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert go.wait(BOUND)

    with Workers(1, lambda _: 1) as workers:
        workers.submit("lane", wait)
        waiting = workers.submit("lane", lambda: 1)
        waiting.add_done_callback(lambda _: go.set())
        assert began.wait(BOUND)

    assert waiting.cancelled()
    assert not [thread for thread in threading.enumerate() if thread.name == "podfit-registry"]
