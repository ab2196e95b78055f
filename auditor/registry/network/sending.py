"""Sending to one registry with patience: retries, pauses it asks for, and knowing when to stop."""

from __future__ import annotations

import sys
import threading
from typing import Final

from auditor.registry.auth.realms import Realm
from auditor.registry.network.breaker import Breaker
from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.explanations import (
    display,
    explain_exhausted,
    explain_fault,
    remaining_pulls,
)
from auditor.registry.network.faults import PROXY, Fault, FaultKind
from auditor.registry.network.redirects import Follower
from auditor.registry.network.retries import (
    TOO_MANY_REQUESTS,
    TRANSIENT_STATUSES,
    longest_delay,
    retry_after,
)
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import RegistryOptions
from auditor.registry.remarks import Remarks

_HOST_FAULTS: Final = frozenset(
    {
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
_FEW_PULLS: Final = 3
_UNAUTHORIZED: Final = 401


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
            if answer.status != _UNAUTHORIZED:
                self.met.set()
            if answer.status not in TRANSIENT_STATUSES or _is_refused_head(request, answer):
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
        limited = answer.status == TOO_MANY_REQUESTS
        asked = retry_after(answer.header("retry-after"), self._options.clock.now())
        delay = self._delay(attempt) if asked is None else asked
        spent = limited and (pulls := remaining_pulls(answer)) is not None and pulls[0] == 0
        bearable = delay <= self._options.longest_retry_after and delay < deadline.left()
        if attempt <= self._options.retries and bearable and not spent:
            if asked is not None:
                self._breaker.wait(self._options.clock.monotonic() + asked)
            return delay
        if limited:
            self._breaker.open(failure)
        else:
            self._breaker.failed(failure)
        raise failure

    def _delay(self, attempt: int) -> float:
        return self._options.clock.jitter(longest_delay(attempt))

    def _note_pulls(self, answer: Answer) -> None:
        pulls = remaining_pulls(answer)
        if pulls and pulls[0] <= max(_FEW_PULLS, pulls[1] // 10):
            self._fewest = min(self._fewest, pulls[0])
            name = display(self._endpoint)
            what = f"{self._fewest} more pulls of {pulls[1]}"
            text = f"{name} allows {what}; log in or use a lock file"
            self._remarks.add(text, topic=f"pulls {name}")


def _is_refused_head(request: Request, answer: Answer) -> bool:
    """Some registries fail on HEAD alone; the same as GET will tell."""
    return request.method == "HEAD" and answer.status != TOO_MANY_REQUESTS
