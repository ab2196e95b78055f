"""Sending to one registry with patience: retries, pauses it asks for, and knowing when to stop."""

from __future__ import annotations

import sys
import threading
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from auditor.images import UnknownPlatforms
from auditor.registry.failures import RegistryFailure, Remarks
from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.explanations import (
    display,
    explain_exhausted,
    explain_fault,
    remaining_pulls,
)
from auditor.registry.network.faults import PROXY, Fault, FaultKind
from auditor.registry.network.redirects import Follower, Realm
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import RegistryOptions

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
