"""Which keys are chosen: the fewest, then the most specific."""

from auditor.checks.findings import Guard
from auditor.fixes.candidates import Candidate, cover
from auditor.fixes.paths import AFFINITY, NODE_SELECTOR, Field, Key
from auditor.fixes.value_search import Knob, Setting
from auditor.kubernetes.pod_spec import Requirement

OS = Requirement("kubernetes.io/os", "In", ("linux",))
ARCH = Requirement("kubernetes.io/arch", "In", ("amd64",))


def candidate(
    path: str, *meets: int, field: Field = NODE_SELECTOR, guard: Guard | None = None, feeds: int = 0
) -> Candidate:
    key: Key = tuple(path.split("."))
    names = frozenset((f"{number}", "Pod", 0, "") for number in (*meets, *range(100, 100 + feeds)))
    return Candidate(Setting(Knob(key, field, names), guard or Guard((OS,)), {}), frozenset(meets))


def chosen(*candidates: Candidate, wanted: int = 10) -> list[str]:
    return [str(item.knob) for item in cover(candidates, range(wanted))]


def test_one_key_that_meets_all_is_enough() -> None:
    assert chosen(
        candidate("web.nodeSelector", 1),
        candidate("db.nodeSelector", 2),
        candidate("global.nodeSelector", 1, 2),
    ) == ["global.nodeSelector"]


def test_the_key_that_meets_most_comes_first() -> None:
    assert chosen(
        candidate("web.nodeSelector", 1),
        candidate("global.nodeSelector", 1, 2, 3),
        candidate("job.nodeSelector", 4),
    ) == ["global.nodeSelector", "job.nodeSelector"]


def test_of_equals_the_most_specific() -> None:
    assert chosen(candidate("global.nodeSelector", 1), candidate("nodeSelector", 1)) == [
        "nodeSelector"
    ]
    assert chosen(candidate("nodeSelector", 1), candidate("web.nodeSelector", 1)) == [
        "web.nodeSelector"
    ]
    assert chosen(candidate("a.nodeSelector", 1, feeds=2), candidate("b.nodeSelector", 1)) == [
        "b.nodeSelector"
    ]
    assert chosen(candidate("b.nodeSelector", 1), candidate("a.nodeSelector", 1)) == [
        "a.nodeSelector"
    ]


def test_node_selector_before_affinity() -> None:
    assert chosen(candidate("affinity", 1, field=AFFINITY), candidate("nodeSelector", 1)) == [
        "nodeSelector"
    ]


def test_a_key_is_set_once_with_the_guard_that_meets_most() -> None:
    both = Guard((OS, ARCH))
    found = cover(
        [candidate("nodeSelector", 1), candidate("nodeSelector", 1, 2, guard=both)], range(10)
    )

    assert [item.setting.guard for item in found] == [both]


def test_no_more_is_demanded_than_is_needed() -> None:
    found = cover(
        [candidate("nodeSelector", 1, guard=Guard((OS, ARCH))), candidate("nodeSelector", 1)],
        range(10),
    )

    assert [item.setting.guard for item in found] == [Guard((OS,))]


def test_a_choice_that_later_ones_make_idle_is_taken_back() -> None:
    assert chosen(
        candidate("broad.nodeSelector", 1, 2, 3, 4),
        candidate("left.nodeSelector", 1, 2, 5),
        candidate("right.nodeSelector", 3, 4, 6),
    ) == ["left.nodeSelector", "right.nodeSelector"]


def test_what_nobody_wants_is_not_chosen() -> None:
    assert chosen(candidate("web.nodeSelector", 1), wanted=1) == []
    assert chosen() == []
