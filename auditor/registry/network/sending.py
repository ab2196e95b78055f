"""Sending to one registry with patience: retries, pauses it asks for, and knowing when to stop.

What went wrong with a registry, and what the user can do, in one sentence each.

The reason decides what a report makes of it; the wording follows the cause.

Redirects followed by hand: nothing secret leaves its origin, nothing private is reached.

Registries redirect manifests as well as blobs (registry.k8s.io does, for every one).
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

_TLS_HINTS: Final = {
    FaultKind.PLAIN_HTTP: "if you trust the network, give --insecure-registry for this host",
    FaultKind.CERTIFICATE: (
        "give the registry's CA in SSL_CERT_FILE, or as `ca` of this host under `registries`"
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
    """A request that got no answer."""
    name = f"registry {endpoint.name}"
    between = "" if fault.kind is FaultKind.PROXY else fault.where
    where = f"{name} (by way of {between})" if between else name
    if fault.kind is FaultKind.BLOCKED:
        message = f"refused to contact private address {fault.why} for {endpoint.name}"
        host = fault.where or endpoint.name
        hint = (
            f"if {host} is yours, list it under `registries` of a trusted configuration, or give "
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
    """A registry that keeps answering that it cannot now."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limited(endpoint, answer)
    there = origin_of(answer.url)
    by = "" if there == endpoint.origin else f" (by way of {there})"
    message = f"registry {endpoint.name}{by} answered {answer.status} ({attempts} attempts)"
    hint = "try again later, or use a lock file"
    return RegistryFailure(UnknownReason.UNREACHABLE, message, hint)


def not_found(reference: ImageReference, part: str) -> Missing:
    """A 404. part: of the image, "" for what the reference itself names."""
    repository = f"{reference.registry}/{reference.repository}"
    named = reference.digest or f'tag "{reference.tag}"'
    message = f"{part or named} not found in {repository}"
    return Missing(UnknownReason.NOT_FOUND, message, "" if part else suspicion(reference))


def unexpected(endpoint: Endpoint, answer: Answer, said: str) -> RegistryFailure:
    """An answer that is neither a success nor about authentication. said: the registry's words."""
    name = f"registry {endpoint.name}"
    if (
        answer.status == HTTPStatus.BAD_REQUEST
        and endpoint.origin.scheme == "http"
        and _TLS in answer.body
    ):
        hint = "leave out `insecure: http`; for a host of this machine set `ca` under `registries`"
        message = f"{name}: it speaks TLS where plain HTTP was expected"
        return RegistryFailure(UnknownReason.TLS, message, hint)
    detail = f": {said}" if said else ""
    return RegistryFailure(UnknownReason.FAILED, f"{name} answered {answer.status}{detail}")


def registry_message(answer: Answer) -> str:
    """What a registry says is wrong (distribution-spec `errors[0]`), safe to show, or "".

    Only of the registry's own words: what a redirect's target says is nobody's business.
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
    """Docker Hub's (left, of, seconds of the window) from `ratelimit-*` headers, or None."""
    left, _, window = answer.header("ratelimit-remaining").partition(";w=")
    most = answer.header("ratelimit-limit").partition(";")[0]
    if not all(text.isascii() and text.isdigit() for text in (left, most)):
        return None
    seconds = int(window[:9]) if window.isascii() and window.isdigit() else 0
    return int(left[:9]), int(most[:9]), seconds


def _limited(endpoint: Endpoint, answer: Answer) -> RegistryFailure:
    hint = "log in, use a mirror, or a lock file"
    if pulls := remaining_pulls(answer):
        left, most, seconds = pulls
        window = f", window {seconds / 3600:g} h" if seconds else ""
        message = f"{display(endpoint)} limit reached ({left} of {most} left{window})"
        return RegistryFailure(UnknownReason.RATE_LIMITED, message, hint)
    said = registry_message(answer)
    message = f"{display(endpoint)} limits requests" + (f": {said}" if said else "")
    return RegistryFailure(UnknownReason.RATE_LIMITED, message, hint)


