"""Where a pod may be placed, and the steps that say why (scheduling.md sections 4.3 to 4.6)."""

import pytest

from auditor.kubernetes.pod_spec import Toleration
from auditor.scheduling.nodes import NodePool, RuntimeClass
from auditor.scheduling.placement import Placement, Predicate, Verdict, place
from tests.support.objects import cluster, pool, workload

ADMITTED, REFUSED, UNDECIDED = Verdict.ADMITTED, Verdict.REFUSED, Verdict.UNDECIDED
LINUX = pool(labels={"zone": "z1"})
OPEN = pool(open_labels=True, varying=frozenset({"zone"}))
TAINTED = pool("windows(10.0.20348)/amd64", taints=["os=windows:NoSchedule"])
VARYING = pool(nodes=("a",), varying=frozenset({"zone"}))
OFFLINE = pool(taints=["node.kubernetes.io/network-unavailable:NoSchedule"])
CORDONED = pool(unschedulable=True)
THREE = pool(
    nodes=("a", "b", "c"),
    node_labels={"a": {"zone": "z1"}, "b": {"zone": "z2"}, "c": {"disk": "ssd"}},
)
GPU = "initContainers: [{name: a, image: a, resources: {limits: {nvidia.com/gpu: 1}}}]"
SPREAD = "topologySpreadConstraints: [{topologyKey: KEY, whenUnsatisfiable: DoNotSchedule}]"


def placed(spec: str, node: NodePool, *, kind: str = "Deployment", **fields: object) -> Placement:
    return place(workload(spec, kind=kind), node, cluster(node, **fields))  # type: ignore[arg-type]


def affinity(*terms: str) -> str:
    return (
        "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
        f"{{nodeSelectorTerms: [{', '.join(terms)}]}}}}}}"
    )


def in_zone(zone: str) -> str:
    return f"{{matchExpressions: [{{key: zone, operator: In, values: [{zone}]}}]}}"


@pytest.mark.parametrize(
    ("spec", "node", "verdict", "predicate", "message"),
    [
        (
            "nodeSelector: {zone: z2}",
            LINUX,
            REFUSED,
            Predicate.NODE_SELECTOR,
            "nodeSelector zone=z2: the nodes have z1",
        ),
        (
            "resourceClaims: [{name: gpu, resourceClaimTemplateName: gpu}]",
            LINUX,
            UNDECIDED,
            Predicate.RESOURCES,
            "resource claim gpu: podfit cannot tell which nodes have such a device",
        ),
        (
            GPU,
            LINUX,
            UNDECIDED,
            Predicate.RESOURCES,
            "resource nvidia.com/gpu: not specified in the cluster profile",
        ),
        (
            GPU,
            pool(resources=frozenset({"amd.com/gpu"})),
            REFUSED,
            Predicate.RESOURCES,
            "resource nvidia.com/gpu: the nodes do not offer it",
        ),
        (
            "nodeSelector: {rack: r1}",
            LINUX,
            REFUSED,
            Predicate.NODE_SELECTOR,
            "nodeSelector rack=r1: the nodes lack the label",
        ),
        (
            "nodeSelector: {zone: z2}",
            OPEN,
            UNDECIDED,
            Predicate.NODE_SELECTOR,
            "nodeSelector zone=z2: not specified in the cluster profile",
        ),
        (
            "nodeSelector: {rack: r1}",
            OPEN,
            UNDECIDED,
            Predicate.NODE_SELECTOR,
            "nodeSelector rack=r1: not specified in the cluster profile",
        ),
        (
            affinity(in_zone("z2"), in_zone("z3")),
            LINUX,
            REFUSED,
            Predicate.NODE_AFFINITY,
            "required node affinity zone=z2 or zone=z3: no term matches",
        ),
        (
            affinity(in_zone("z2")),
            OPEN,
            UNDECIDED,
            Predicate.NODE_AFFINITY,
            "required node affinity zone=z2: not specified in the cluster profile",
        ),
        ("", TAINTED, REFUSED, Predicate.TAINTS, "taint os=windows:NoSchedule is not tolerated"),
        ("", CORDONED, REFUSED, Predicate.CORDON, "the nodes are cordoned"),
        (
            SPREAD.replace("KEY", "rack"),
            LINUX,
            REFUSED,
            Predicate.TOPOLOGY,
            "topology key rack: the nodes lack the label",
        ),
        (
            SPREAD.replace("KEY", "rack"),
            OPEN,
            UNDECIDED,
            Predicate.TOPOLOGY,
            "topology key rack: not specified in the cluster profile",
        ),
        (
            "schedulerName: volcano",
            LINUX,
            UNDECIDED,
            Predicate.SCHEDULER,
            "scheduler volcano may decide otherwise",
        ),
        (
            "schedulingGates: [{name: g}]",
            LINUX,
            UNDECIDED,
            Predicate.SCHEDULER,
            "the pod is not scheduled until its scheduling gates are removed",
        ),
        (
            "os: {name: bsd}",
            LINUX,
            REFUSED,
            Predicate.API,
            "spec.os.name is bsd; it must be linux or windows",
        ),
        (
            "runtimeClassName: kata",
            LINUX,
            UNDECIDED,
            Predicate.RUNTIME_CLASS,
            "RuntimeClass kata is neither in the cluster profile nor among the manifests",
        ),
        (
            "nodeName: z",
            LINUX,
            UNDECIDED,
            Predicate.NODE_NAME,
            "spec.nodeName is z, and the profile does not list the nodes of the pool",
        ),
        (
            "nodeName: z",
            THREE,
            REFUSED,
            Predicate.NODE_NAME,
            "spec.nodeName is z, which is not in this pool",
        ),
    ],
)
def test_the_step_that_decides(
    spec: str, node: NodePool, verdict: Verdict, predicate: Predicate, message: str
) -> None:
    placement = placed(spec, node)

    assert placement.verdict is verdict
    (step,) = placement.deciding
    assert (step.predicate, step.message) == (predicate, message)
    assert placement.rejected is (predicate is Predicate.API)
    assert placement.creates_pod is (predicate is not Predicate.API)


