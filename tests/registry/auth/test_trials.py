import threading

import pytest

from auditor.registry.auth.authenticator import Trials
from auditor.registry.auth.credentials import Credential
from auditor.registry.options import Clock, Deadline, TimeOver

LOGIN = Credential("config", "user", "secret")


def soon(seconds: float = 0.05) -> Deadline:
    clock = Clock()
    return Deadline(clock, clock.monotonic() + seconds, "time is up", threading.Event())


def test_an_unproven_credential_is_used_by_one_at_a_time() -> None:
    trials = Trials()

    with trials.using(LOGIN, soon()):
        with pytest.raises(TimeOver), trials.using(LOGIN, soon()):
            pass
        with trials.using(Credential("another"), soon()), trials.using(None, soon()):
            pass
        trials.succeeded(LOGIN)
        with trials.using(LOGIN, soon()):
            pass


def test_two_failures_are_enough() -> None:
    trials = Trials()
    assert trials.is_usable(LOGIN, "one")

    trials.failed(LOGIN, "one")
    assert (trials.is_usable(LOGIN, "one"), trials.is_usable(LOGIN, "two")) == (False, True)
    assert (trials.seem_wrong(LOGIN), trials.is_rejected(LOGIN)) == (True, False)

    trials.failed(LOGIN, "two")
    assert not trials.is_usable(LOGIN, "three")
    assert trials.is_rejected(LOGIN)


def test_what_worked_once_is_not_wrong() -> None:
    trials = Trials()
    trials.succeeded(LOGIN)

    for repository in ("one", "two", "three"):
        trials.failed(LOGIN, repository)

    assert trials.is_usable(LOGIN, "four")
    assert not trials.seem_wrong(LOGIN)


def test_what_works_after_a_failure_is_not_wrong() -> None:
    trials = Trials()
    trials.failed(LOGIN, "one")
    trials.succeeded(LOGIN)

    assert not trials.seem_wrong(LOGIN)


def test_denied_is_not_wrong() -> None:
    trials = Trials()

    for repository in ("one", "two", "three"):
        trials.denied(LOGIN, repository)

    assert (trials.is_usable(LOGIN, "one"), trials.is_usable(LOGIN, "four")) == (False, True)
    assert not trials.seem_wrong(LOGIN)


def test_rejected_at_once() -> None:
    trials = Trials()
    trials.reject(LOGIN)

    assert trials.is_rejected(LOGIN)
    assert trials.seem_wrong(LOGIN)
