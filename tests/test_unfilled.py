"""Placeholders that are not filled in leave undecided what they touch, and nothing else."""

import pytest

from auditor.images.references import is_unfilled
from auditor.kubernetes.pod_spec import Toleration
from auditor.scheduling.admission import admit
from auditor.scheduling.kubelet import kubelet_refusal
from auditor.scheduling.nodes import NodePool
from auditor.scheduling.placement import Placement, Predicate, Verdict, place
from auditor.scheduling.predicates import may_tolerate
from tests.support.objects import cluster, pool, workload
from tests.test_placement import affinity

ADMITTED, REFUSED, UNDECIDED = Verdict.ADMITTED, Verdict.REFUSED, Verdict.UNDECIDED
LINUX = pool(labels={"zone": "z1"}, nodes=("a",))
TAINTED = pool(taints=["team=web:NoSchedule"])
WINDOWS = pool("windows(10.0.20348)/amd64")

PLACEHOLDERS = (
    "${ARCH}",
    "$ARCH",
    "{{inputs.parameters.x}}",
    "__X__",
    "<x>",
    "%X%",
    "@x@",
    "${A:=b}",
)


def placed(spec: str, node: NodePool = LINUX, kind: str = "Deployment") -> Placement:
    return place(workload(spec, kind=kind), node, cluster(node))


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_a_placeholder(text: str) -> None:
    assert is_unfilled(text)
    assert placed(f'nodeSelector: {{zone: "{text}"}}').verdict is UNDECIDED
    assert placed(f'nodeSelector: {{"{text}": z1}}').verdict is UNDECIDED
    assert placed(f'nodeName: "{text}"').verdict is UNDECIDED
    assert placed(f'runtimeClassName: "{text}"').verdict is UNDECIDED
    assert (
        placed(f'tolerations: [{{key: "{text}", operator: Exists}}]', TAINTED).verdict is UNDECIDED
    )


@pytest.mark.parametrize("text", ["", "linux", "amd64", "10.0.20348", "a_b-c.d", "REPLACE_ME"])
def test_a_text_without_placeholders(text: str) -> None:
    assert not is_unfilled(text)


def test_a_value_that_the_api_server_refuses_is_no_placeholder() -> None:
    placement = placed('nodeSelector: {zone: "a b"}')

    assert (placement.verdict, placement.rejected) == (REFUSED, True)


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("{key: zone, operator: In, values: ['$A', z1]}", ADMITTED),
        ("{key: zone, operator: In, values: ['$A', z2]}", UNDECIDED),
        ("{key: none, operator: In, values: ['$A']}", REFUSED),
        ("{key: zone, operator: NotIn, values: ['$A', z1]}", REFUSED),
        ("{key: zone, operator: NotIn, values: ['$A']}", UNDECIDED),
        ("{key: zone, operator: Gt, values: ['$A']}", UNDECIDED),
        ("{key: zone, operator: '$OP', values: [z1]}", UNDECIDED),
        ("{key: '$KEY', operator: Exists}", UNDECIDED),
    ],
)
def test_a_requirement(expression: str, verdict: Verdict) -> None:
    assert placed(affinity(f"{{matchExpressions: [{expression}]}}")).verdict is verdict


def test_a_field() -> None:
    term = "{matchFields: [{key: metadata.name, operator: In, values: ['$NODE']}]}"

    assert placed(affinity(term)).verdict is UNDECIDED


def test_what_is_filled_in_still_decides() -> None:
    spec = 'nodeSelector: {kubernetes.io/os: linux, zone: "$ZONE"}'

    assert placed(spec, WINDOWS).verdict is REFUSED
    (step,) = placed(spec).deciding
    assert step.message == "nodeSelector zone=$ZONE: not filled in: it holds a variable"
    spec = "tolerations: [{key: other, operator: Exists}, {key: '$A', effect: NoExecute}]"
    assert placed(spec, TAINTED).verdict is REFUSED


def test_other_terms_decide() -> None:
    known, open_ = (
        f"{{matchExpressions: [{{key: zone, operator: In, values: ['{value}']}}]}}"
        for value in ("z1", "$ZONE")
    )

    assert placed(affinity(open_, known)).verdict is ADMITTED
    placement = placed(affinity(open_))
    assert placement.verdict is UNDECIDED
    assert placement.deciding[0].message.endswith("not filled in: it holds a variable")


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        (Toleration("$A", "Exists"), True),
        (Toleration("team", "Equal", "$A"), True),
        (Toleration("team", "$OP", "web"), True),
        (Toleration("team", "Exists", effect="$E"), True),
        (Toleration("team", "Equal", "web"), False),
        (Toleration("other", "Equal", "$A"), False),
        (Toleration("$A", "Equal", "data"), False),
        (Toleration("$A", "Exists", effect="NoExecute"), False),
    ],
)
def test_a_toleration_that_may_match(toleration: Toleration, *, expected: bool) -> None:
    (taint,) = TAINTED.taints

    assert may_tolerate(toleration, taint) is expected


def test_a_taint_that_a_placeholder_may_tolerate() -> None:
    placement = placed("tolerations: [{key: team, value: '$TEAM'}]", TAINTED)

    (step,) = placement.deciding
    assert (step.predicate, step.answer) == (Predicate.TAINTS, None)
    assert step.message == "taint team=web:NoSchedule: a toleration is not filled in"


@pytest.mark.parametrize(
    "spec",
    [
        "tolerations: [{key: '$A', operator: '$B', value: '$C', effect: '$D'}]",
        "tolerations: [{key: '$A', operator: Exists, effect: '$D'}]",
        "os: {name: '$OS'}",
    ],
)
def test_the_api_server_sees_what_is_filled_in_later(spec: str) -> None:
    assert admit(workload(spec), cluster(LINUX)).refusals == ()
    assert kubelet_refusal(workload(spec), WINDOWS, cluster(WINDOWS)) is None


def test_a_topology_key() -> None:
    spec = "topologySpreadConstraints: [{topologyKey: '$KEY', whenUnsatisfiable: DoNotSchedule}]"

    assert placed(spec).verdict is UNDECIDED


def test_a_daemon_set() -> None:
    placement = placed('nodeSelector: {zone: "$ZONE"}', kind="DaemonSet")

    assert (placement.verdict, placement.creates_pod) == (UNDECIDED, None)
