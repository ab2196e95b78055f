"""Pods that nothing but a taint keeps off."""

import pytest

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Consequence, Observation
from auditor.checks.taints import TAINT_DEPENDENCE
from tests.support.assessments import HYBRID, LINUX, WINDOWS_2022, assessed, image
from tests.support.objects import cluster, pool

MULTI = image("linux/amd64", "linux/arm64")
AMD64 = image("linux/amd64")
TAINTED_WINDOWS = pool("windows(10.0.20348)/amd64", taints=["os=windows:NoSchedule"])
TAINTED_ARM = pool("linux/arm64", taints=["arch=arm64:NoExecute"])
GKE = cluster(LINUX, TAINTED_ARM, TAINTED_WINDOWS)


def dependent(found: Assessment) -> list[Observation]:
    return list(TAINT_DEPENDENCE.observe(found, {}))


def test_nothing_but_a_taint() -> None:
    (seen,) = dependent(assessed("", AMD64, clusters=[GKE]))

    assert seen.message == (
        "Deployment/app is kept off linux/arm64 and windows(10.0.20348)/amd64 only by a taint"
    )
    assert seen.fix == (
        "set nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: amd64}, "
        "which works in every cluster"
    )
    assert [subject.container for subject in seen.subjects] == ["c0"]
    assert seen.consequence is Consequence.NONE


def test_the_containers_at_fault_are_named() -> None:
    both = image("linux/amd64", "windows(10.0.20348.1)/amd64")
    known = cluster(LINUX, TAINTED_WINDOWS)
    (seen,) = dependent(assessed("", both, MULTI, AMD64, clusters=[known]))

    assert [subject.container for subject in seen.subjects] == ["c1", "c2"]


def test_where_no_label_tells_the_nodes_apart_nothing_is_advised() -> None:
    """containerd 1.6.0 takes no Windows row without a version, and newer ones do."""
    old = pool("windows(10.0.20348)/amd64", runtime="containerd://1.6.0", taints=["old:NoSchedule"])
    found = assessed("", image("windows/amd64"), clusters=[cluster(old, WINDOWS_2022)])

    assert [seen.fix for seen in dependent(found)] == [""]


def test_one_guard_for_all() -> None:
    """The guard against the untainted Windows nodes keeps it off the tainted ones as well."""
    both = cluster(LINUX, WINDOWS_2022, TAINTED_WINDOWS)

    assert dependent(assessed("", MULTI, clusters=[both])) == []


def test_what_the_other_guard_lets_in_is_still_said() -> None:
    both = cluster(LINUX, WINDOWS_2022, TAINTED_ARM)
    (seen,) = dependent(assessed("", AMD64, clusters=[both]))

    assert seen.pools == (f"test/{TAINTED_ARM.name}",)


@pytest.mark.parametrize(
    ("spec", "clusters"),
    [
        ("", HYBRID),
        ("nodeSelector: {kubernetes.io/os: linux}", cluster(LINUX, TAINTED_WINDOWS)),
        ("", cluster(TAINTED_WINDOWS)),
        ("", cluster(LINUX, pool("linux/amd64", taints=["dedicated=db:NoSchedule"]))),
    ],
    ids=["no taints", "a selector", "no home", "it would run there"],
)
def test_what_does_not_depend_on_taints(spec: str, clusters: object) -> None:
    assert dependent(assessed(spec, MULTI, clusters=[clusters])) == []  # type: ignore[list-item]
