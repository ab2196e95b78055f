import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from auditor.images.images import UnknownReason
from auditor.registry.interface import RegistryFailure, Remarks
from auditor.registry.network.endpoints import endpoints_of
from auditor.registry.network.sending import Breaker, Sender, retry_after
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import Deadline, RegistryOptions
from tests.registry.conftest import FakeClock

WAIT = Answer(429, "https://r.example/x", (("retry-after", "7"),), b"")
SPENT = Answer(
    429,
    "https://r.example/x",
    (("retry-after", "7"), ("ratelimit-limit", "100;w=9"), ("ratelimit-remaining", "0;w=9")),
    b"",
)
AWAY = Answer(503, "https://r.example/x", (("retry-after", "5"),), b"")
BROKEN = Answer(503, "https://r.example/x", (), b"")
TOO_MANY = Answer(429, "https://r.example/x", (), b"")
FINE = Answer(200, "https://r.example/x", (), b"")
NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT
REQUEST = Request("GET", "https://r.example/x", {}, 10)


@dataclass
class Script:
    """A follower that gives these answers in turn."""

    answers: list[Answer]

    def send(self, request: Request, deadline: Deadline, realm: object = None) -> Answer:
        return self.answers.pop(0)


@dataclass
class BusyClock(FakeClock):
    """While one thread waits, another one sends."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def pause(self, seconds: float, cancelled: threading.Event) -> None:
        if self.meanwhile:
            self.meanwhile.pop()()
        super().pause(seconds, cancelled)


@pytest.mark.parametrize(
    ("answer", "pauses"),
    [(WAIT, [7.0, 7.0]), (TOO_MANY, [0.3, 0.3]), (AWAY, [5.0, 5.0]), (BROKEN, [0.3])],
)
def test_a_pause_that_a_registry_wants_is_kept_by_all(answer: Answer, pauses: list[float]) -> None:
    clock = BusyClock()
    options = RegistryOptions(clock=clock)
    follower = Script([answer, FINE, FINE])
    (endpoint,) = endpoints_of("r.example", options)
    sender = Sender(follower, endpoint, options, Remarks())  # type: ignore[arg-type]
    deadline = Deadline(clock, clock.time + 60, "time is up", threading.Event())
    clock.meanwhile.append(lambda: sender.send(REQUEST, deadline))

    assert sender.send(REQUEST, deadline) is FINE

    assert clock.pauses == pytest.approx(pauses)
    assert follower.answers == []


@pytest.mark.parametrize(
    ("asked", "left", "pauses"),
    [
        ("20", 60, [20.0]),
        ("21", 60, []),
        ("120", 600, []),
        ("7", 8, [7.0]),
        ("7", 7, []),
    ],
)
def test_a_pause_that_is_too_long_is_not_kept(asked: str, left: float, pauses: list[float]) -> None:
    clock = FakeClock()
    options = RegistryOptions(clock=clock)
    wait = Answer(429, "https://r.example/x", (("retry-after", asked),), b"")
    follower = Script([wait, FINE])
    (endpoint,) = endpoints_of("r.example", options)
    sender = Sender(follower, endpoint, options, Remarks())  # type: ignore[arg-type]
    deadline = Deadline(clock, clock.time + left, "time is up", threading.Event())

    if pauses:
        assert sender.send(REQUEST, deadline) is FINE
    else:
        with pytest.raises(RegistryFailure):
            sender.send(REQUEST, deadline)
    assert clock.pauses == pauses


def sent(method: str, *answers: Answer) -> tuple[Answer | None, list[float]]:
    """What comes of a request, None for a failure; and the pauses in between."""
    clock = FakeClock()
    options = RegistryOptions(clock=clock)
    (endpoint,) = endpoints_of("r.example", options)
    sender = Sender(Script(list(answers)), endpoint, options, Remarks())  # type: ignore[arg-type]
    deadline = Deadline(clock, clock.time + 60, "time is up", threading.Event())
    try:
        return sender.send(dataclasses.replace(REQUEST, method=method), deadline), clock.pauses
    except RegistryFailure:
        return None, clock.pauses


def test_a_limit_without_anything_left_is_not_waited_for() -> None:
    assert sent("GET", SPENT, FINE) == (None, [])


def test_head_is_not_repeated_but_for_a_limit() -> None:
    """GET will tell more; a limit holds for both."""
    assert sent("HEAD", BROKEN, FINE) == (BROKEN, [])
    assert sent("GET", BROKEN, FINE) == (FINE, [0.3])
    assert sent("HEAD", WAIT, FINE) == (FINE, [7.0])


def failure(message: str) -> RegistryFailure:
    return RegistryFailure(UnknownReason.UNREACHABLE, message, "hint")


def test_three_failures_in_a_row_are_enough() -> None:
    breaker = Breaker()

    breaker.failed(failure("one"))
    breaker.failed(failure("two"))
    breaker.succeeded()
    breaker.failed(failure("three"))
    breaker.failed(failure("four"))
    breaker.check()
    breaker.failed(failure("five"))

    with pytest.raises(RegistryFailure, match="five") as caught:
        breaker.check()
    assert caught.value.answer.hint == "hint"


def test_the_first_reason_stays() -> None:
    breaker = Breaker()
    breaker.open(failure("first"))
    breaker.open(failure("second"))

    with pytest.raises(RegistryFailure, match="first"):
        breaker.check()


def test_a_pause_is_for_everybody_and_the_longest_counts() -> None:
    breaker = Breaker()
    breaker.wait(until=107.0)
    breaker.wait(until=103.0)

    assert breaker.pause(100.0) == 7.0
    assert breaker.pause(108.0) == 0.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("99999999999999999999", 9999999999.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 07:59:00 GMT", 0.0),
        ("Fri, 15 Jan 2027 09:00:30 +0100", 30.0),
        ("", None),
        ("soon", None),
        ("1.16ms", None),
        ("-1", None),
        ("\u0667", None),
        ("Fri, 99 Jan 99999 08:00:30 GMT", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds
