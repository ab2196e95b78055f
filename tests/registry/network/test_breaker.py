import pytest

from auditor.images import UnknownReason
from auditor.registry.failures import RegistryFailure
from auditor.registry.network.breaker import Breaker


def failure(message: str) -> RegistryFailure:
    return RegistryFailure(UnknownReason.UNREACHABLE, message, "hint")


def test_three_failures_in_a_row_are_enough() -> None:
    breaker = Breaker()

    breaker.failed(failure("one"))
    breaker.failed(failure("two"))
    breaker.succeeded()
    breaker.failed(failure("three"))
    breaker.failed(failure("four"))
    breaker.check()
    breaker.failed(failure("five"))

    with pytest.raises(RegistryFailure, match="five") as caught:
        breaker.check()
    assert caught.value.answer.hint == "hint"


def test_the_first_reason_stays() -> None:
    breaker = Breaker()
    breaker.open(failure("first"))
    breaker.open(failure("second"))

    with pytest.raises(RegistryFailure, match="first"):
        breaker.check()


def test_a_pause_is_for_everybody_and_the_longest_counts() -> None:
    breaker = Breaker()
    breaker.wait(until=107.0)
    breaker.wait(until=103.0)

    assert breaker.pause(100.0) == 7.0
    assert breaker.pause(108.0) == 0.0
