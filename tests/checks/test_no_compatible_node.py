"""Workloads without a home."""

import pytest
from msgspec.structs import replace

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Consequence, Observation
from auditor.checks.platforms import NO_COMPATIBLE_NODE
from auditor.images.images import Platforms
from auditor.scheduling.nodes import NodePool, RuntimeClass
from tests.support.assessments import (
    ARM,
    LINUX,
    UNKNOWN,
    WINDOWS_2022,
    WINDOWS_2025,
    assessed,
    image,
)
from tests.support.objects import cluster, pool

MULTI = image("linux/amd64", "linux/arm64")
IIS = image("windows(10.0.20348.1)/amd64")
TAINTED = pool("linux/amd64", taints=["dedicated=db:NoSchedule"])


def only(found: Assessment) -> Observation:
    (observation,) = NO_COMPATIBLE_NODE.observe(found, {})
    return observation


def line_of(observation: Observation) -> str:
    lines = observation.workload.document.text.splitlines()
    return lines[observation.location.line - 1].strip()


def test_each_pool_has_its_reason_and_equal_ones_stand_together() -> None:
    spec = "nodeSelector: {kubernetes.io/os: linux}"
    observation = only(
        assessed(spec, MULTI, clusters=[cluster(TAINTED, WINDOWS_2022, WINDOWS_2025)])
    )

    assert observation.message == (
        "Deployment/app has no node in cluster test that accepts and can run it"
    )
    assert observation.why == (
        "linux/amd64: taint dedicated=db:NoSchedule is not tolerated; "
        "windows(10.0.20348)/amd64 and windows(10.0.26100)/amd64: "
        "nodeSelector kubernetes.io/os=linux: the nodes have windows"
    )
    assert observation.fix == (
        "allow it on linux/amd64, which can run it (taint dedicated=db:NoSchedule is not "
        "tolerated), or add nodes that accept it; if the cluster has other nodes, describe them "
        "with `--cluster`"
    )
    assert observation.consequence is Consequence.CERTAIN
    assert line_of(observation) == spec


def required(expression: str) -> str:
    return f"""
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{expression}]
"""


@pytest.mark.parametrize(
    ("spec", "fix"),
    [
        (
            "nodeSelector: {kubernetes.io/os: Linux}",
            "no node carries kubernetes.io/os=Linux; write linux",
        ),
        (
            "nodeSelector: {beta.kubernetes.io/os: WINDOWS}",
            "no node carries beta.kubernetes.io/os=WINDOWS; valid values are linux and windows",
        ),
        (
            "nodeSelector: {kubernetes.io/arch: aarch64}",
            "no node carries kubernetes.io/arch=aarch64; write arm64",
        ),
        (
            required("{key: kubernetes.io/os, operator: In, values: [Linux, Windows]}"),
            (
                "no node carries kubernetes.io/os In [Linux, Windows]; write linux or windows, "
                "and set nodeSelector: {kubernetes.io/os: linux}"
            ),
        ),
        (
            required("{key: kubernetes.io/os, operator: DoesNotExist}"),
            "no node carries kubernetes.io/os DoesNotExist; valid values are linux and windows",
        ),
        (
            "nodeSelector: {kubernetes.io/os: beos}",
            "no node carries kubernetes.io/os=beos; valid values are linux and windows",
        ),
    ],
)
def test_a_misspelt_value(spec: str, fix: str) -> None:
    observation = only(assessed(spec, MULTI))

    assert observation.fix == fix
    assert line_of(observation) in spec


def test_nodes_that_the_cluster_lacks() -> None:
    spec = "nodeSelector: {kubernetes.io/os: windows}"

    assert only(assessed(spec, IIS, clusters=[cluster(LINUX, ARM)])).fix == (
        "add nodes for Windows 10.0.20348; if the cluster has other nodes, describe them with "
        "`--cluster`"
    )


def test_where_it_lands_another_finding_gives_the_advice() -> None:
    observation = only(assessed("", IIS, clusters=[cluster(LINUX)]))

    assert observation.fix == ""
    assert observation.pools == (f"test/{LINUX.name}",)
    assert only(assessed("", IIS, clusters=[cluster(LINUX, TAINTED)])).fix == ""


