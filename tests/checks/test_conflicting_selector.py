"""Selectors that ask for what the images lack, and those that contradict themselves."""

import pytest
from msgspec.structs import replace

from auditor.checks.findings import Consequence, Observation
from auditor.checks.selectors import CONFLICTING_SELECTOR
from auditor.images.images import Platforms
from auditor.scheduling.nodes import ClusterProfile, RuntimeClass
from tests.support.assessments import (
    HYBRID,
    LINUX,
    UNKNOWN,
    WINDOWS_2022,
    assessed,
    image,
    reassessed,
)
from tests.support.objects import cluster

MULTI = image("linux/amd64", "linux/arm64")
AMD64 = image("linux/amd64")
AFFINITY = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]
        - matchExpressions: [{key: kubernetes.io/arch, operator: In, values: [s390x]}]
"""


def seen(
    spec: str, *images: Platforms, clusters: tuple[ClusterProfile, ...] = (HYBRID,)
) -> Observation:
    (observation,) = CONFLICTING_SELECTOR.observe(assessed(spec, *images, clusters=clusters), {})
    return observation


@pytest.mark.parametrize(
    ("spec", "images", "message"),
    [
        (
            "nodeSelector: {kubernetes.io/os: windows, kubernetes.io/arch: amd64}",
            (MULTI,),
            "demands kubernetes.io/os=windows, but its image is Linux-only",
        ),
        (
            "nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: arm64}",
            (MULTI, AMD64),
            (
                "demands kubernetes.io/arch=arm64, but the image of container `c1` is built for "
                "linux/amd64 only"
            ),
        ),
        (
            AFFINITY,
            (AMD64, UNKNOWN),
            (
                "demands kubernetes.io/os=windows or kubernetes.io/arch=s390x, but the image of "
                "container `c0` is built for linux/amd64 only"
            ),
        ),
    ],
)
def test_what_is_demanded_and_what_is_lacking(
    spec: str, images: tuple[Platforms, ...], message: str
) -> None:
    assert seen(spec, *images).message == f"Deployment/app {message}"


def test_a_contradiction_needs_no_image() -> None:
    spec = "nodeSelector: {kubernetes.io/os: linux, node.kubernetes.io/windows-build: 10.0.20348}"
    observation = seen(spec, UNKNOWN)

    assert observation.message == (
        "Deployment/app demands kubernetes.io/os=linux and "
        "node.kubernetes.io/windows-build=10.0.20348, which no node meets"
    )
    assert observation.fix == "remove the wrong requirement"


def test_a_contradiction_names_both_sides() -> None:
    """Though one of them alone is enough to exclude the image."""
    one = AFFINITY.replace("        - matchExpressions: [{key: kubernetes.io/arch", "#")

    assert seen(f"nodeSelector: {{kubernetes.io/os: linux}}{one}", AMD64).message == (
        "Deployment/app demands kubernetes.io/os=linux and kubernetes.io/os=windows, which no "
        "node meets"
    )


def test_the_fix_says_what_the_images_support() -> None:
    assert seen("nodeSelector: {beta.kubernetes.io/arch: s390x}", MULTI).fix == (
        "require kubernetes.io/arch=amd64 or arm64 instead and set nodeSelector: "
        "{kubernetes.io/os: linux}, or use an image that meets it"
    )
    pinned = "nodeSelector: {kubernetes.io/arch: s390x, kubernetes.io/os: linux}"
    assert seen(pinned, MULTI).fix == (
        "require kubernetes.io/arch=amd64 or arm64 instead, or use an image that meets it"
    )


@pytest.mark.parametrize(
    ("spec", "fix"),
    [
        (
            "nodeSelector: {kubernetes.io/os: windows, node.kubernetes.io/windows-build: 10.0.1}",
            "require kubernetes.io/os=linux instead and drop node.kubernetes.io/windows-build",
        ),
        (
            "nodeSelector: {node.kubernetes.io/windows-build: 10.0.1}",
            "drop node.kubernetes.io/windows-build and set nodeSelector: {kubernetes.io/os: linux}",
        ),
    ],
)
def test_a_windows_build_is_none_of_linux(spec: str, fix: str) -> None:
    assert seen(spec, MULTI).fix == f"{fix}, or use an image that meets it"


def test_the_fix_is_all_there_is_to_do() -> None:
    mainframe = image("linux/s390x")
    known = cluster(LINUX, WINDOWS_2022)

    assert seen("nodeSelector: {kubernetes.io/os: windows}", mainframe, clusters=(known,)).fix == (
        "require kubernetes.io/os=linux instead, and use an image that is built for linux/amd64, "
        "or add nodes for linux/s390x and set nodeSelector: {kubernetes.io/arch: s390x}"
    )


def test_a_runtime_class_demands_as_well() -> None:
    classes = [RuntimeClass("windows-2022", {"kubernetes.io/os": "windows"})]
    known = cluster(LINUX, WINDOWS_2022, classes=classes, all_classes_known=True)
    observation = seen("runtimeClassName: windows-2022", AMD64, clusters=(known,))

    assert observation.message == (
        "Deployment/app demands kubernetes.io/os=windows (RuntimeClass windows-2022), "
        "but its image is Linux-only"
    )
    assert observation.fix == (
        "remove it from RuntimeClass windows-2022, or use an image that meets it"
    )
    line = observation.workload.document.text.splitlines()[observation.location.line - 1]
    assert line.strip() == "runtimeClassName: windows-2022"


def test_what_is_wrong_twice_is_told_once() -> None:
    both = {"kubernetes.io/os": "windows", "kubernetes.io/arch": "arm64"}
    known = cluster(LINUX, WINDOWS_2022, classes=[RuntimeClass("win", both)])
    by_class = seen("runtimeClassName: win", AMD64, clusters=(known,))
    assert by_class.fix == "remove it from RuntimeClass win, or use an image that meets it"

    twice = "nodeSelector: {kubernetes.io/os: windows, beta.kubernetes.io/os: windows}"
    assert seen(twice, MULTI).fix == (
        "require kubernetes.io/os=linux instead, or use an image that meets it"
    )


def test_only_what_is_about_platforms_is_at_fault() -> None:
    windows = AFFINITY.replace("kubernetes.io/arch", "kubernetes.io/os").replace("s390x", "windows")
    contradiction = seen(f"nodeSelector: {{disk: ssd, kubernetes.io/os: linux}}{windows}", MULTI)
    assert "disk" not in contradiction.message

    equal = "nodeSelector: {kubernetes.io/os: windows}" + ONLY_WINDOWS
    assert seen(equal, MULTI).message.startswith("Deployment/app demands kubernetes.io/os=windows,")

    both = image("linux/amd64", "windows(10.0.20348.1)/amd64")
    assert seen("nodeSelector: {kubernetes.io/arch: s390x}", both).fix.startswith(
        "require kubernetes.io/arch=amd64 instead"
    )


ONLY_WINDOWS = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]
"""


