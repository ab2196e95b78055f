"""Authentication with one registry.

The registry's challenge is stored for all its repositories, and one token per repository.
Credentials that were rejected are not sent again; the image is then requested without them, with a
warning, as it may be public: expired logins are common in CI. Credentials that have not worked yet
are tried one request at a time, as failed logins can lock an account.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Literal

from auditor.images.images import UnknownReason
from auditor.registry.auth.credentials import Credential, Keychain
from auditor.registry.auth.tokens import (
    DENIED,
    Challenge,
    Grant,
    RealmError,
    Token,
    TokenRefused,
    TokenService,
    basic,
    judge_realm,
    parse_challenges,
)
from auditor.registry.interface import RegistryFailure, Remarks
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.sending import Realm
from auditor.registry.network.transport import Answer
from auditor.registry.options import Deadline, RegistryOptions

_MAX_FAILURES: Final = 2
"""Denials by a registry after which credentials count as wrong; one may concern its repository."""


class Trials:
    """Which credentials of a registry have worked or failed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._one_at_a_time: defaultdict[Credential, threading.Lock] = defaultdict(threading.Lock)
        self._proven: set[Credential] = set()
        self._failures: Counter[Credential] = Counter()
        self._insufficient: set[tuple[Credential, str]] = set()

    @contextmanager
    def using(self, credential: Credential | None, deadline: Deadline) -> Iterator[None]:
        """Hold a lock until the credential has worked once. Raises TimeOver."""
        if credential is None or credential in self._proven:
            yield
            return
        with self._lock:
            lock = self._one_at_a_time[credential]
        with acquired(lock, deadline):
            yield

    def seem_wrong(self, credential: Credential) -> bool:
        return credential not in self._proven and self._failures[credential] > 0

    def is_rejected(self, credential: Credential) -> bool:
        """Whether the credential must not be used again."""
        return self._failures[credential] >= _MAX_FAILURES

    def is_usable(self, credential: Credential, repository: str) -> bool:
        """Whether the credential may give access to a repository."""
        return not (self.is_rejected(credential) or (credential, repository) in self._insufficient)

    def succeeded(self, credential: Credential) -> None:
        with self._lock:
            self._proven.add(credential)

    def failed(self, credential: Credential, repository: str) -> None:
        """Record a denial for a repository: missing permission, or wrong credentials."""
        with self._lock:
            self._insufficient.add((credential, repository))
            if credential not in self._proven:
                self._failures[credential] += 1

    def denied(self, credential: Credential, repository: str) -> None:
        """Record valid credentials without permission for a repository."""
        with self._lock:
            self._insufficient.add((credential, repository))

    def reject(self, credential: Credential) -> None:
        """Record wrong credentials, as reported by the token service."""
        with self._lock:
            self._failures[credential] = _MAX_FAILURES


@contextmanager
def acquired(lock: threading.Lock, deadline: Deadline) -> Iterator[None]:
    """Hold a lock. Raises TimeOver if it is not released in time."""
    while not lock.acquire(timeout=deadline.left()):
        pass
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class Authorization:
    """The `Authorization` header of a request.

    Attributes:
        credential: The credential used; None for an anonymous token.
        fresh: Whether the token was just fetched.
    """

    header: str = field(repr=False)
    scheme: Literal["basic", "bearer"]
    credential: Credential | None = None
    fresh: bool = False