CORDONED = pool("linux/amd64", unschedulable=True)
WINDOWS_CORDONED = pool(
    "windows(10.0.17763)/amd64", unschedulable=True, taints=["os=windows:NoSchedule"]
)


@pytest.mark.parametrize(
    ("spec", "image_", "node", "homeless"),
    [
        ("", MULTI, CORDONED, False),
        ("", IIS, CORDONED, True),
        ("os: {name: windows}", UNKNOWN, CORDONED, True),
        ("", MULTI, replace(TAINTED, unschedulable=True), True),
        ("nodeName: a", IIS, replace(LINUX, nodes=("a",)), False),
    ],
)
def test_a_cordon_ends_some_day(
    spec: str, image_: Platforms, node: NodePool, homeless: bool
) -> None:
    """What else is wrong stays wrong. (A bound pod has its node.)"""
    found = assessed(spec, image_, clusters=[cluster(node, WINDOWS_CORDONED)])

    assert bool(list(NO_COMPATIBLE_NODE.observe(found, {}))) is homeless


def test_a_pod_that_the_api_server_refuses() -> None:
    classes = [RuntimeClass("win", {"kubernetes.io/os": "windows"})]
    known = cluster(LINUX, WINDOWS_2022, classes=classes, all_classes_known=True)
    spec = "runtimeClassName: win\nnodeSelector: {kubernetes.io/os: linux}"
    observation = only(assessed(spec, MULTI, clusters=[known]))

    assert observation.message == "Deployment/app never gets a pod: the API server rejects it"
    assert observation.consequence is Consequence.CERTAIN
    assert observation.why == (
        "RuntimeClass win requires kubernetes.io/os=windows, but the pod requires "
        "kubernetes.io/os=linux"
    )


def test_a_refused_daemon_set_is_a_failure_all_the_same() -> None:
    known = cluster(LINUX, all_classes_known=True)
    found = assessed("runtimeClassName: none", MULTI, clusters=[known], kind="DaemonSet")

    assert only(found).why == "RuntimeClass none does not exist"


def test_the_kubelet_of_a_cordoned_node_rejects_it_all_the_same() -> None:
    cordoned = pool("windows(10.0.20348)/amd64", unschedulable=True)
    both = image("linux/amd64", "windows(10.0.20348.1)/amd64")
    found = assessed("os: {name: linux}", both, clusters=[cluster(cordoned)])

    assert only(found).why == "windows(10.0.20348)/amd64: the nodes are cordoned"


def test_each_cluster_without_a_home_is_said() -> None:
    spec = "nodeSelector: {kubernetes.io/arch: arm64}"
    found = assessed(spec, MULTI, clusters=[cluster(LINUX), cluster(ARM), cluster(WINDOWS_2022)])

    assert [seen.pools for seen in NO_COMPATIBLE_NODE.observe(found, {})] == [
        (f"test/{LINUX.name}",),
        (f"test/{WINDOWS_2022.name}",),
    ]


@pytest.mark.parametrize(
    "found",
    [
        assessed("", MULTI),
        assessed("", UNKNOWN, clusters=[cluster(LINUX)]),
        assessed("", MULTI, clusters=[cluster(pool("linux/amd64", unschedulable=True))]),
        assessed(
            "nodeSelector: {example.com/pool: x}",
            MULTI,
            clusters=[cluster(pool("linux/amd64", open_labels=True))],
        ),
        assessed("nodeSelector: {kubernetes.io/arch: s390x}", MULTI, kind="DaemonSet"),
        assessed("nodeSelector: {kubernetes.io/os: windows}", MULTI),
        assessed("", MULTI, IIS),
        assessed(
            "nodeName: win-1",
            MULTI,
            clusters=[cluster(pool("windows(10.0.20348)/amd64", nodes=("win-1",)))],
        ),
    ],
    ids=[
        "a home",
        "an unknown image",
        "a cordon ends some day",
        "an unknown label",
        "a DaemonSet wants no home",
        "a conflict is another finding",
        "mixed images are another finding",
        "bound to the wrong node",
    ],
)
def test_what_is_not_said(found: Assessment) -> None:
    assert list(NO_COMPATIBLE_NODE.observe(found, {})) == []
