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
