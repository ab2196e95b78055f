"""Challenges, token services and their tokens.

Sources: distribution `docs/spec/auth/token.md` and `oauth.md`; RFC 7235 section 4.1 for
`WWW-Authenticate`. Several challenges may share a header: commas separate both parameters and
challenges, and only `name =` continues a challenge.

The registry names its token service (`realm`), so a compromised one could name any host.
Credentials are sent only to the registry's own host, its parent or sibling domain, known token
services, and `trusted_realms`; other token services are used anonymously.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from msgspec import Struct

from auditor.files.addresses import Origin, origin_of
from auditor.images.images import UnknownReason
from auditor.registry.auth.credentials import Credential
from auditor.registry.interface import RegistryFailure
from auditor.registry.json_text import JsonError, parse_object, text_at
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.sending import Realm, Sender
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import Clock, Deadline

CLIENT_ID: Final = "podfit"
MAX_ANSWER: Final = 1024 * 1024
_VALUE: Final = re.compile(r"[\x21-\x7e]{1,65536}")
_SHORTEST_LIFE: Final = 60.0
_LONGEST_LIFE: Final = 86_400.0
_EARLY: Final = 5.0
_NO_POST: Final = frozenset({400, 401, 404, 405})
DENIED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class TokenRefused(Exception):
    """The token service refused a token for this user, with status 401 or 403."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token.

    Attributes:
        good_until: On the monotonic clock.
        credentialed: Whether it was issued for the user, not anonymously.
    """

    value: str = field(repr=False)
    good_until: float
    credentialed: bool


class Grant(Struct, frozen=True):
    """The parameters of a token request."""

    realm: Realm
    service: str
    scope: str

    @property
    def parameters(self) -> dict[str, str]:
        """The query parameters, without empty ones: some registries set no service."""
        wanted = {"service": self.service, "scope": self.scope, "client_id": CLIENT_ID}
        return {name: value for name, value in wanted.items() if value}


class TokenService:
    """Requests tokens for one registry."""

    def __init__(self, sender: Sender, registry: str, clock: Clock) -> None:
        self._sender, self._registry, self._clock = sender, registry, clock

    def fetch(self, grant: Grant, credential: Credential | None, deadline: Deadline) -> Token:
        """Request a token. Raises TokenRefused, RegistryFailure and TimeOver.

        A refresh token is sent by POST, which not all services support, then by GET, as in
        containerd (`core/remotes/docker/auth/fetch.go`).
        """
        if credential and credential.identity_token:
            token = credential.identity_token
            form = {"grant_type": "refresh_token", **grant.parameters, "refresh_token": token}
            headers = {"Accept": "application/json"}
            request = Request("POST", grant.realm.url, headers, MAX_ANSWER, form)
            answer = self._sender.send(request, deadline, grant.realm)
            if answer.status not in _NO_POST:
                return self._token(answer, credentialed=True)
        answer = self._get(grant, credential, deadline)
        return self._token(answer, credentialed=credential is not None)

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
            raise self._failure(
                UnknownReason.MALFORMED, f"sent an invalid answer: {error}"
            ) from None
        token = text_at(value, "token") or text_at(value, "access_token")
        if not _VALUE.fullmatch(token):
            raise self._failure(UnknownReason.MALFORMED, "sent no valid token")
        # At least 60 s (token.md). `issued_at` is ignored, as clocks may differ.
        seconds = value.get("expires_in")
        life = min(seconds, _LONGEST_LIFE) if isinstance(seconds, int | float) else 0
        good_until = self._clock.monotonic() + max(life, _SHORTEST_LIFE) - _EARLY
        return Token(token, good_until, credentialed)

    def _failure(self, reason: UnknownReason, what: str) -> RegistryFailure:
        return RegistryFailure(reason, f"the token service of registry {self._registry} {what}")


def basic(credential: Credential) -> str:
    """Return a Basic header (RFC 7617). A refresh token has an empty username, as in containerd."""
    secret = credential.secret or credential.identity_token
    return "Basic " + base64.b64encode(f"{credential.username}:{secret}".encode()).decode()


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([*(pair for pair in given if pair[0] not in parameters), *parameters.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


MAX_HEADER: Final = 16 * 1024

_NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_SCHEME: Final = re.compile(rf"[\s,]*({_NAME})(?=[\s,]|$)")
_TOKEN_68: Final = re.compile(r"[ \t]+[A-Za-z0-9\-._~+/]+=*[ \t]*(?=,|$)")
# Some registries do not quote values with `:`, `/` and `=`.
_PARAMETER: Final = re.compile(
    rf"[\s,]*({_NAME})\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s,\"]*))(?=[\s,]|$)", re.DOTALL
)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


class Challenge(Struct, frozen=True):
    """An authentication challenge; scheme and parameter names are in lower case."""

    scheme: str
    parameters: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """Return a parameter, or ""."""
        return self.parameters.get(name, "")


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """Return all challenges in order. A syntax error ends its header only."""
    return tuple(
        challenge for header in headers for challenge in _parse(header.strip()[:MAX_HEADER])
    )


def _parse(header: str) -> Iterable[Challenge]:
    position = 0
    while scheme := _SCHEME.match(header, position):
        position = scheme.end()
        parameters: dict[str, str] = {}
        if token68 := _TOKEN_68.match(header, position):
            position = token68.end()
        while parameter := _PARAMETER.match(header, position):
            name, quoted, bare = parameter.groups()
            value = bare if quoted is None else _ESCAPE.sub(r"\1", quoted)
            parameters.setdefault(name.lower(), value)
            position = parameter.end()
        yield Challenge(scheme[1].lower(), MappingProxyType(parameters))


_KNOWN: Final = {
    "docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
    "nvcr.io": "authn.nvidia.com",
}
_SHORT_LABEL: Final = 3
_COUNTRY: Final = 2


class RealmError(ValueError):
    """A token service that must not be used. The message is a clause for the user."""


def judge_realm(url: str, registry: Endpoint) -> Realm:
    """Return the token service at a URL named by a registry. Raises RealmError."""
    try:
        origin = origin_of(url)
    except ValueError as error:
        raise RealmError(f"it names {error} as its token service") from error
    if origin.scheme == "http" and not registry.allows_http:
        raise RealmError(f"it names a token service with plain HTTP ({origin.host})")
    same_host = origin.host == registry.origin.host
    listed = bool({str(origin), origin.host} & registry.options.trusted_realms)
    known = _KNOWN.get(registry.name) == str(origin)
    related = registry.origin.scheme == origin.scheme and _related(registry, origin)
    return Realm(
        url=url,
        origin=origin,
        private=(same_host and registry.private) or listed,
        trusted=same_host or listed or known or related,
    )


def _related(registry: Endpoint, origin: Origin) -> bool:
    """Whether one host is the parent domain of the other, or both have the same one."""
    ours, theirs = registry.origin.host, origin.host
    parent, other = _parent(ours), _parent(theirs)
    return bool(parent and parent in (other, theirs)) or bool(other and other == ours)


def _parent(host: str) -> str:
    """Return the domain above a host, or "" if it is a public suffix (`io`, `co.uk`)."""
    labels = host.split(".")[1:]
    if len(labels) < 2 or labels[-1].isdigit():  # noqa: PLR2004 - a registrable name has two
        return ""
    public = len(labels) == 2 and len(labels[0]) <= _SHORT_LABEL and len(labels[1]) == _COUNTRY  # noqa: PLR2004
    return "" if public else ".".join(labels)
