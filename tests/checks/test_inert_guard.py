"""What is believed to be a guard: said only of the pools that it was meant to keep off."""

import pytest

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Confidence, Consequence, Observation
from auditor.checks.inert_guards import INERT_GUARD
from auditor.scheduling.nodes import ClusterProfile, RuntimeClass
from tests.support.assessments import ARM, LINUX, UNKNOWN, WINDOWS_2022, assessed, image
from tests.support.objects import cluster, pool

MULTI = image("linux/amd64", "linux/arm64")
AMD64 = image("linux/amd64")
IIS = image("windows(10.0.20348.1)/amd64")
PREFERRED = """
affinity:
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 1
        preference:
          matchExpressions: [{{key: {key}, operator: In, values: [{value}]}}]
"""
NEGATION = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{{key: {key}, operator: {operator}{values}}}]
"""


def seen(found: Assessment) -> list[Observation]:
    return list(INERT_GUARD.observe(found, {}))


def messages(found: Assessment) -> list[str]:
    return [observation.message.removeprefix("Deployment/app: ") for observation in seen(found)]


def test_a_wish() -> None:
    found = assessed(PREFERRED.format(key="kubernetes.io/os", value="linux"), MULTI)

    assert messages(found) == [
        "preferred node affinity for kubernetes.io/os=linux is not a requirement"
    ]
    assert seen(found)[0].pools == tuple(f"test/{fit.name}" for fit in found.failing)
    assert seen(found)[0].confidence is Confidence.HIGH


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topology.kubernetes.io/zone", "a"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/os", "windows"),
    ],
)
def test_a_wish_that_would_not_have_helped(key: str, value: str) -> None:
    """About something else; or met by the very nodes on which the pod fails."""
    found = assessed(PREFERRED.format(key=key, value=value), MULTI)

    assert {fit.pool.platform.os for fit in found.failing} == {"windows"}
    assert messages(found) == []


def test_declarations() -> None:
    found = assessed("os: {name: linux}", MULTI, labels={"kubernetes.io/os": "linux"})

    assert messages(found) == [
        "spec.os.name does not choose the node",
        "kubernetes.io/os is set as a label of the pod, not as a selector",
    ]


def test_a_declared_system_is_no_guard_against_an_architecture() -> None:
    spec = "os: {name: linux}\nnodeSelector: {kubernetes.io/os: linux}"

    assert messages(assessed(spec, AMD64)) == []


@pytest.mark.parametrize(
    ("toleration", "image_", "expected"),
    [
        (
            "{key: os, operator: Equal, value: Windows, effect: NoSchedule}",
            IIS,
            ["the toleration of os=Windows:NoSchedule allows nodes but does not select them"],
        ),
        (
            "{key: kubernetes.io/arch, operator: Equal, value: arm64}",
            image("linux/arm64"),
            ["the toleration of kubernetes.io/arch=arm64 allows nodes but does not select them"],
        ),
        ("{key: os, operator: Equal, value: windows}", MULTI, []),
        ("{key: dedicated, operator: Equal, value: db}", MULTI, []),
        ("{operator: Exists}", MULTI, []),
    ],
    ids=["windows", "arm64", "of the very nodes that are wrong", "another matter", "every taint"],
)
def test_a_toleration_taken_for_a_selector(
    toleration: str, image_: object, expected: list[str]
) -> None:
    found = assessed(f"tolerations: [{toleration}]", image_)  # type: ignore[arg-type]

    assert messages(found) == expected


@pytest.mark.parametrize(
    ("key", "operator", "values", "inert"),
    [
        ("node.acme.dev/os", "NotIn", "[windows]", True),
        ("agentpool", "NotIn", "[win22, win25]", True),
        ("acme.dev/windows", "DoesNotExist", "", True),
        ("os", "NotIn", "[other]", True),
        ("acme.dev/build", "NotIn", "[Win2019]", True),
        ("eks.amazonaws.com/compute-type", "NotIn", "[fargate]", False),
        ("team", "NotIn", "[alarm, darwin]", False),
        ("acme.dev/osd", "DoesNotExist", "", False),
        ("kubernetes.io/os", "NotIn", "[darwin]", False),
        ("agentpool", "In", "[linux]", False),
    ],
)
def test_a_negation_on_a_label_that_no_node_has(
    key: str, operator: str, values: str, inert: bool
) -> None:
    text = f", values: {values}" if values else ""
    found = assessed(NEGATION.format(key=key, operator=operator, values=text), MULTI)
    wanted = [f"{key} {operator}{' ' + values if values else ''} holds on every node"]

    assert [text.partition(" without")[0] for text in messages(found)] == (wanted if inert else [])


def test_a_windows_build_that_is_excluded_keeps_off_no_linux_node() -> None:
    key = "node.kubernetes.io/windows-build"
    spec = NEGATION.format(key=key, operator="NotIn", values=', values: ["10.0.17763"]')

    assert messages(assessed(spec, IIS)) == [
        f"{key} NotIn [10.0.17763] holds on every node without that label"
    ]


def test_a_toleration_beside_a_selector_is_not_taken_for_one() -> None:
    tolerations = "tolerations: [{key: os, value: windows}, {key: arch, value: arm64}]"
    selector = "nodeSelector: {LABEL: VALUE}"

    def told(label: str, value: str) -> list[str]:
        pinned = selector.replace("LABEL", label).replace("VALUE", value)
        return messages(assessed(f"{tolerations}\n{pinned}", UNKNOWN))

    windows = "the toleration of os=windows allows nodes but does not select them"
    arm64 = "the toleration of arch=arm64 allows nodes but does not select them"
    assert told("example.com/pool", "a") == []
    assert messages(assessed(tolerations, UNKNOWN)) == [windows, arm64]
    assert told("kubernetes.io/os", "linux") == [arm64]
    assert told("beta.kubernetes.io/arch", "amd64") == [windows]


def test_a_build_that_is_excluded_is_no_matter_of_other_gaps() -> None:
    key = "node.kubernetes.io/windows-build"
    spec = NEGATION.format(key=key, operator="NotIn", values=', values: ["10.0.20348"]')

    assert messages(assessed(spec, image("linux/amd64", "windows(10.0.26100.1)/amd64"))) == []


def test_an_unknown_image_is_not_sure_to_fail() -> None:
    (observation,) = seen(assessed("os: {name: linux}", UNKNOWN))
    assert observation.confidence is Confidence.HIGH  # the kubelet rejects it, whatever it is

    wish = PREFERRED.format(key="kubernetes.io/os", value="linux")
    (observation,) = seen(assessed(wish, UNKNOWN))
    assert observation.confidence is Confidence.MEDIUM


def test_a_wish_may_be_for_more_than_a_platform() -> None:
    wish = PREFERRED.format(key="kubernetes.io/os", value="linux").replace(
        "matchExpressions: [", "matchExpressions: [{key: zone, operator: Exists}, "
    )

    assert messages(assessed(wish, MULTI)) == [
        "preferred node affinity for zone Exists and kubernetes.io/os=linux is not a requirement"
    ]


def test_one_pool_that_is_sure_to_fail_is_enough() -> None:
    foreign = pool("windows(10.0.20348)/arm64")
    wish = PREFERRED.format(key="kubernetes.io/os", value="linux")
    unstated = image("linux/amd64", "windows/amd64")
    found = assessed(wish, unstated, clusters=[cluster(LINUX, WINDOWS_2022, foreign)])

    (observation,) = seen(found)
    assert len(observation.pools) == 2
    assert observation.confidence is Confidence.HIGH


def test_nothing_is_said_where_another_cause_is() -> None:
    assert messages(assessed("os: {name: linux}", MULTI, IIS)) == []
    assert messages(assessed("os: {name: windows}", MULTI)) == []


def test_the_daemon_set_controller_sees_no_runtime_class() -> None:
    classes = [RuntimeClass("win", {"kubernetes.io/os": "windows"})]
    known = cluster(LINUX, ARM, WINDOWS_2022, classes=classes)
    found = assessed("runtimeClassName: win", IIS, clusters=[known], kind="DaemonSet")
    (observation,) = seen(found)

    assert observation.message == (
        "DaemonSet/app is not kept off linux/amd64 and linux/arm64 by the selector of "
        "RuntimeClass win"
    )
    assert observation.fix == (
        "set nodeSelector: {kubernetes.io/os: windows} in the pod template as well"
    )
    assert observation.consequence is Consequence.CERTAIN
    assert observation.aspect == "runtime class"


def test_a_class_is_named_once_and_other_obstacles_do_not_matter() -> None:
    both = {"kubernetes.io/os": "windows", "kubernetes.io/arch": "amd64"}
    known = cluster(LINUX, classes=[RuntimeClass("win", both)])
    spread = (
        "topologySpreadConstraints: [{topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]\n"
        "runtimeClassName: win"
    )
    (observation,) = seen(assessed(spread, IIS, clusters=[known], kind="DaemonSet"))

    assert observation.message.endswith("by the selector of RuntimeClass win")


def test_nothing_is_said_where_nobody_knows_the_labels_of_a_class() -> None:
    classes = [RuntimeClass("fast", {"disk": "ssd"})]
    known = cluster(pool(open_labels=True), classes=classes)

    found = assessed("runtimeClassName: fast", MULTI, clusters=[known], kind="DaemonSet")
    assert seen(found) == []


def by_namespace(plugin: str, *classes: RuntimeClass) -> ClusterProfile:
    return cluster(
        LINUX,
        WINDOWS_2022,
        classes=classes,
        plugins=frozenset({plugin}),
        namespace_selectors={"default": {"kubernetes.io/os": "linux"}},
    )


def test_nor_the_selector_of_a_namespace() -> None:
    known = by_namespace("PodNodeSelector", RuntimeClass("kata"))
    for spec in ("", "runtimeClassName: kata"):
        (observation,) = seen(assessed(spec, MULTI, clusters=[known], kind="DaemonSet"))

        assert observation.message.endswith("by the selector of its namespace")
        assert observation.aspect == "namespace"


def test_but_openshifts_controller_does() -> None:
    known = by_namespace("OriginPodNodeEnvironment")
    found = assessed("", MULTI, clusters=[known], kind="DaemonSet")

    assert seen(found) == []
    assert [fit.placement.creates_pod for fit in found.fits] == [True, False]


def test_others_than_daemon_sets_are_guarded_by_it() -> None:
    classes = [RuntimeClass("win", {"kubernetes.io/os": "windows"})]
    known = cluster(LINUX, WINDOWS_2022, classes=classes)

    assert seen(assessed("runtimeClassName: win", IIS, clusters=[known])) == []


def test_a_topology_key_is_no_selector() -> None:
    spread = """
    topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: acme.dev/rack, whenUnsatisfiable: DoNotSchedule}
    """
    assert seen(assessed(spread, MULTI, clusters=[cluster(LINUX)], kind="DaemonSet")) == []


def test_each_illusion_has_its_own_fingerprint() -> None:
    found = assessed("os: {name: linux}", MULTI, labels={"kubernetes.io/os": "linux"})

    assert [observation.aspect for observation in seen(found)] == ["spec.os", "label"]