def test_a_namespace_demands_as_well() -> None:
    known = cluster(
        LINUX,
        WINDOWS_2022,
        plugins=frozenset({"PodNodeSelector"}),
        namespace_selectors={"default": {"kubernetes.io/os": "windows"}},
    )
    observation = seen("", AMD64, clusters=(known,))
    assert observation.message == (
        "Deployment/app demands kubernetes.io/os=windows (its namespace), "
        "but its image is Linux-only"
    )
    assert observation.fix == "remove it from its namespace, or use an image that meets it"


def test_the_line_is_that_of_the_demand() -> None:
    observation = seen("nodeSelector:\n  disk: ssd\n  kubernetes.io/os: windows", AMD64)
    line = observation.workload.document.text.splitlines()[observation.location.line - 1]

    assert line.strip() == "kubernetes.io/os: windows"


def test_the_pools_are_those_where_it_lands_else_all() -> None:
    windows = "nodeSelector: {kubernetes.io/os: windows}"
    both = cluster(LINUX, WINDOWS_2022)

    assert seen(windows, AMD64, clusters=(both,)).pools == (f"test/{WINDOWS_2022.name}",)
    assert seen(windows, AMD64, clusters=(cluster(LINUX),)).pools == (f"test/{LINUX.name}",)


def test_it_never_runs() -> None:
    observation = seen("nodeSelector: {kubernetes.io/os: windows}", AMD64)
    assert observation.consequence is Consequence.CERTAIN

    found = assessed("nodeSelector: {kubernetes.io/os: windows}", AMD64, kind="Job")
    made = replace(found.workload, hooks=("pre-install",))
    (blocking,) = CONFLICTING_SELECTOR.observe(reassessed(made, [AMD64], [HYBRID]), {})
    assert blocking.consequence is Consequence.BLOCKS


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "nodeSelector: {kubernetes.io/os: linux}",
        "nodeSelector: {kubernetes.io/os: Linux}",
        "nodeSelector: {kubernetes.io/arch: amd64, example.com/pool: x}",
    ],
)
def test_what_is_no_conflict(spec: str) -> None:
    assert list(CONFLICTING_SELECTOR.observe(assessed(spec, AMD64), {})) == []


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            "nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: s390x}",
            "the DaemonSet controller creates no pod, or the pod fails on every node",
        ),
        (
            "nodeSelector: {kubernetes.io/os: linux}\n" + AFFINITY.rpartition("        -")[0],
            "must both hold, so the DaemonSet controller creates no pod",
        ),
    ],
)
def test_a_daemon_set_that_selects_no_node_has_no_pending_pod(spec: str, why: str) -> None:
    (found,) = CONFLICTING_SELECTOR.observe(assessed(spec, AMD64, kind="DaemonSet"), {})
    assert why in found.why
    assert "Pending" not in found.why
