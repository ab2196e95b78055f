"""Texts that another program fills in: what they touch is undecided, and nothing else."""

import pytest

from auditor.kubernetes.placeholders import unfilled
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.pod_spec import Requirement, Toleration
from auditor.scheduling.kubelet import kubelet_refusal
from auditor.scheduling.nodes import NodePool, RuntimeClass, Taint
from auditor.scheduling.placement import Placement, Predicate, Verdict, place
from auditor.scheduling.predicates import (
    Answer,
    NodeView,
    field_holds,
    may_tolerate,
    requirement_holds,
)
from tests.support.objects import cluster, manifest, pool, workload

ADMITTED, REFUSED, UNDECIDED = Verdict.ADMITTED, Verdict.REFUSED, Verdict.UNDECIDED
LINUX = pool(labels={"zone": "z1"}, nodes=("a",), resources=frozenset())
WINDOWS = pool("windows(10.0.20348)/amd64", taints=["os=windows:NoSchedule"])
BARE = pool("windows(10.0.20348)/amd64")
ARM = pool("linux/arm64", taints=["kubernetes.io/arch=arm64:NoSchedule"])
NODE = NodeView("a", {"zone": "z1", "cores": "4"})
OPEN = NodeView("", {}, open_labels=True)
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def placed(spec: str, node: NodePool, *, kind: str = "Deployment", **fields: object) -> Placement:
    return place(workload(spec, kind=kind), node, cluster(node, **fields))  # type: ignore[arg-type]


def affinity(expression: str) -> str:
    terms = f"[{{matchExpressions: [{expression}]}}]"
    return f"affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: {terms}}}}}}}"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("$ARCH", "a variable, `$ARCH`"),
        ("${ARCH}", "a variable, `${ARCH}`"),
        ("${NAS_NODE:=nas-1}", "a variable, `${NAS_NODE:=nas-1}`"),
        ("$(ARCH)", "a variable, `$(ARCH)`"),
        ("node-${N}", "a variable, `${N}`"),
        ("{{inputs.parameters.arch}}", "a template expression, `{{inputs.parameters.arch}}`"),
        ("{% if a %}x{% endif %}", "a template expression, `{% if a %}`"),
        ("#{Arch}#", "a token, `#{Arch}#`"),
        ("((arch))", "a token, `((arch))`"),
        ("$[[ inputs.arch ]]", "a token, `[[ inputs.arch ]]`"),
        ("__ARCH__", "a token, `__ARCH__`"),
        ("pool__GPU__a", "a token, `__GPU__`"),
        ("__arch__", "a stand-in, `__arch__`"),
        ("%ARCH%", "a token, `%ARCH%`"),
        ("@arch@", "a token, `@arch@`"),
        ("<arch>", "a stand-in, `<arch>`"),
        ("CHANGEME", "a stand-in, `CHANGEME`"),
        ("YOUR-NODE", "a stand-in, `YOUR-NODE`"),
        *((text, "") for text in ("", "linux", "a__b__c", "x$", "100%", "me@x.io", "<no value>")),
    ],
)
def test_what_is_not_filled_in(text: str, what: str) -> None:
    assert unfilled(text) == what


@pytest.mark.parametrize(
    ("key", "operator", "values", "node", "answer"),
    [
        ("$KEY", "In", ["z1"], NODE, None),
        ("zone", "$OPERATOR", ["z1"], NODE, None),
        ("zone", "In", ["$ZONE"], NODE, None),
        ("zone", "In", ["$ZONE", "z1"], NODE, True),
        ("rack", "In", ["$RACK"], NODE, False),
        ("rack", "In", ["$RACK"], OPEN, None),
        ("zone", "NotIn", ["$ZONE"], NODE, None),
        ("zone", "NotIn", ["$ZONE", "z1"], NODE, False),
        ("rack", "NotIn", ["$RACK"], NODE, True),
        ("cores", "Gt", ["$CORES"], NODE, None),
        ("gpus", "Lt", ["$GPUS"], NODE, False),
        ("zone", "Exists", ["$ZONE"], NODE, None),
    ],
)
def test_a_demand_with_a_variable(
    key: str, operator: str, values: list[str], node: NodeView, answer: Answer
) -> None:
    assert requirement_holds(Requirement(key, operator, tuple(values)), node) is answer


def test_a_demand_on_a_field_with_a_variable() -> None:
    assert field_holds(Requirement("metadata.name", "In", ("$NODE",)), NODE) is None


@pytest.mark.parametrize(
    ("key", "operator", "value", "effect", "answer"),
    [
        ("os", "Equal", "windows", "", False),
        ("$KEY", "Exists", "", "", True),
        ("$KEY", "Equal", "windows", "", True),
        ("$KEY", "", "linux", "", False),
        ("os", "Equal", "$OS", "", True),
        ("os", "$OPERATOR", "windows", "", True),
        ("os", "Exists", "", "$EFFECT", True),
        ("os", "Equal", "$OS", "NoExecute", False),
        ("arch", "Equal", "$ARCH", "", False),
    ],
)
def test_a_toleration_with_a_variable(
    key: str, operator: str, value: str, effect: str, answer: bool
) -> None:
    taint = Taint("os", "windows", "NoSchedule")
    assert may_tolerate(Toleration(key, operator, value, effect), taint) is answer


