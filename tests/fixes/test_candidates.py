"""Which settings are proposed, and which tolerations may be left out."""

from collections.abc import Mapping, Sequence

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Guard, Observation
from auditor.checks.rulebook import load_builtin_rules
from auditor.fixes.candidates import Candidate, Candidates, find_candidates
from auditor.fixes.paths import AFFINITY, NODE_SELECTOR, TOLERATIONS, Field
from auditor.fixes.renderings import workload_id
from auditor.fixes.value_search import Knob, Search
from auditor.fixes.verification import Need
from auditor.kubernetes.pod_spec import Requirement
from auditor.scheduling.nodes import NodePool
from tests.support.assessments import ARM, LINUX, assessed, image
from tests.support.objects import cluster, pool

ON_LINUX = Guard((Requirement("kubernetes.io/os", "In", ("linux",)),))
ON_AMD64 = Guard((Requirement("kubernetes.io/arch", "In", ("amd64",)),))
TOLERANT = "tolerations: [{operator: Exists}]"
WINDOWS = pool("windows(10.0.20348)/amd64", taints=["os=windows:NoSchedule"])
MAINFRAME = pool("linux/s390x", taints=["mainframe:NoExecute"])
PREFERRED = pool("linux/s390x", taints=["mainframe:PreferNoSchedule"])


def need(assessment: Assessment, guard: Guard, whole: Guard, number: int = 0) -> Need:
    """A need to be kept off every pool on which it fails."""
    observation = Observation(
        assessment.workload, "", assessment.workload.pod_location, guard=guard
    )
    rule = load_builtin_rules()[0]
    return Need(number, rule, observation, assessment, tuple(assessment.failing), whole)


def found(
    assessment: Assessment,
    field: Field,
    current: object,
    *guards: Guard,
    fed: Sequence[Assessment] = (),
) -> Candidates:
    """The candidates where one knob feeds the workload, which needs these guards.

    The last guard is the one against everything. fed: what the knob feeds besides.
    """
    by_name = {workload_id(item.workload): item for item in (assessment, *fed)}
    knob = Knob(("web", field.name), field, frozenset(by_name), current)
    needs = [need(assessment, guard, guards[-1], number) for number, guard in enumerate(guards)]
    return find_candidates(Search([knob]), needs, by_name)


def narrowings(*pools: NodePool, more: Sequence[Mapping[str, str]] = ()) -> list[Candidate]:
    """Where a pod that tolerates everything lands on Linux, where it runs, and on these pools.

    more: tolerations in the values beside that of everything.
    """
    assessment = assessed(TOLERANT, image("linux/amd64"), clusters=[cluster(LINUX, *pools)])
    held = [{"operator": "Exists"}, *more]
    return list(found(assessment, TOLERATIONS, held, ON_AMD64).able)


def test_a_toleration_is_left_out_where_it_alone_lets_the_pods_onto_every_pool() -> None:
    [one] = narrowings(WINDOWS)
    assert (one.setting.value, sorted(one.meets)) == ([], [0])
    [both] = narrowings(WINDOWS, MAINFRAME)
    assert (both.setting.value, sorted(both.meets)) == ([], [0])


def test_no_toleration_is_left_out_where_a_pool_has_no_taint_that_keeps_pods_off() -> None:
    assert narrowings(WINDOWS, ARM) == []
    assert narrowings(ARM, WINDOWS) == []
    assert narrowings(WINDOWS, PREFERRED) == []


def test_tolerations_of_other_taints_stay() -> None:
    own = {"key": "logs", "operator": "Exists"}

    [one] = narrowings(WINDOWS, more=[own])
    assert one.setting.value == [own]


def test_guards_are_proposed_each_once_and_together() -> None:
    assessment = assessed("", image("linux/amd64"), clusters=[cluster(LINUX, ARM, WINDOWS)])

    able = found(assessment, NODE_SELECTOR, None, ON_LINUX, ON_AMD64).able

    together = Guard((*ON_AMD64.requirements, *ON_LINUX.requirements))
    assert [item.setting.guard for item in able] == [ON_AMD64, together]


def guards(candidates: Candidates) -> list[Guard]:
    return [item.setting.guard for item in candidates.able]


def test_a_guard_that_keeps_a_workload_off_more_than_it_needs_is_left_out() -> None:
    either = Guard((Requirement("kubernetes.io/arch", "In", ("amd64", "arm64")),))
    pools = cluster(LINUX, ARM, pool("linux/s390x"))
    assessment = assessed("", image("linux/amd64", "linux/arm64"), clusters=[pools])

    candidates = found(assessment, AFFINITY, None, ON_AMD64, either)
    assert guards(candidates) == [either]
    assert candidates.objections == {}  # the knob is of use, if not for every guard
    [why] = found(assessment, NODE_SELECTOR, None, ON_AMD64, either).objections.values()
    assert why.endswith("would keep it off linux/arm64, which may run it")


def test_guards_that_contradict_each_other_are_not_put_together() -> None:
    on_arm = Guard((Requirement("kubernetes.io/arch", "In", ("arm64",)), *ON_LINUX.requirements))
    assessment = assessed("", image("linux/amd64"), clusters=[cluster(LINUX, ARM, WINDOWS)])

    assert guards(found(assessment, NODE_SELECTOR, None, on_arm, ON_AMD64)) == [ON_AMD64]


def test_what_a_workload_selects_already_does_not_stand_against_its_own_needs() -> None:
    pools = cluster(LINUX, pool("windows(10.0.20348)/amd64"))
    spec = "nodeSelector: {kubernetes.io/arch: amd64}"
    assessment = assessed(spec, image("linux/amd64"), clusters=[pools])

    assert guards(found(assessment, NODE_SELECTOR, None, ON_LINUX)) == [ON_LINUX]


def test_another_workload_may_select_what_the_knob_gives_it() -> None:
    pools = cluster(LINUX, pool("windows(10.0.20348)/amd64"))
    needing = assessed("", image("linux/amd64"), clusters=[pools])
    spec = "nodeSelector: {kubernetes.io/arch: amd64}"
    other = assessed(spec, image("linux/amd64"), clusters=[pools], kind="DaemonSet")

    own, strange = {"kubernetes.io/arch": "amd64"}, {"kubernetes.io/arch": "arm64"}
    assert guards(found(needing, NODE_SELECTOR, own, ON_LINUX, fed=[other])) == [ON_LINUX]
    assert guards(found(needing, NODE_SELECTOR, strange, ON_LINUX, fed=[other])) == []