class Authenticator:
    """Provides the `Authorization` header for requests to one registry. Thread-safe."""

    def __init__(
        self,
        endpoint: Endpoint,
        keychain: Keychain,
        tokens: TokenService,
        options: RegistryOptions,
        remarks: Remarks,
    ) -> None:
        self._endpoint, self._keychain, self._tokens = endpoint, keychain, tokens
        self._options, self._remarks = options, remarks
        self._challenge: Challenge | None = None
        self._lock = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._cached: dict[str, tuple[Token, Credential | None]] = {}
        self._trials = Trials()
        self._untrusted = ""

    @contextmanager
    def authorized(self, repository: str, deadline: Deadline) -> Iterator[Authorization | None]:
        """Return the header for a request for a repository, or None.

        Call `learn` with the answer inside the context. Raises RegistryFailure and TimeOver.
        """
        challenge = self._challenge
        if challenge is None:
            yield None
        elif challenge.scheme == "basic":
            with self._trials.using(self._known(repository), deadline):
                credential = self._usable(repository)
                header = basic(credential) if credential else ""
                yield Authorization(header, "basic", credential) if credential else None
        else:
            with self._lock:
                lock = self._locks[repository]
            with acquired(lock, deadline):
                bearer = self._bearer(challenge, repository, deadline)
            yield bearer

    def learn(self, repository: str, answer: Answer, used: Authorization | None) -> bool:
        """Update the state from an answer; return whether to repeat the request."""
        credential = used.credential if used else None
        if answer.status not in DENIED:
            if credential:
                self._trials.succeeded(credential)
            return False
        challenge = _best(parse_challenges(answer.all_headers("www-authenticate")))
        if challenge:
            self._challenge = challenge
        if used is None:
            known = self._challenge
            usable = known and (known.scheme == "bearer" or self._usable(repository) is not None)
            return bool(usable) and answer.status == HTTPStatus.UNAUTHORIZED
        self._cached.pop(repository, None)
        if used.scheme == "bearer" and not used.fresh and answer.status == HTTPStatus.UNAUTHORIZED:
            return True
        if credential is None:
            return False
        if used.scheme == "basic" and answer.status == HTTPStatus.UNAUTHORIZED:
            self._trials.failed(credential, repository)
            self._remark_rejection(credential)
        else:
            self._trials.denied(credential, repository)
        return True

    def denial(self, repository: str) -> RegistryFailure:
        """Explain why a repository is not accessible with the user's credentials."""
        name, lookup = self._endpoint.name, self._keychain.find(self._endpoint.name, repository)
        credential = lookup.credential
        if credential and self._trials.seem_wrong(credential):
            return self._rejection(credential)
        if credential and self._untrusted:
            message = f"registry {name} asked to send its credentials to {self._untrusted}"
            hint = f"if {self._untrusted} belongs to {name}, add it to its `trusted-realms`"
            return RegistryFailure(UnknownReason.REFUSED, message, hint)
        if credential is None and lookup.problems:
            message = f"no credentials for {name}: {lookup.problems[0]}"
            return RegistryFailure(UnknownReason.AUTHENTICATION_FAILED, message)
        if credential:
            hint = f"the credentials from {credential.source} give no access to it"
        else:
            searched = ", ".join(lookup.searched)
            places = f" (searched {searched})" if searched else ""
            hint = f"no credentials for {name} are configured{places}; log in if it is private"
        message = f"repository {name}/{repository} does not exist or needs credentials"
        return RegistryFailure(UnknownReason.NOT_FOUND_OR_DENIED, message, hint)

    def _rejection(self, credential: Credential) -> RegistryFailure:
        name = self._endpoint.name
        message = f"credentials for {name} (from {credential.source}) were rejected"
        reason = UnknownReason.AUTHENTICATION_FAILED
        return RegistryFailure(reason, message, f"log in to {name} again")

    def _known(self, repository: str) -> Credential | None:
        lookup = self._keychain.find(self._endpoint.name, repository)
        for problem in lookup.problems:
            self._remarks.add(problem)
        return lookup.credential

    def _usable(self, repository: str) -> Credential | None:
        known = self._known(repository)
        return known if known and self._trials.is_usable(known, repository) else None

    def _bearer(self, challenge: Challenge, repository: str, deadline: Deadline) -> Authorization:
        cached = self._cached.get(repository)
        if cached and cached[0].good_until > self._options.clock.monotonic():
            return Authorization(f"Bearer {cached[0].value}", "bearer", cached[1])
        credential = self._usable(repository)
        if credential and credential.registry_token:
            return Authorization(f"Bearer {credential.registry_token}", "bearer", credential, True)
        realm = self._realm(challenge)
        if credential and not realm.trusted:
            self._distrust(realm)
            credential = None
        grant = Grant(realm, challenge["service"], f"repository:{repository}:pull")
        token = self._token_for(credential, grant, repository, deadline) if credential else None
        if token is None:
            credential = None
            try:
                token = self._tokens.fetch(grant, None, deadline)
            except TokenRefused:
                raise self.denial(repository) from None
        self._cached[repository] = (token, credential)
        return Authorization(f"Bearer {token.value}", "bearer", credential, True)

    def _token_for(
        self, credential: Credential, grant: Grant, repository: str, deadline: Deadline
    ) -> Token | None:
        """Return a token of the user, or None if the token service refuses."""
        with self._trials.using(credential, deadline):
            if not self._trials.is_usable(credential, repository):
                return None
            try:
                token = self._tokens.fetch(grant, credential, deadline)
            except TokenRefused as refused:
                if refused.status == HTTPStatus.UNAUTHORIZED:
                    self._trials.reject(credential)
                    self._remark_rejection(credential)
                else:
                    self._trials.denied(credential, repository)
                return None
            self._trials.succeeded(credential)
            return token

    def _realm(self, challenge: Challenge) -> Realm:
        try:
            return judge_realm(challenge["realm"], self._endpoint)
        except RealmError as error:
            message = f"cannot request a token for registry {self._endpoint.name}: {error}"
            raise RegistryFailure(UnknownReason.REFUSED, message) from None

    def _distrust(self, realm: Realm) -> None:
        name, self._untrusted = self._endpoint.name, str(realm.origin)
        self._remarks.add(
            f"refused to send the credentials for {name} to {realm.origin}; if it belongs to "
            f"{name}, add it to its `trusted-realms`"
        )

    def _remark_rejection(self, credential: Credential) -> None:
        if self._trials.is_rejected(credential):
            message = str(self._rejection(credential))
            self._remarks.add(f"{message}; its images were requested without them")


def _best(challenges: tuple[Challenge, ...]) -> Challenge | None:
    """Prefer Bearer to Basic, as containerd does; other schemes are not supported."""
    for scheme in ("bearer", "basic"):
        for challenge in challenges:
            if challenge.scheme == scheme and challenge["realm"]:
                return challenge
    return None
