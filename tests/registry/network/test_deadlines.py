import threading

import pytest

from auditor.registry.options import Deadline, TimeOver
from tests.registry.conftest import FakeClock


def deadline(clock: FakeClock, seconds: float) -> Deadline:
    return Deadline(clock, clock.time + seconds, "the time is up", threading.Event())


def test_time_passes() -> None:
    clock = FakeClock()
    limit = deadline(clock, 10)

    assert limit.left() == 10
    clock.time += 10
    assert limit.over()
    with pytest.raises(TimeOver, match="the time is up"):
        limit.left()


def test_a_pause_that_is_too_long_is_not_begun() -> None:
    clock = FakeClock()
    limit = deadline(clock, 10)

    limit.pause(4)
    with pytest.raises(TimeOver):
        limit.pause(6)
    assert clock.pauses == [4]


def test_nobody_waits_for_a_cancelled_run() -> None:
    limit = deadline(FakeClock(), 10)
    limit.cancelled.set()

    assert limit.over()
    with pytest.raises(TimeOver, match="cancelled"):
        limit.pause(1)


def test_a_run_that_is_cancelled_in_a_pause_does_not_go_on() -> None:
    class Cancelling(FakeClock):
        def pause(self, seconds: float, cancelled: threading.Event) -> None:
            cancelled.set()

    with pytest.raises(TimeOver, match="cancelled"):
        deadline(Cancelling(), 10).pause(1)


def test_the_earlier_of_two() -> None:
    clock = FakeClock()
    limit = deadline(clock, 10)

    assert limit.within(20, "why") is limit
    inner = limit.within(5, "why")
    assert (inner.left(), inner.why) == (5, "why")
    limit.cancelled.set()
    assert inner.over()
