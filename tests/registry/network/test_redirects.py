"""Redirects, answer by answer; those of real servers are in test_hostile.py."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from auditor.registry.interface import RegistryFailure
from auditor.registry.network.connections import PROXY, Fault, FaultKind, LiveConnections
from auditor.registry.network.endpoints import endpoints_of
from auditor.registry.network.sending import Follower
from auditor.registry.network.transport import Answer, Request, Transport
from auditor.registry.options import Deadline, HostOptions, RegistryOptions
from tests.registry.conftest import FakeClock

HERE, ELSEWHERE = "https://r.example/v2/x", "https://cdn.example/x"
SECRETS = {"Authorization": "Bearer t", "COOKIE": "c", "Accept": "a"}


class Script:
    """A transport that gives these answers in turn. sent: every request."""

    def __init__(self, *answers: Answer | Fault) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []
        self.live = LiveConnections()

    def send(
        self, request: Request, options: HostOptions, timeout: object, *, private: bool
    ) -> Answer:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Fault):
            raise answer
        return answer


def follow(script: Script, url: str = HERE) -> Answer:
    clock = FakeClock()
    options = RegistryOptions(hosts={"r.example": HostOptions(insecure="any")}, clock=clock)
    endpoint = next(item for item in endpoints_of("r.example", options) if url.startswith(item.url))
    deadline = Deadline(clock, clock.time + 60, "the time is up", threading.Event())
    follower = Follower(cast("Transport", script), endpoint, options)
    return follower.send(Request("GET", url, SECRETS, 10), deadline)


def moved(location: str) -> Answer:
    return Answer(307, HERE, (("location", location),), b"")


FINE = Answer(200, HERE, (), b"")


def test_secrets_stay_at_their_origin() -> None:
    script = Script(moved("/v2/y"), moved(ELSEWHERE), moved(HERE), FINE)

    follow(script)

    assert [dict(request.headers) for request in script.sent] == [
        SECRETS,
        SECRETS,
        {"Accept": "a"},
        {"Accept": "a"},
    ]


def test_a_redirect_does_not_leave_tls() -> None:
    with pytest.raises(RegistryFailure, match="from https to plain http"):
        follow(Script(moved("http://cdn.example/x"), FINE))
    plain = HERE.replace("https", "http")
    assert follow(Script(moved("http://cdn.example/x"), FINE), plain) is FINE


def test_as_many_redirects_as_may_be() -> None:
    assert follow(Script(*[moved(HERE)] * 5, FINE)) is FINE
    with pytest.raises(RegistryFailure, match="redirects more than 5 times"):
        follow(Script(*[moved(HERE)] * 6, FINE))


@pytest.mark.parametrize(
    ("where", "location", "told"),
    [("", "", ""), (PROXY, "", PROXY), ("", ELSEWHERE, "cdn.example"), (PROXY, ELSEWHERE, PROXY)],
)
def test_a_fault_says_where_it_was(where: str, location: str, told: str) -> None:
    fault = Fault(FaultKind.CONNECT, "refused")
    fault.where = where

    with pytest.raises(Fault) as caught:
        follow(Script(*([moved(location)] if location else []), fault))
    assert caught.value.where == told
