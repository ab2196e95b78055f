"""What a token service is asked, and what is made of its answers."""

import json
import threading
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from auditor.files.addresses import origin_of
from auditor.registry.auth.credentials import Credential
from auditor.registry.auth.tokens import Grant, Token, TokenService
from auditor.registry.network.sending import Realm, Sender
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import Deadline
from tests.registry.conftest import FakeClock

MINUTE, DAY = 60.0, 86_400.0
EARLY = 5.0


class Service:
    """Gives one answer. asked: every request."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    def send(self, request: Request, deadline: Deadline, realm: Realm | None = None) -> Answer:
        self.asked.append(request)
        return Answer(200, request.url, (), json.dumps(self.answer).encode())

    def fetch(
        self, url: str = "https://auth.example/token", credential: Credential | None = None
    ) -> Token:
        clock = FakeClock(time=0)
        realm = Realm(url, origin_of(url), private=False, trusted=True)
        tokens = TokenService(cast("Sender", self), "registry.example", clock)
        deadline = Deadline(clock, 10, "the time is up", threading.Event())
        return tokens.fetch(Grant(realm, "registry", "repository:a:pull"), credential, deadline)


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ({"token": "a"}, "a"),
        ({"access_token": "b"}, "b"),
        ({"token": "a", "access_token": "b"}, "a"),
        ({"token": "", "access_token": "b"}, "b"),
    ],
)
def test_a_token_by_either_name(answer: dict[str, str], value: str) -> None:
    assert Service(**answer).fetch().value == value


@pytest.mark.parametrize(
    ("said", "life"),
    [
        (300, 300.0),
        (300.5, 300.5),
        (1, MINUTE),
        (-1, MINUTE),
        (None, MINUTE),
        ("300", MINUTE),
        (True, MINUTE),
        (10**400, DAY),
    ],
)
def test_how_long_a_token_lives(said: object, life: float) -> None:
    assert Service(token="a", expires_in=said).fetch().good_until == life - EARLY


def test_what_the_realm_asks_for_itself_is_said_once() -> None:
    service = Service(token="a")

    service.fetch("https://auth.example/token?service=other&tenant=x&empty=")

    assert parse_qsl(urlsplit(service.asked[0].url).query, keep_blank_values=True) == [
        ("tenant", "x"),
        ("empty", ""),
        ("service", "registry"),
        ("scope", "repository:a:pull"),
        ("client_id", "podfit"),
    ]


def test_whose_token_it_is() -> None:
    service = Service(token="a")

    assert not service.fetch().credentialed
    assert service.fetch(credential=Credential("config", "user", "secret")).credentialed
    assert "authorization" not in {name.lower() for name in service.asked[0].headers}
    assert ("account", "user") in parse_qsl(urlsplit(service.asked[1].url).query)
