"""Requests to one registry: redirects, retries, pauses, and messages for failures.

`Follower` follows redirects, which registries use for manifests and blobs (registry.k8s.io for all
of them): no secret leaves its origin and no private address is reached. `Sender` adds retries and
stops when the registry is unavailable.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from msgspec import Struct

from auditor.files.addresses import Origin, join, origin_of
from auditor.images.images import ImageReference, UnknownPlatforms, UnknownReason
from auditor.images.references import DOCKER_HUB, suspicion
from auditor.registry.interface import Missing, RegistryFailure, Remarks, excerpt
from auditor.registry.json_text import JsonError, parse_object, text_at
from auditor.registry.network.connections import PROXY, Fault, FaultKind
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.transport import Answer, Request, Transport
from auditor.registry.options import Deadline, HostOptions, RegistryOptions

_TRANSIENT: Final = frozenset({408, 429, 499, 500, 502, 503, 504, *range(520, 525)})
"""Statuses worth a retry."""
_DELAYS: Final = (0.3, 1.0, 3.0, 8.0)
"""Maximum seconds before each retry; the delay is a random part of it (full jitter)."""
_HOST_FAULTS: Final = frozenset(
    {
        FaultKind.PROXY,
        FaultKind.NAME,
        FaultKind.BLOCKED,
        FaultKind.CONNECT,
        FaultKind.PLAIN_HTTP,
        FaultKind.CERTIFICATE,
        FaultKind.CLIENT_CERTIFICATE,
        FaultKind.TLS,
    }
)
"""Faults that affect every request to the host."""
_PATIENT_KINDS: Final = frozenset({FaultKind.CONNECT, FaultKind.TIMEOUT})
_LONGEST_PAUSE: Final = 20.0
"""Maximum seconds a registry may ask to wait; beyond that podfit gives up."""
_MAX_FAILURES: Final = 3
_FEW_PULLS: Final = 3


class Sender:
    """Sends requests to one registry, with retries.

    `answered` is set once the registry has answered with anything but 401.
    """

    def __init__(
        self, follower: Follower, endpoint: Endpoint, options: RegistryOptions, remarks: Remarks
    ) -> None:
        self._follower, self._endpoint, self._options = follower, endpoint, options
        self._remarks = remarks
        self._breaker = Breaker()
        self._fewest = sys.maxsize
        self.answered = threading.Event()

    def send(self, request: Request, deadline: Deadline, realm: Realm | None = None) -> Answer:
        """Return an answer that is not transient. Raises RegistryFailure and TimeOver."""
        attempt = 0
        while True:
            attempt += 1
            self._breaker.check()
            if pause := self._breaker.pause(self._options.clock.monotonic()):
                deadline.pause(pause)
            try:
                answer = self._follower.send(request, deadline, realm)
            except Fault as fault:
                deadline.pause(self._after_fault(fault, attempt, deadline))
                continue
            self._note_pulls(answer)
            if answer.status != HTTPStatus.UNAUTHORIZED:
                self.answered.set()
            # Some registries fail on HEAD, but not on GET: the caller has to try that.
            head = request.method == "HEAD" and answer.status != HTTPStatus.TOO_MANY_REQUESTS
            if answer.status not in _TRANSIENT or head:
                self._breaker.succeeded()
                return answer
            deadline.pause(self._after_answer(answer, attempt, deadline))

    def _after_fault(self, fault: Fault, attempt: int, deadline: Deadline) -> float:
        left = deadline.left()
        failure = explain_fault(self._endpoint, fault, attempt)
        concerns_all = fault.where in ("", PROXY)
        if concerns_all and fault.kind in _PATIENT_KINDS:
            self._breaker.failed(failure)
            self._breaker.check()
        delay = self._delay(attempt)
        if fault.transient and attempt <= self._options.retries and delay < left:
            return delay
        if concerns_all and fault.kind in _HOST_FAULTS:
            self._breaker.open(failure)
        raise failure

    def _after_answer(self, answer: Answer, attempt: int, deadline: Deadline) -> float:
        failure = explain_exhausted(self._endpoint, answer, attempt)
        limited = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        requested = retry_after(answer.header("retry-after"), self._options.clock.now())
        delay = self._delay(attempt) if requested is None else requested
        exhausted = limited and (pulls := remaining_pulls(answer)) is not None and pulls[0] == 0
        acceptable = delay <= _LONGEST_PAUSE and delay < deadline.left()
        if attempt <= self._options.retries and acceptable and not exhausted:
            if limited or requested is not None:
                self._breaker.wait(self._options.clock.monotonic() + delay)
            return delay
        if limited:
            self._breaker.open(failure)
        else:
            self._breaker.failed(failure)
        raise failure

    def _delay(self, attempt: int) -> float:
        return self._options.clock.jitter(_DELAYS[min(attempt, len(_DELAYS)) - 1])

    def _note_pulls(self, answer: Answer) -> None:
        pulls = remaining_pulls(answer)
        if pulls and pulls[0] <= max(_FEW_PULLS, pulls[1] // 10):
            self._fewest = min(self._fewest, pulls[0])
            name = display(self._endpoint)
            what = f"{self._fewest} more pulls of {pulls[1]}"
            text = f"{name} allows {what}; log in or use a lock file"
            self._remarks.add(text, topic=f"pulls {name}")


class Breaker:
    """A circuit breaker, so that the images of an unavailable registry fail fast, with one answer.

    It opens on a permanent failure, or after three failures without a success in between.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._answer: UnknownPlatforms | None = None
        self._resume = 0.0

    def check(self) -> None:
        """Raise RegistryFailure if the breaker is open."""
        if self._answer:
            raise RegistryFailure.of(self._answer)

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self, failure: RegistryFailure) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= _MAX_FAILURES:
                self._answer = self._answer or failure.answer

    def open(self, failure: RegistryFailure) -> None:
        with self._lock:
            self._answer = self._answer or failure.answer

    def wait(self, until: float) -> None:
        """Block requests until this moment of the monotonic clock."""
        with self._lock:
            self._resume = max(self._resume, until)

    def pause(self, now: float) -> float:
        """Return the seconds to wait before the next request."""
        return max(0.0, self._resume - now)