@pytest.mark.parametrize(
    ("spec", "node"),
    [
        ("", LINUX),
        ("", OPEN),
        ("schedulerName: default-scheduler", LINUX),
        ("nodeSelector: {zone: z1}", LINUX),
        (affinity(in_zone("z2"), in_zone("z1")), LINUX),
        (SPREAD.replace("KEY", "zone"), LINUX),
        (SPREAD.replace("KEY", "zone"), OPEN),
        (SPREAD.replace("KEY", "kubernetes.io/hostname"), LINUX),
        (SPREAD.replace("DoNotSchedule", "ScheduleAnyway"), LINUX),
        ("tolerations: [{key: os, operator: Exists}]", TAINTED),
        ("tolerations: [{operator: Exists}]", CORDONED),
        ("tolerations: [{key: node.kubernetes.io/unschedulable, operator: Exists}]", CORDONED),
        (GPU, pool(resources=frozenset({"nvidia.com/gpu"}))),
        ("nodeName: b", THREE),
        ("nodeSelector: {zone: z2}", THREE),
        ("nodeSelector: {disk: ssd}", THREE),
        ("nodeSelector: {kubernetes.io/hostname: c}", THREE),
        (affinity("{matchFields: [{key: metadata.name, operator: In, values: [b]}]}"), THREE),
        (affinity("{matchFields: [{key: metadata.name, operator: NotIn, values: [a]}]}"), THREE),
        (SPREAD.replace("KEY", "zone"), THREE),
        (SPREAD.replace("KEY", "disk"), THREE),
    ],
)
def test_admitted(spec: str, node: NodePool) -> None:
    placement = placed(spec, node)

    assert placement.verdict is ADMITTED
    assert placement.deciding == ()
    assert not placement.by_taint_only


@pytest.mark.parametrize(
    "spec",
    [
        "nodeSelector: {zone: z3}",
        "nodeSelector: {zone: z1, disk: ssd}",
        "nodeSelector: {kubernetes.io/hostname: d}",
        "nodeSelector: {zone: z1, kubernetes.io/hostname: b}",
        affinity("{matchFields: [{key: metadata.name, operator: In, values: [d]}]}"),
        affinity(in_zone("z1")) + "\nnodeSelector: {zone: z2}",
        SPREAD.replace("KEY", "disk") + "\nnodeSelector: {zone: z2}",
    ],
)
def test_no_single_node_of_the_pool_will_do(spec: str) -> None:
    assert placed(spec, THREE).verdict is REFUSED


def test_a_node_by_name_is_undecided_where_nobody_knows_the_names() -> None:
    assert placed("nodeSelector: {kubernetes.io/hostname: a}", LINUX).verdict is UNDECIDED


