"""What looking for remedies may cost."""

import pytest

from auditor.fixes.renderings import Budget, SpentError
from auditor.sources.rendering import Cause, RenderError


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
    with budget.rendering(30) as seconds:
        assert seconds == 5
    now[0] = 103.0
    with budget.rendering(30) as seconds:
        assert seconds == 2
    with budget.rendering(1) as seconds:
        assert seconds == 1

    now[0] = 106.0
    with pytest.raises(SpentError):
        budget.take()
    assert budget.shortage == LATE


LATE = "it takes longer than 5 s here; a faster machine may find more"


@pytest.mark.parametrize(
    ("cause", "shortage"),
    [(Cause.TIMEOUT, LATE), (Cause.MEMORY, "it took too much memory")],
)
def test_where_helm_does_not_get_far_enough_to_refuse_all_ends(cause: Cause, shortage: str) -> None:
    budget = Budget()

    with pytest.raises(SpentError), budget.rendering(5):
        raise RenderError(cause)

    assert (budget.shortage, budget.spent) == (shortage, 1)
    with pytest.raises(SpentError):
        budget.take()


def test_a_refusal_ends_nothing() -> None:
    budget = Budget()

    with pytest.raises(RenderError), budget.rendering(5):
        raise RenderError(Cause.REFUSED, "no")

    budget.take()
    assert budget.shortage == ""


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
