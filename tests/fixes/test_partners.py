"""Keys that need each other are found by leaving each out, in few renders."""

from collections.abc import Sequence
from math import ceil, log2

import pytest

from auditor.checks.findings import Guard
from auditor.fixes.candidates import Candidate, all_others, find_partners
from auditor.fixes.paths import NODE_SELECTOR, Key
from auditor.fixes.value_search import Knob, Setting


def candidates(number: int) -> list[Candidate]:
    return [
        Candidate(
            Setting(Knob(("chart", f"k{index}", "x"), NODE_SELECTOR, frozenset()), Guard(), {}),
            frozenset((index,)),
        )
        for index in range(number)
    ]


class Chart:
    """needs: for an index, those without which its key does nothing."""

    def __init__(self, needs: dict[int, set[int]] | None = None) -> None:
        self.needs = needs or {}
        self.tried = 0

    def attempt(self, chosen: Sequence[Candidate]) -> frozenset[int]:
        self.tried += 1
        there = {index for item in chosen for index in item.meets}
        return frozenset(index for index in there if self.needs.get(index, set()) <= there)


def partners(chart: Chart, number: int) -> dict[Key, list[int]]:
    found = find_partners(candidates(number), chart.attempt)
    return {key: sorted(min(item.meets) for item in items) for key, items in found.items()}


@pytest.mark.parametrize("number", [2, 3, 6, 7, 20, 50])
def test_keys_that_need_no_other_cost_few_renders(number: int) -> None:
    chart = Chart()

    assert partners(chart, number) == {}
    assert chart.tried <= ceil(log2(number)) + 2


@pytest.mark.parametrize("number", [2, 3, 6, 20])
def test_every_pair_is_told_apart(number: int) -> None:
    for one in range(number):
        for other in range(number):
            if one != other:
                found = partners(Chart({one: {other}}), number)
                assert list(found) == [("chart", f"k{one}", "x")]
                assert other in found["chart", f"k{one}", "x"]


def test_a_partner_that_is_enough_is_the_only_one() -> None:
    assert partners(Chart({1: {0}}), 3) == {("chart", "k1", "x"): [0]}


def test_several_partners() -> None:
    assert partners(Chart({1: {0, 2}}), 4) == {("chart", "k1", "x"): [0, 2, 3]}


def test_a_single_key_has_nobody() -> None:
    chart = Chart()

    assert partners(chart, 1) == {}
    assert chart.tried == 0
    assert all_others(candidates(1)) == {}


def test_all_others_where_nobody_could_find_out() -> None:
    found = all_others(candidates(3))

    assert [sorted(min(item.meets) for item in items) for items in found.values()] == [
        [1, 2],
        [0, 2],
        [0, 1],
    ]
