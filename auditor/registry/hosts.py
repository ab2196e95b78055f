"""The registries and mirrors of a run: each is met once, and asked politely."""

from __future__ import annotations

import threading
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from auditor.addresses import origin_of
from auditor.registry.auth.authenticator import Authenticator
from auditor.registry.auth.challenges import parse_challenges
from auditor.registry.auth.credentials import Keychain
from auditor.registry.auth.realms import RealmError, judge_realm
from auditor.registry.auth.tokens import DENIED, Grant, TokenRefused, TokenService
from auditor.registry.failures import RegistryFailure, Remarks
from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.redirects import Follower
from auditor.registry.network.sending import Sender
from auditor.registry.network.transport import Answer, Request, Transport
from auditor.registry.options import HostOptions, RegistryOptions

_MAX_ROUNDS: Final = 5


class Hosts:
    """What was learnt of every host. Used from many threads."""

    def __init__(
        self, transport: Transport, options: RegistryOptions, keychain: Keychain, remarks: Remarks
    ) -> None:
        self._transport, self._options = transport, options
        self._keychain, self._remarks = keychain, remarks
        self._lock = threading.Lock()
        self._met: dict[Endpoint, RegistryHost] = {}

    def at(self, endpoint: Endpoint) -> RegistryHost:
        """The one at an endpoint, with what was learnt of it before."""
        with self._lock:
            if endpoint not in self._met:
                self._met[endpoint] = self._new(endpoint)
            return self._met[endpoint]

    def _new(self, endpoint: Endpoint) -> RegistryHost:
        options = _impatient(self._options) if endpoint.mirror_of else self._options
        follower = Follower(self._transport, endpoint, options)
        sender = Sender(follower, endpoint, options, self._remarks)
        return RegistryHost(endpoint, sender, self._keychain, options, self._remarks)


def _impatient(options: RegistryOptions) -> RegistryOptions:
    """For a mirror: another can be asked, so a silent one must be noticed while there is time."""
    return replace(
        options,
        retries=min(options.retries, 1),
        read_timeout=min(options.read_timeout, options.mirror_timeout / 3),
    )


class RegistryHost:
    """One registry. Used from many threads: all but the first wait until it has answered once."""

    def __init__(
        self,
        endpoint: Endpoint,
        sender: Sender,
        keychain: Keychain,
        options: RegistryOptions,
        remarks: Remarks,
    ) -> None:
        self.endpoint, self._sender = endpoint, sender
        self._tokens = TokenService(sender, endpoint.name, options.clock)
        self._authenticator = Authenticator(endpoint, keychain, self._tokens, options, remarks)
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
                if answer.status == HTTPStatus.FORBIDDEN and request.method == "HEAD":
                    return answer  # Some forbid HEAD itself: nothing is learnt of the credentials.
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
            if challenge.scheme != "bearer" or answer.status != HTTPStatus.UNAUTHORIZED:
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