def display(endpoint: Endpoint) -> str:
    return "Docker Hub" if endpoint.name == DOCKER_HUB else f"registry {endpoint.name}"


MAX_HOPS: Final = 5
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie"})
_KEEP_METHOD: Final = frozenset({307, 308})
_MOVED: Final = frozenset({301, 302, 303}) | _KEEP_METHOD


class Realm(Struct, frozen=True):
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
        return dataclasses.replace(request, headers={**request.headers, **more})

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
            return dataclasses.replace(request, url=url, headers=headers)
        if here != there:
            raise self._refused(f"redirects a request with a refresh token to {there}")
        if status in _KEEP_METHOD:
            return dataclasses.replace(request, url=url)
        return dataclasses.replace(request, url=url, method="GET", form=None)

    def _refused(self, what: str) -> RegistryFailure:
        return RegistryFailure(UnknownReason.REFUSED, f"registry {self._endpoint.name} {what}")


_TRANSIENT: Final = frozenset({408, 429, 499, 500, 502, 503, 504, *range(520, 525)})
"""Statuses that are worth asking again."""
_DELAYS: Final = (0.3, 1.0, 3.0, 8.0)
"""Seconds before each retry, at most: the delay itself is a random part of it (full jitter)."""
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
"""Trouble that every request to the host would have."""
_PATIENT_KINDS: Final = frozenset({FaultKind.CONNECT, FaultKind.TIMEOUT})
_LONGEST_PAUSE: Final = 20.0
"""Seconds that a registry may ask for; it is given up where it wants more."""
_MOST_FAILURES: Final = 3
_FEW_PULLS: Final = 3


class Sender:
    """Sends requests on behalf of one registry until there is an answer worth reading.

    met: set once the registry has answered, if not with a question.
    """

    def __init__(
        self, follower: Follower, endpoint: Endpoint, options: RegistryOptions, remarks: Remarks
    ) -> None:
        self._follower, self._endpoint, self._options = follower, endpoint, options
        self._remarks = remarks
        self._breaker = Breaker()
        self._fewest = sys.maxsize
        self.met = threading.Event()

    def send(self, request: Request, deadline: Deadline, realm: Realm | None = None) -> Answer:
        """An answer that is not transient. Raises RegistryFailure and TimeOver."""
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
                self.met.set()
            if answer.status not in _TRANSIENT or _is_refused_head(request, answer):
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
        asked = retry_after(answer.header("retry-after"), self._options.clock.now())
        delay = self._delay(attempt) if asked is None else asked
        spent = limited and (pulls := remaining_pulls(answer)) is not None and pulls[0] == 0
        bearable = delay <= _LONGEST_PAUSE and delay < deadline.left()
        if attempt <= self._options.retries and bearable and not spent:
            if limited or asked is not None:
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
    """Stops asking a registry that cannot answer: its images share one answer and cost no time.

    Open once the registry refused for good or failed three times with no success in between.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._answer: UnknownPlatforms | None = None
        self._resume = 0.0

    def check(self) -> None:
        """Raises RegistryFailure where the registry is not to be asked any more."""
        if self._answer:
            raise RegistryFailure.of(self._answer)

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def failed(self, failure: RegistryFailure) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                self._answer = self._answer or failure.answer

    def open(self, failure: RegistryFailure) -> None:
        with self._lock:
            self._answer = self._answer or failure.answer

    def wait(self, until: float) -> None:
        """Nobody asks before this moment of the monotonic clock: the registry wants a pause."""
        with self._lock:
            self._resume = max(self._resume, until)

    def pause(self, now: float) -> float:
        """Seconds to wait before asking."""
        return max(0.0, self._resume - now)


def retry_after(header: str, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110 section 10.2.3), or None.

    header: a number of seconds or a date. now: seconds since the epoch.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_refused_head(request: Request, answer: Answer) -> bool:
    """Some registries fail on HEAD alone; the same as GET will tell."""
    return request.method == "HEAD" and answer.status != HTTPStatus.TOO_MANY_REQUESTS
