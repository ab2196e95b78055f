"""What looking for remedies may cost."""

import pytest

from auditor.remedies.budget import Budget, SpentError


def test_renders_are_counted() -> None:
    budget = Budget(renders=2)
    budget.take()
    budget.take()

    with pytest.raises(SpentError):
        budget.take()
    assert budget.spent == 2
    assert budget.shortage == "it takes more than 2 renders"


def test_time_runs_out() -> None:
    now = [100.0]
    budget = Budget(seconds=5, clock=lambda: now[0])
    budget.take()
    now[0] = 103.0

    assert budget.seconds_left == 2

    now[0] = 106.0
    assert budget.seconds_left == 0
    with pytest.raises(SpentError):
        budget.take()
    assert budget.shortage == "it takes longer than 5 s here; on another machine there may be more"


def test_time_does_not_bite_before_the_renders_do() -> None:
    """40 renders of the slowest honest chart, on a machine that is four times slower."""
    now = [0.0]
    budget = Budget(clock=lambda: now[0])
    while budget.spent < budget.renders:
        budget.take()
        now[0] += 4 * 3.1

    with pytest.raises(SpentError):
        budget.take()
    assert budget.shortage == "it takes more than 40 renders"