def retry_after(header: str, now: float) -> float | None:
    """Parse a `Retry-After` header (RFC 9110 section 10.2.3), a number or a date, into seconds.

    `now` is in seconds since the epoch. Returns None if the header is invalid.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


MAX_HOPS: Final = 5
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie"})
_KEEP_METHOD: Final = frozenset({307, 308})
_MOVED: Final = frozenset({301, 302, 303}) | _KEEP_METHOD


class Realm(Struct, frozen=True):
    """A token service.

    Attributes:
        private: Whether a non-public address is allowed.
        trusted: Whether it may receive the user's credentials.
    """

    url: str
    origin: Origin
    private: bool
    trusted: bool


class Follower:
    """Sends requests to one registry and follows redirects."""

    def __init__(self, transport: Transport, endpoint: Endpoint, options: RegistryOptions) -> None:
        self._transport, self._endpoint, self._options = transport, endpoint, options

    def send(self, request: Request, deadline: Deadline, realm: Realm | None = None) -> Answer:
        """Return the answer after all redirects.

        `realm` is set for requests to a token service. Raises Fault, TimeOver and, for a redirect
        that must not be followed, RegistryFailure.
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
        deadline.left()  # A cut connection can look like a complete answer.
        return answer

    def _with_headers(self, request: Request, origin: Origin) -> Request:
        """Add the user's headers, only for the registry's own origin and unless set by podfit."""
        if origin != self._endpoint.origin:
            return request
        own = {name.lower() for name in request.headers}
        more = {k: v for k, v in self._endpoint.options.headers if k.lower() not in own}
        return dataclasses.replace(request, headers={**request.headers, **more})

    def _trust(self, origin: Origin, realm: Realm | None) -> tuple[HostOptions, bool]:
        """Return the TLS settings of an origin, and whether its address may be private."""
        if origin == self._endpoint.origin:
            return self._endpoint.options, self._endpoint.private
        if listed := self._options.hosts.get(str(origin)):
            return listed, True
        if realm and origin == realm.origin:
            same_host = origin.host == self._endpoint.origin.host
            return self._endpoint.options if same_host else HostOptions(), realm.private
        return HostOptions(), False

    def _next(self, request: Request, status: int, location: str) -> Request:
        here = origin_of(request.url)
        try:
            url = join(request.url, location)
        except ValueError as error:
            raise self._refused(f"redirects to {error}") from None
        target = origin_of(url)
        if here.scheme == "https" and target.scheme == "http":
            raise self._refused(f"redirects from https to plain http ({target})")
        if here == target:
            headers = request.headers
        else:
            headers = {
                name: value
                for name, value in request.headers.items()
                if name.lower() not in _SECRET_HEADERS
            }
        if request.form is None:
            return dataclasses.replace(request, url=url, headers=headers)
        if here != target:
            raise self._refused(f"redirects a request with a refresh token to {target}")
        if status in _KEEP_METHOD:
            return dataclasses.replace(request, url=url)
        return dataclasses.replace(request, url=url, method="GET", form=None)

    def _refused(self, what: str) -> RegistryFailure:
        return RegistryFailure(UnknownReason.REFUSED, f"registry {self._endpoint.name} {what}")


_TLS_HINTS: Final = {
    FaultKind.PLAIN_HTTP: "if you trust the network, set --insecure-registry for this host",
    FaultKind.CERTIFICATE: (
        "set SSL_CERT_FILE to the registry's CA, or `ca` of this host under `registries`"
    ),
    FaultKind.CLIENT_CERTIFICATE: (
        "set `client-cert` and `client-key` of this host under `registries`"
    ),
    FaultKind.TLS: "check the TLS settings of this host",
}
_PROXY_HINT: Final = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
_TLS: Final = b"HTTPS"
_REACH_HINT: Final = "check the name and the network, or use a lock file"