def test_nodes_that_are_alike_are_looked_at_once() -> None:
    many = pool(
        nodes=tuple(f"n{i}" for i in range(2000)),
        node_labels={f"n{i}": {"zone": f"z{i % 3}", "id": str(i)} for i in range(2000)},
    )
    names = "{matchFields: [{key: metadata.name, operator: In, values: [n1999]}]}"

    assert placed("nodeSelector: {zone: z2}", many).verdict is ADMITTED
    assert placed("nodeSelector: {id: '1999'}", many).verdict is ADMITTED
    assert placed(affinity(names), many).verdict is ADMITTED


def test_steps_carry_the_place_that_decided() -> None:
    pod = workload("nodeSelector:\n  zone: z2\ntolerations:\n- {key: os, operator: Exists}")

    (step,) = place(pod, LINUX, cluster(LINUX)).deciding
    assert step.place == pod.scheduling.node_selector[0].place
    tolerated = place(pod, TAINTED, cluster(TAINTED)).steps
    (taint,) = (step for step in tolerated if step.predicate is Predicate.TAINTS)
    assert (taint.message, taint.place) == (
        "taint os=windows:NoSchedule is tolerated",
        pod.scheduling.tolerations[0].place,
    )


def test_what_refuses_decides_before_what_is_undecided() -> None:
    placement = placed("nodeSelector: {zone: z2, kubernetes.io/os: windows}", OPEN)

    assert [step.message for step in placement.deciding] == [
        "nodeSelector kubernetes.io/os=windows: the nodes have linux"
    ]


def test_the_terms_of_an_affinity_are_pointed_at() -> None:
    pod = workload(affinity(in_zone("z2")))

    (step,) = place(pod, LINUX, cluster(LINUX)).deciding
    assert step.place == pod.scheduling.required_terms[0].place  # type: ignore[index]


def test_a_soft_taint_keeps_nobody_off() -> None:
    placement = placed("", pool(taints=["os=windows:PreferNoSchedule"]))

    assert placement.verdict is ADMITTED
    assert [s.message for s in placement.steps if s.predicate is Predicate.TAINTS] == [
        "no taint keeps it off"
    ]


def test_a_cordon_is_no_taint_that_guards() -> None:
    taint = "node.kubernetes.io/unschedulable:NoSchedule"
    for cordoned in (CORDONED, pool(taints=[taint]), pool(unschedulable=True, taints=[taint])):
        placement = placed("", cordoned)

        assert [step.predicate for step in placement.deciding] == [Predicate.CORDON]
        assert not placement.by_taint_only


def test_by_taint_only() -> None:
    assert placed("", TAINTED).by_taint_only
    assert not placed("nodeSelector: {zone: z1}", TAINTED).by_taint_only
    unsaid = pool("windows(10.0.20348)/amd64", taints=["os=windows:NoSchedule"], open_labels=True)
    assert not placed("nodeSelector: {zone: z1}", unsaid).by_taint_only
    assert not placed("", pool(unschedulable=True, taints=["a:NoExecute"])).by_taint_only
    assert not placed("runtimeClassName: kata", TAINTED).by_taint_only


class TestDaemonSet:
    """Its controller looks at the template, before any admission plug-in."""

    def test_it_ignores_a_cordon(self) -> None:
        placement = placed("", CORDONED, kind="DaemonSet")

        assert (placement.verdict, placement.creates_pod) == (ADMITTED, True)
        assert [s.message for s in placement.steps if s.predicate is Predicate.CORDON] == [
            "cordoned, but tolerated"
        ]

    @pytest.mark.parametrize(
        ("spec", "node", "expected"),
        [
            ("", TAINTED, (REFUSED, False)),
            ("tolerations: [{key: os, operator: Exists}]", TAINTED, (ADMITTED, True)),
            ("nodeSelector: {zone: z2}", LINUX, (REFUSED, False)),
            ("nodeSelector: {zone: z2}", OPEN, (UNDECIDED, None)),
            ("nodeName: a", THREE, (ADMITTED, True)),
            ("nodeName: d", THREE, (REFUSED, False)),
            ("nodeName: a\nnodeSelector: {zone: z2}", THREE, (REFUSED, False)),
            ("nodeName: a", TAINTED, (REFUSED, False)),
            ("nodeName: a", LINUX, (UNDECIDED, None)),
            ("nodeName: a\nnodeSelector: {zone: z2}", VARYING, (UNDECIDED, None)),
            ("hostNetwork: true", OFFLINE, (ADMITTED, True)),
            ("", OFFLINE, (REFUSED, False)),
            (SPREAD.replace("KEY", "rack"), LINUX, (REFUSED, True)),
        ],
    )
    def test_by_its_template(
        self, spec: str, node: NodePool, expected: tuple[Verdict, bool | None]
    ) -> None:
        placement = placed(spec, node, kind="DaemonSet")

        assert (placement.verdict, placement.creates_pod) == expected

    def test_a_class_selects_too_late(self) -> None:
        windows = RuntimeClass("w", {"kubernetes.io/os": "windows"})
        placement = placed("runtimeClassName: w", LINUX, kind="DaemonSet", classes=[windows])

        assert (placement.verdict, placement.creates_pod) == (REFUSED, True)
        assert placement.deciding[0].predicate is Predicate.NODE_SELECTOR

    def test_a_class_tolerates_too_late(self) -> None:
        tolerant = RuntimeClass("w", {}, (Toleration("os", "Exists"),))
        spec = "runtimeClassName: w"

        placement = placed(spec, TAINTED, kind="DaemonSet", classes=[tolerant])
        assert (placement.verdict, placement.creates_pod) == (REFUSED, False)
        assert placed(spec, TAINTED, classes=[tolerant]).verdict is ADMITTED

    def test_a_plain_pod_bound_by_name_goes_past_taints(self) -> None:
        tainted = pool(nodes=("a",), taints=["os=windows:NoSchedule"], unschedulable=True)

        assert placed("nodeName: a", tainted, kind="Pod").verdict is ADMITTED
        assert placed("nodeName: a", tainted, kind="DaemonSet").verdict is REFUSED


