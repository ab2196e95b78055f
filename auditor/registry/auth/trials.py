"""Credentials that nobody has seen work are tried with care: wrong tries can lock an account."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auditor.registry.auth.credentials import Credential
from auditor.registry.network.deadlines import Deadline

_MOST_FAILURES: Final = 2
"""Refusals by a registry after which they are taken for wrong. One may be about its repository."""


class Trials:
    """What is known of one registry's credentials. Used from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._one_at_a_time: defaultdict[Credential, threading.Lock] = defaultdict(threading.Lock)
        self._proven: set[Credential] = set()
        self._failures: Counter[Credential] = Counter()
        self._useless: set[tuple[Credential, str]] = set()

    @contextmanager
    def using(self, credential: Credential | None, deadline: Deadline) -> Iterator[None]:
        """Alone until the credential is proven. Raises TimeOver."""
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
        """Not to be used again."""
        return self._failures[credential] >= _MOST_FAILURES

    def is_usable(self, credential: Credential, repository: str) -> bool:
        """Whether it may open a repository."""
        return not (self.is_rejected(credential) or (credential, repository) in self._useless)

    def succeeded(self, credential: Credential) -> None:
        with self._lock:
            self._proven.add(credential)

    def failed(self, credential: Credential, repository: str) -> None:
        """Refused for a repository: too little for it, or wrong altogether."""
        with self._lock:
            self._useless.add((credential, repository))
            if credential not in self._proven:
                self._failures[credential] += 1

    def denied(self, credential: Credential, repository: str) -> None:
        """Right, but too little for a repository."""
        with self._lock:
            self._useless.add((credential, repository))

    def reject(self, credential: Credential) -> None:
        """Wrong: whoever knows has said so."""
        with self._lock:
            self._failures[credential] = _MOST_FAILURES


@contextmanager
def acquired(lock: threading.Lock, deadline: Deadline) -> Iterator[None]:
    """Holds a lock. Raises TimeOver where others hold it for too long."""
    while not lock.acquire(timeout=deadline.left()):
        pass
    try:
        yield
    finally:
        lock.release()
