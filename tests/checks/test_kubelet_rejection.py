"""Pods that the kubelet rejects after they were placed."""

import pytest

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Consequence, Observation
from auditor.checks.kubelet_rejection import KUBELET_REJECTION
from tests.support.assessments import HYBRID, LINUX, UNKNOWN, WINDOWS_2022, assessed, image
from tests.support.objects import cluster, pool

LINUX_IMAGE = image("linux/amd64", "linux/arm64")
BOTH = image("linux/amd64", "linux/arm64", "windows(10.0.20348.1)/amd64")
LABEL = {"kubernetes.io/os": "windows"}


def only(found: Assessment) -> Observation:
    (observation,) = KUBELET_REJECTION.observe(found, {})
    return observation


def test_a_declaration_is_no_guard() -> None:
    observation = only(assessed("os: {name: linux}", BOTH))

    assert observation.message == (
        "Deployment/app can land on Windows nodes, whose kubelet rejects it"
    )
    assert observation.why == (
        "spec.os.name is linux, but the node runs windows: the pod fails with PodOSNotSupported; "
        "its controller creates another, which may land there again"
    )
    assert observation.fix == (
        "set nodeSelector: {kubernetes.io/os: linux}, because the scheduler reads nothing else"
    )
    assert observation.consequence is Consequence.POSSIBLE


@pytest.mark.parametrize(
    ("spec", "labels", "fix"),
    [
        ("os: {name: windows}", {}, "correct spec.os.name: its image is Linux-only"),
        ("", LABEL, "correct the pod's label kubernetes.io/os: its image is Linux-only"),
        (
            "os: {name: windows}",
            LABEL,
            "correct spec.os.name and the pod's label kubernetes.io/os: its image is Linux-only",
        ),
    ],
)
def test_a_declaration_that_the_images_contradict(
    spec: str, labels: dict[str, str], fix: str
) -> None:
    observation = only(assessed(spec, LINUX_IMAGE, labels=labels))

    assert observation.fix == fix
    assert observation.consequence is Consequence.CERTAIN
    assert len(observation.pools) == len(HYBRID.pools)


def test_nodes_that_reject_it_are_told_from_those_that_cannot_run_it() -> None:
    observation = only(assessed("os: {name: windows}", LINUX_IMAGE, UNKNOWN))

    assert observation.message.endswith("can land on Linux nodes, whose kubelet rejects it")
    assert len(observation.pools) == 4
    assert observation.fix == ("correct spec.os.name: the image of container `c0` is Linux-only")
    assert observation.aspect == "declaration"


def test_only_nodes_that_get_it_can_reject_it() -> None:
    tainted = pool("windows(10.0.26100)/amd64", taints=["os=windows:NoSchedule"])
    known = cluster(LINUX, WINDOWS_2022, tainted)
    observation = only(assessed("os: {name: linux}", BOTH, clusters=[known]))

    assert observation.pools == ("test/windows(10.0.20348)/amd64",)
    assert observation.aspect == ""


def test_a_declaration_that_the_selector_contradicts() -> None:
    spec = "os: {name: linux}\nnodeSelector: {kubernetes.io/os: windows}"

    observation = only(assessed(spec, BOTH))
    assert observation.fix == "correct spec.os.name: it contradicts the selector"
    assert observation.pools == (
        "test/windows(10.0.20348)/amd64",
        "test/windows(10.0.26100)/amd64",
    )


def test_a_pod_bound_to_a_node_that_its_selector_excludes() -> None:
    named = pool("linux/amd64", nodes=("node-1",))
    spec = "nodeName: node-1\nnodeSelector: {kubernetes.io/arch: arm64}"
    observation = only(assessed(spec, LINUX_IMAGE, clusters=[cluster(named)], kind="Pod"))

    assert "the pod fails with NodeAffinity; the pod is not recreated" in observation.why
    assert observation.fix == "remove spec.nodeName, or make it agree with the rest of the pod spec"


@pytest.mark.parametrize(
    ("kind", "aftermath"),
    [
        ("DaemonSet", "its controller deletes and recreates it in a loop"),
        ("Job", "every rejected pod counts against the Job's backoffLimit"),
        ("Pod", "the pod is not recreated"),
    ],
)
def test_what_follows(kind: str, aftermath: str) -> None:
    assert only(assessed("os: {name: linux}", BOTH, kind=kind)).why.endswith(aftermath)


@pytest.mark.parametrize(
    "found",
    [
        assessed("os: {name: linux}\nnodeSelector: {kubernetes.io/os: linux}", BOTH),
        assessed("os: {name: linux}", LINUX_IMAGE),
        assessed(
            "os: {name: windows}",
            LINUX_IMAGE,
            clusters=[cluster(pool("linux/amd64", taints=["a:NoSchedule"]))],
        ),
        assessed("os: {name: linux}", BOTH, clusters=[cluster(LINUX)]),
        assessed("nodeSelector: {kubernetes.io/os: windows}", LINUX_IMAGE),
    ],
    ids=[
        "guarded",
        "the image fails too",
        "it lands nowhere",
        "no such node",
        "no declaration",
    ],
)
def test_what_is_not_said(found: Assessment) -> None:
    assert list(KUBELET_REJECTION.observe(found, {})) == []


def test_only_the_rejecting_pools_are_named() -> None:
    observation = only(assessed("os: {name: linux}", BOTH))

    assert f"test/{WINDOWS_2022.name}" in observation.pools
    assert f"test/{LINUX.name}" not in observation.pools
