import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.endpoints import endpoint_of
from auditor.registry.network.sending import Sender
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import RegistryOptions
from auditor.registry.remarks import Remarks
from tests.registry.conftest import FakeClock

WAIT = Answer(429, "https://r.example/x", (("retry-after", "7"),), b"")
FINE = Answer(200, "https://r.example/x", (), b"")
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


def test_a_pause_that_a_registry_asks_for_is_kept_by_all() -> None:
    clock = BusyClock()
    options = RegistryOptions(clock=clock)
    follower = Script([WAIT, FINE, FINE])
    endpoint = endpoint_of("r.example", options)
    sender = Sender(follower, endpoint, options, Remarks())  # type: ignore[arg-type]
    deadline = Deadline(clock, clock.time + 60, "time is up", threading.Event())
    clock.meanwhile.append(lambda: sender.send(REQUEST, deadline))

    assert sender.send(REQUEST, deadline) is FINE

    assert clock.pauses == [7.0, 7.0]
    assert follower.answers == []