def explain_fault(endpoint: Endpoint, fault: Fault, attempts: int) -> RegistryFailure:
    """Explain a request without an answer."""
    name = f"registry {endpoint.name}"
    via = "" if fault.kind is FaultKind.PROXY else fault.where
    where = f"{name} (via {via})" if via else name
    if fault.kind is FaultKind.BLOCKED:
        message = f"refused to contact private address {fault.why} for {endpoint.name}"
        host = fault.where or endpoint.name
        hint = (
            f"if {host} is yours, list it under `registries` of a trusted configuration, or set "
            f"--allow-registry {host} --allow-registry '*'"
        )
        return RegistryFailure(UnknownReason.REFUSED, message, hint)
    if fault.kind in _TLS_HINTS:
        return RegistryFailure(UnknownReason.TLS, f"{where}: {fault.why}", _TLS_HINTS[fault.kind])
    if fault.kind is FaultKind.TOO_LARGE:
        return RegistryFailure(UnknownReason.TOO_LARGE, f"{where}: {fault.why}")
    if fault.kind is FaultKind.MALFORMED:
        return RegistryFailure(UnknownReason.MALFORMED, f"{where}: {fault.why}")
    tries = f" ({attempts} attempts)" if attempts > 1 else ""
    message = f"{where} unreachable: {fault.why}{tries}"
    hint = _PROXY_HINT if fault.where == PROXY else _REACH_HINT
    return RegistryFailure(UnknownReason.UNREACHABLE, message, hint)


def explain_exhausted(endpoint: Endpoint, answer: Answer, attempts: int) -> RegistryFailure:
    """Explain a registry that is still unavailable after all attempts."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limited(endpoint, answer)
    target = origin_of(answer.url)
    via = "" if target == endpoint.origin else f" (via {target})"
    message = f"registry {endpoint.name}{via} answered {answer.status} ({attempts} attempts)"
    hint = "try again later, or use a lock file"
    return RegistryFailure(UnknownReason.UNREACHABLE, message, hint)


def not_found(reference: ImageReference, part: str) -> Missing:
    """Explain a 404. `part` of the image, "" for the reference itself."""
    repository = f"{reference.registry}/{reference.repository}"
    named = reference.digest or f'tag "{reference.tag}"'
    message = f"{part or named} not found in {repository}"
    return Missing(UnknownReason.NOT_FOUND, message, "" if part else suspicion(reference))


def unexpected(endpoint: Endpoint, answer: Answer, detail: str) -> RegistryFailure:
    """Explain an unexpected status. `detail` is the message of the registry, or ""."""
    name = f"registry {endpoint.name}"
    if (
        answer.status == HTTPStatus.BAD_REQUEST
        and endpoint.origin.scheme == "http"
        and _TLS in answer.body
    ):
        hint = "remove `insecure: http`; for a host on this machine set `ca` under `registries`"
        message = f"{name}: it uses TLS, but plain HTTP was expected"
        return RegistryFailure(UnknownReason.TLS, message, hint)
    message = f"{name} answered {answer.status}" + (f": {detail}" if detail else "")
    return RegistryFailure(UnknownReason.FAILED, message)


def registry_message(answer: Answer) -> str:
    """Return the error message of a registry (distribution-spec `errors[0]`), safe to show, or "".

    Not for redirect targets, as their answers may be private.
    """
    try:
        errors = parse_object(answer.body).get("errors")
    except JsonError:
        return ""
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return ""
    return excerpt(text_at(first, "message") or text_at(first, "code"))


def remaining_pulls(answer: Answer) -> tuple[int, int, int] | None:
    """Return (left, of, seconds of the window) from Docker Hub's `ratelimit-*` headers, or None."""
    left, _, window = answer.header("ratelimit-remaining").partition(";w=")
    most = answer.header("ratelimit-limit").partition(";")[0]
    if not all(text.isascii() and text.isdigit() for text in (left, most)):
        return None
    seconds = int(window[:9]) if window.isascii() and window.isdigit() else 0
    return int(left[:9]), int(most[:9]), seconds


def _limited(endpoint: Endpoint, answer: Answer) -> RegistryFailure:
    hint = "log in, or use a mirror or a lock file"
    if pulls := remaining_pulls(answer):
        left, most, seconds = pulls
        window = f", window {seconds / 3600:g} h" if seconds else ""
        message = f"{display(endpoint)} limit reached ({left} of {most} left{window})"
        return RegistryFailure(UnknownReason.RATE_LIMITED, message, hint)
    detail = registry_message(answer)
    message = f"{display(endpoint)} limits requests" + (f": {detail}" if detail else "")
    return RegistryFailure(UnknownReason.RATE_LIMITED, message, hint)


def display(endpoint: Endpoint) -> str:
    return "Docker Hub" if endpoint.name == DOCKER_HUB else f"registry {endpoint.name}"
