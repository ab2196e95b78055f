"""Redirects followed by hand: nothing secret leaves its origin, nothing private is reached.

Registries redirect manifests as well as blobs (registry.k8s.io does, for every one).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from auditor.addresses import Origin, join, origin_of
from auditor.images import UnknownReason
from auditor.registry.failures import RegistryFailure
from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.faults import Fault
from auditor.registry.network.transport import Answer, Request, Transport
from auditor.registry.options import HostOptions, RegistryOptions

MAX_HOPS: Final = 5
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie"})
_KEEP_METHOD: Final = frozenset({307, 308})
_MOVED: Final = frozenset({301, 302, 303}) | _KEEP_METHOD


@dataclass(frozen=True, slots=True)
class Realm:
    """A token service. private: its address need not be public. trusted: may see credentials."""

    url: str
    origin: Origin
    private: bool
    trusted: bool


class Follower:
    """Sends requests on behalf of one registry and goes where it points."""

    def __init__(self, transport: Transport, endpoint: Endpoint, options: RegistryOptions) -> None:
        self._transport, self._endpoint, self._options = transport, endpoint, options

    def send(self, request: Request, deadline: Deadline, realm: Realm | None = None) -> Answer:
        """The answer at the end of the redirects.

        realm: the token service that the request is for, if it is for one. Raises Fault, TimeOver
        and, for a redirect that must not be followed, RegistryFailure.
        """
        for _ in range(MAX_HOPS + 1):
            answer = self._send_once(request, deadline, realm)
            location = answer.header("location")
            if answer.status not in _MOVED or not location:
                return answer
            request = self._next(request, answer.status, location)
        raise self._refused(f"redirects more than {MAX_HOPS} times")

    def _send_once(self, request: Request, deadline: Deadline, realm: Realm | None) -> Answer:
        origin = origin_of(request.url)
        host_options, private = self._trust(origin, realm)
        left = deadline.left()
        timeout = (
            min(self._options.connect_timeout, left),
            min(self._options.read_timeout, left),
        )
        try:
            with self._transport.live.until(deadline.over):
                sent = request if realm else self._with_headers(request, origin)
                answer = self._transport.send(sent, host_options, timeout, private=private)
        except Fault as fault:
            if not fault.where and origin != self._endpoint.origin:
                fault.where = str(origin)
            raise
        deadline.left()  # A connection that was cut can look like the end of an answer.
        return answer

    def _with_headers(self, request: Request, origin: Origin) -> Request:
        """With the user's headers for the registry, at its own origin alone. podfit's own count."""
        if origin != self._endpoint.origin:
            return request
        own = {name.lower() for name in request.headers}
        more = {k: v for k, v in self._endpoint.options.headers if k.lower() not in own}
        return replace(request, headers={**request.headers, **more})

    def _trust(self, origin: Origin, realm: Realm | None) -> tuple[HostOptions, bool]:
        """How to speak TLS with an origin, and whether its address may be private."""
        if origin == self._endpoint.origin:
            return self._endpoint.options, self._endpoint.private
        if listed := self._options.hosts.get(str(origin)):
            return listed, True
        if realm and origin == realm.origin:
            beside = origin.host == self._endpoint.origin.host
            return self._endpoint.options if beside else HostOptions(), realm.private
        return HostOptions(), False

    def _next(self, request: Request, status: int, location: str) -> Request:
        here = origin_of(request.url)
        try:
            url = join(request.url, location)
        except ValueError as error:
            raise self._refused(f"redirects to {error}") from None
        there = origin_of(url)
        if here.scheme == "https" and there.scheme == "http":
            raise self._refused(f"redirects from https to plain http ({there})")
        if here == there:
            headers = request.headers
        else:
            headers = {
                name: value
                for name, value in request.headers.items()
                if name.lower() not in _SECRET_HEADERS
            }
        if request.form is None:
            return replace(request, url=url, headers=headers)
        if here != there:
            raise self._refused(f"redirects a request with a refresh token to {there}")
        if status in _KEEP_METHOD:
            return replace(request, url=url)
        return replace(request, url=url, method="GET", form=None)

    def _refused(self, what: str) -> RegistryFailure:
        return RegistryFailure(UnknownReason.REFUSED, f"registry {self._endpoint.name} {what}")
