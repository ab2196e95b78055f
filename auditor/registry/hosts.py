"""One registry, asked politely: who it is is found out once, by the first request."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

from auditor.registry.addresses import origin_of
from auditor.registry.auth.authenticator import DENIED, Authenticator
from auditor.registry.auth.challenges import parse_challenges
from auditor.registry.auth.realms import RealmError, judge_realm
from auditor.registry.auth.tokens import Grant, TokenRefused, TokenService
from auditor.registry.failures import RegistryFailure
from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.sending import Sender
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import HostOptions

_MAX_ROUNDS: Final = 5
_UNAUTHORIZED: Final = 401


class RegistryHost:
    """Used from many threads: all but the first wait until the registry has answered once."""

    def __init__(
        self,
        endpoint: Endpoint,
        sender: Sender,
        tokens: TokenService,
        authenticator: Authenticator,
    ) -> None:
        self.endpoint = endpoint
        self._sender, self._tokens, self._authenticator = sender, tokens, authenticator
        self._lock = threading.Lock()
        self._met = False

    def ask(self, request: Request, repository: str, deadline: Deadline) -> Answer:
        """The answer after authentication: any status, but 401 and 403 are final.

        Raises RegistryFailure and TimeOver.
        """
        with self._lock:
            first, self._met = not self._met, True
        if not first:
            self._sender.met.wait(deadline.left())
        try:
            return self._ask(request, repository, deadline)
        finally:
            self._sender.met.set()

    def denial(self, repository: str) -> RegistryFailure:
        """Why a repository stays closed, after everything the user has was tried."""
        return self._authenticator.denial(repository)

    def _ask(self, request: Request, repository: str, deadline: Deadline) -> Answer:
        for _ in range(_MAX_ROUNDS):
            with self._authenticator.authorized(repository, deadline) as used:
                headers = {**request.headers, **({"Authorization": used.header} if used else {})}
                answer = self._sender.send(replace(request, headers=headers), deadline)
                if answer.status in DENIED and origin_of(answer.url) != self.endpoint.origin:
                    return self._ask_elsewhere(request, answer, deadline)
                again = self._authenticator.learn(repository, answer, used)
            self._sender.met.set()
            if not again:
                break
        return answer

    def _ask_elsewhere(self, request: Request, answer: Answer, deadline: Deadline) -> Answer:
        """A redirect's target wants a token: it gets the one that anyone gets, or nothing."""
        origin = origin_of(answer.url)
        there = Endpoint(str(origin), origin, HostOptions(), private=False)
        for challenge in parse_challenges(answer.all_headers("www-authenticate")):
            if challenge.scheme != "bearer" or answer.status != _UNAUTHORIZED:
                continue
            try:
                realm = judge_realm(challenge["realm"], there)
                grant = Grant(realm, challenge["service"], challenge["scope"])
                token = self._tokens.fetch(grant, None, deadline)
            except (RealmError, TokenRefused):
                continue
            headers = {**request.headers, "Authorization": f"Bearer {token.value}"}
            return self._sender.send(replace(request, url=answer.url, headers=headers), deadline)
        return answer
