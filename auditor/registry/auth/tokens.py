"""Tokens of a registry's token service.

Source: distribution `docs/spec/auth/token.md` and `oauth.md`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from auditor.images import UnknownReason
from auditor.registry.auth.credentials import Credential
from auditor.registry.failures import RegistryFailure
from auditor.registry.json_text import JsonError, JsonObject, parse_object, text_at
from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.redirects import Realm
from auditor.registry.network.sending import Sender
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import Clock

CLIENT_ID: Final = "podfit"
MAX_ANSWER: Final = 1024 * 1024
_VALUE: Final = re.compile(r"[\x21-\x7e]{1,65536}")
_SHORTEST_LIFE: Final = 60.0
_LONGEST_LIFE: Final = 86_400.0
_EARLY: Final = 5.0
_NO_POST: Final = frozenset({400, 401, 404, 405})


DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class TokenRefused(Exception):
    """The token service does not give a token to this user. status: 401 or 403."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Token:
    """good_until: on the monotonic clock. credentialed: given to the user, not to anyone."""

    value: str = field(repr=False)
    good_until: float
    credentialed: bool


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token is asked for."""

    realm: Realm
    service: str
    scope: str

    @property
    def parameters(self) -> dict[str, str]:
        """A parameter without a value is left out: some services do not name themselves."""
        wanted = {"service": self.service, "scope": self.scope, "client_id": CLIENT_ID}
        return {name: value for name, value in wanted.items() if value}


class TokenService:
    """Asks token services on behalf of one registry."""

    def __init__(self, sender: Sender, registry: str, clock: Clock) -> None:
        self._sender, self._registry, self._clock = sender, registry, clock

    def fetch(self, grant: Grant, credential: Credential | None, deadline: Deadline) -> Token:
        """A new token. Raises TokenRefused, RegistryFailure and TimeOver.

        A refresh token goes by POST, which not every service knows: then by GET, as containerd does
        (`core/remotes/docker/auth/fetch.go`).
        """
        if credential and credential.identity_token:
            answer = self._post(grant, credential.identity_token, deadline)
            if answer.status not in _NO_POST:
                return self._token(answer, credentialed=True)
        answer = self._get(grant, credential, deadline)
        return self._token(answer, credentialed=credential is not None)

    def _post(self, grant: Grant, refresh_token: str, deadline: Deadline) -> Answer:
        form = {"grant_type": "refresh_token", **grant.parameters, "refresh_token": refresh_token}
        headers = {"Accept": "application/json"}
        request = Request("POST", grant.realm.url, headers, MAX_ANSWER, form)
        return self._sender.send(request, deadline, grant.realm)

    def _get(self, grant: Grant, credential: Credential | None, deadline: Deadline) -> Answer:
        parameters, headers = grant.parameters, {"Accept": "application/json"}
        if credential:
            headers["Authorization"] = basic(credential)
            if credential.username:
                parameters["account"] = credential.username
        url = _with_query(grant.realm.url, parameters)
        return self._sender.send(Request("GET", url, headers, MAX_ANSWER), deadline, grant.realm)

    def _token(self, answer: Answer, *, credentialed: bool) -> Token:
        if answer.status in DENIED:
            raise TokenRefused(answer.status)
        if answer.status != HTTPStatus.OK:
            raise self._failure(UnknownReason.FAILED, f"answered {answer.status}")
        try:
            value = parse_object(answer.body)
        except JsonError as error:
            raise self._failure(UnknownReason.MALFORMED, f"cannot be understood: {error}") from None
        token = text_at(value, "token") or text_at(value, "access_token")
        if not _VALUE.fullmatch(token):
            raise self._failure(UnknownReason.MALFORMED, "gave no usable token")
        return Token(token, self._clock.monotonic() + _life(value) - _EARLY, credentialed)

    def _failure(self, reason: UnknownReason, what: str) -> RegistryFailure:
        return RegistryFailure(reason, f"the token service of registry {self._registry} {what}")


def basic(credential: Credential) -> str:
    """The header of RFC 7617. With a refresh token and no name, as containerd sends it."""
    secret = credential.secret or credential.identity_token
    return "Basic " + base64.b64encode(f"{credential.username}:{secret}".encode()).decode()


def _life(value: JsonObject) -> float:
    """Seconds a token lives: 60 at least, whatever is said (token.md). Clocks are not compared."""
    said = value.get("expires_in")
    if not isinstance(said, int | float):
        return _SHORTEST_LIFE
    return max(float(min(said, _LONGEST_LIFE)), _SHORTEST_LIFE)


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([*(pair for pair in given if pair[0] not in parameters), *parameters.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