class TestUnknownRuntimeClass:
    """It may add a selector and tolerations, but takes no selector away."""

    def test_it_may_tolerate_the_taint(self) -> None:
        placement = placed("runtimeClassName: kata", TAINTED)

        assert placement.verdict is UNDECIDED
        assert {step.predicate for step in placement.deciding} == {
            Predicate.TAINTS,
            Predicate.RUNTIME_CLASS,
        }

    def test_it_does_not_lift_the_selector(self) -> None:
        placement = placed("runtimeClassName: kata\nnodeSelector: {zone: z2}", LINUX)

        assert placement.verdict is REFUSED

    def test_it_does_not_help_a_daemon_set(self) -> None:
        assert placed("runtimeClassName: kata", TAINTED, kind="DaemonSet").verdict is REFUSED
        assert placed("runtimeClassName: kata", LINUX, kind="DaemonSet").verdict is UNDECIDED

    def test_it_may_forbid_a_pod_bound_by_name(self) -> None:
        assert placed("runtimeClassName: kata\nnodeName: a", THREE).verdict is UNDECIDED
        assert placed("runtimeClassName: kata\nnodeName: d", THREE).verdict is REFUSED


def test_the_clusters_own_webhook_tolerates_for_pods_that_select() -> None:
    arm = pool("linux/arm64/v8", taints=["kubernetes.io/arch=arm64:NoSchedule"])
    gke = (("kubernetes.io/arch", "arm64"),)
    spec = "nodeSelector: {kubernetes.io/arch: arm64}"

    assert placed(spec, arm, selector_tolerations=gke).verdict is ADMITTED
    assert placed(spec, arm).verdict is REFUSED
    assert placed("", arm, selector_tolerations=gke).verdict is REFUSED
    assert placed(spec, arm, kind="DaemonSet", selector_tolerations=gke).verdict is REFUSED


def test_the_daemon_set_controller_does_not_look_at_resources() -> None:
    placement = placed(GPU, pool(resources=frozenset()), kind="DaemonSet")

    assert (placement.verdict, placement.creates_pod) == (REFUSED, True)


def test_every_step_is_told() -> None:
    def messages(spec: str) -> list[str]:
        return [step.message for step in placed(spec, LINUX).steps]

    rest = ["no required node affinity", "no taint keeps it off", "not cordoned"]
    assert messages("") == ["no nodeSelector", *rest]
    assert messages("nodeSelector: {zone: z1}") == ["nodeSelector zone=z1: holds", *rest]
    spread = messages(SPREAD.replace("KEY", "zone"))
    assert spread == ["no nodeSelector", *rest[:2], "topology key zone: the nodes have it", rest[2]]


def test_the_toleration_that_bears_a_taint_is_named() -> None:
    pod = workload("tolerations: [{key: gpu, operator: Exists}, {key: os, value: windows}]")
    (step,) = [
        step
        for step in place(pod, TAINTED, cluster(TAINTED)).steps
        if step.predicate is Predicate.TAINTS
    ]

    assert step.message == "taint os=windows:NoSchedule is tolerated"
    assert step.place == pod.scheduling.tolerations[1].place