@pytest.mark.parametrize(
    ("spec", "node", "verdict", "predicate", "message"),
    [
        (
            'nodeSelector: {kubernetes.io/arch: "$ARCH"}',
            LINUX,
            UNDECIDED,
            Predicate.NODE_SELECTOR,
            "nodeSelector kubernetes.io/arch=$ARCH: not filled in: a variable, `$ARCH`",
        ),
        (
            'nodeSelector: {"%LABEL%": x}',
            LINUX,
            UNDECIDED,
            Predicate.NODE_SELECTOR,
            "nodeSelector %LABEL%=x: not filled in: a token, `%LABEL%`",
        ),
        (
            'nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: "<arch>"}',
            BARE,
            REFUSED,
            Predicate.NODE_SELECTOR,
            "nodeSelector kubernetes.io/os=linux: the nodes have windows",
        ),
        (
            "nodeSelector: ${SELECTOR}",
            LINUX,
            UNDECIDED,
            Predicate.NODE_SELECTOR,
            "nodeSelector ${SELECTOR}: not filled in: a variable, `${SELECTOR}`",
        ),
        (
            affinity('{key: zone, operator: In, values: ["@zone@"]}'),
            LINUX,
            UNDECIDED,
            Predicate.NODE_AFFINITY,
            "required node affinity zone=@zone@: not filled in: a token, `@zone@`",
        ),
        (
            affinity("{key: zone, operator: In, values: $ZONES}"),
            LINUX,
            UNDECIDED,
            Predicate.NODE_AFFINITY,
            "required node affinity zone=$ZONES: not filled in: a variable, `$ZONES`",
        ),
        (
            affinity('"{{inputs.parameters.term}}"'),
            LINUX,
            UNDECIDED,
            Predicate.NODE_AFFINITY,
            (
                "required node affinity {{inputs.parameters.term}}: not filled in: "
                "a template expression, `{{inputs.parameters.term}}`"
            ),
        ),
        *(
            (
                spec,
                LINUX,
                UNDECIDED,
                Predicate.NODE_AFFINITY,
                "required node affinity $A: not filled in: a variable, `$A`",
            )
            for spec in (
                "affinity: $A",
                "affinity: {nodeAffinity: $A}",
                f"affinity: {{nodeAffinity: {{{REQUIRED}: $A}}}}",
                f"affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: $A}}}}}}",
            )
        ),
        (
            'tolerations: [{key: "${TAINT}", operator: Exists}]',
            WINDOWS,
            UNDECIDED,
            Predicate.TAINTS,
            "taint os=windows:NoSchedule: the toleration is not filled in: a variable, `${TAINT}`",
        ),
        (
            "tolerations: ${TOLERATIONS}",
            WINDOWS,
            UNDECIDED,
            Predicate.TAINTS,
            (
                "taint os=windows:NoSchedule: the toleration is not filled in: "
                "a variable, `${TOLERATIONS}`"
            ),
        ),
        (
            "tolerations: [{key: gpu, operator: Equal, value: $GPU}]",
            WINDOWS,
            REFUSED,
            Predicate.TAINTS,
            "taint os=windows:NoSchedule is not tolerated",
        ),
        (
            'nodeName: "__NODE__"',
            LINUX,
            UNDECIDED,
            Predicate.NODE_NAME,
            "spec.nodeName is not filled in: a token, `__NODE__`",
        ),
        (
            "topologySpreadConstraints: [{topologyKey: $KEY, whenUnsatisfiable: DoNotSchedule}]",
            LINUX,
            UNDECIDED,
            Predicate.TOPOLOGY,
            "topology key $KEY: not filled in: a variable, `$KEY`",
        ),
        (
            "topologySpreadConstraints: [{topologyKey: rack, whenUnsatisfiable: $WHEN}]",
            LINUX,
            UNDECIDED,
            Predicate.TOPOLOGY,
            "topology key rack $WHEN: not filled in: a variable, `$WHEN`",
        ),
        (
            "topologySpreadConstraints: $SPREAD",
            LINUX,
            UNDECIDED,
            Predicate.TOPOLOGY,
            "topology key $SPREAD: not filled in: a variable, `$SPREAD`",
        ),
        (
            "initContainers: [{name: a, image: a, resources: {limits: {acme.com/gpu: $GPUS}}}]",
            LINUX,
            UNDECIDED,
            Predicate.RESOURCES,
            "resource acme.com/gpu: $GPUS: not filled in: a variable, `$GPUS`",
        ),
    ],
)
def test_a_placement_with_a_variable(
    spec: str, node: NodePool, verdict: Verdict, predicate: Predicate, message: str
) -> None:
    placement = placed(spec, node)
    assert placement.verdict is verdict
    assert [(step.predicate, step.message) for step in placement.deciding] == [(predicate, message)]


