"""Which settings are proposed, and which tolerations may be left out."""

from collections.abc import Mapping, Sequence

from auditor.assessment import Assessment
from auditor.findings import Guard, Observation
from auditor.nodes import NodePool
from auditor.remedies.candidates import Candidate, Candidates, find_candidates
from auditor.remedies.fields import NODE_SELECTOR, TOLERATIONS, Field
from auditor.remedies.knobs import Knob, Search
from auditor.remedies.needs import Need
from auditor.remedies.renderings import workload_id
from auditor.rulebook import load_builtin_rules
from auditor.scheduling import Requirement
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


def found(assessment: Assessment, field: Field, current: object, *guards: Guard) -> Candidates:
    """The candidates where one knob feeds the workload, which needs these guards."""
    name = workload_id(assessment.workload)
    knob = Knob(("web", field.name), field, frozenset([name]), current)
    needs = [need(assessment, guard, guards[-1], number) for number, guard in enumerate(guards)]
    return find_candidates(Search([knob]), needs, {name: assessment})


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