@pytest.mark.parametrize(
    "spec",
    [
        f"affinity: {{nodeAffinity: {{preferred{REQUIRED.removeprefix('required')}: $WISHES}}}}",
        "tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: $SECONDS}]",
        "tolerations: [{key: $KEY, operator: Exists, value: $VALUE}]",
        "os: {name: $OS}",
        "os: $OS",
    ],
)
def test_what_does_not_depend_on_a_variable_is_decided(spec: str) -> None:
    assert placed(spec, LINUX).verdict is ADMITTED


def test_a_wrong_label_beside_a_variable_is_still_refused() -> None:
    placement = placed(affinity('{key: "a b", operator: In, values: [$A]}'), LINUX)
    assert [step.message for step in placement.deciding] == [
        "node affinity: `a b` is not a valid label key"
    ]


def test_a_field_term_with_a_variable_is_no_error() -> None:
    fields = "[{matchFields: [{key: metadata.name, operator: In, values: [$NODE]}]}]"
    spec = f"affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: {fields}}}}}}}"
    assert placed(spec, LINUX).verdict is UNDECIDED


class TestRuntimeClasses:
    def test_a_variable_is_no_missing_class(self) -> None:
        placement = placed("runtimeClassName: ${CLASS}", LINUX, all_classes_known=True)
        (step,) = placement.deciding
        assert step.predicate is Predicate.RUNTIME_CLASS
        assert step.message == "runtimeClassName is not filled in: a variable, `${CLASS}`"
        assert placement.verdict is UNDECIDED

    def test_its_selector_holds_beside_a_variable(self) -> None:
        """A value other than the one of the class would be refused, so the pod has that one."""
        classes = [RuntimeClass("w", {"kubernetes.io/os": "windows"})]
        spec = "runtimeClassName: w\nnodeSelector: {kubernetes.io/os: $OS}"
        assert placed(spec, LINUX, classes=classes).verdict is REFUSED

    def test_a_variable_for_the_whole_selector(self) -> None:
        classes = [RuntimeClass("w", {"zone": "z1"})]
        spec = "runtimeClassName: w\nnodeSelector: $SELECTOR"
        assert placed(spec, LINUX, classes=classes).verdict is UNDECIDED


@pytest.mark.parametrize(
    ("spec", "verdict"),
    [
        ("nodeSelector: {kubernetes.io/arch: $ARCH}", UNDECIDED),
        ("nodeSelector: {$KEY: arm64}", UNDECIDED),
        ("nodeSelector: {kubernetes.io/hostname: $NODE}", REFUSED),
        ("nodeSelector: {kubernetes.io/os: linux}", REFUSED),
    ],
)
def test_tolerations_that_the_cluster_may_add(spec: str, verdict: Verdict) -> None:
    tolerations = (("kubernetes.io/arch", "arm64"),)
    assert placed(spec, ARM, selector_tolerations=tolerations).verdict is verdict


def test_the_webhook_grants_only_taints_that_it_knows() -> None:
    tolerations = (("kubernetes.io/arch", "amd64"),)
    spec = "nodeSelector: {kubernetes.io/arch: $ARCH}"
    assert placed(spec, ARM, selector_tolerations=tolerations).verdict is REFUSED


class TestTheKubelet:
    BOUND = "nodeName: a\ntolerations: [{key: $TAINT, operator: Exists}]"

    def test_a_toleration_may_keep_a_bound_pod(self) -> None:
        node = pool(taints=["a=b:NoExecute"], nodes=("a",))
        assert kubelet_refusal(workload(self.BOUND, kind="Pod"), node, cluster(node)) is None

    @pytest.mark.parametrize("labels", ["{kubernetes.io/os: $OS}", "$LABELS"])
    def test_a_label_that_is_not_filled_in_is_not_compared(self, labels: str) -> None:
        (found,) = find_workloads(
            manifest(f"""
                apiVersion: v1
                kind: PodTemplate
                metadata: {{name: a, annotations: $ANNOTATIONS}}
                template:
                  metadata: {{labels: {labels}}}
                  spec: {{os: {{name: $OS}}, containers: [{{name: a, image: a}}]}}
                """)
        )
        assert kubelet_refusal(found, LINUX, cluster(LINUX)) is None
        assert not found.labels


def test_a_field_that_cannot_be_read_leaves_the_placement_undecided() -> None:
    text = """\
    apiVersion: argoproj.io/v1alpha1
    kind: Workflow
    metadata: {name: build}
    spec:
      podSpecPatch: "{{workflow.parameters.patch}}"
      templates: [{name: main, container: {image: "app:1"}}]
    """
    [found] = find_workloads(manifest(text))
    placement = place(found, LINUX, cluster(LINUX))

    step = placement.steps[-1]
    assert (placement.verdict, step.predicate) == (UNDECIDED, Predicate.UNREAD)
    assert step.message == "podfit cannot read spec.podSpecPatch, which may set a nodeSelector"
    assert step.place == (5, 17)
