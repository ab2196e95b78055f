"""A toleration that taints on the foreign nodes cannot stop."""

import pytest

from auditor.checks.assessment import Assessment
from auditor.checks.taints import BROAD_TOLERATION
from tests.support.assessments import LINUX, assessed, image
from tests.support.objects import cluster, pool

MULTI = image("linux/amd64", "linux/arm64")
AMD64 = image("linux/amd64")
GKE = cluster(
    LINUX,
    pool("linux/arm64", taints=["arch=arm64:NoExecute"]),
    pool("windows(10.0.20348)/amd64", taints=["os=windows:NoSchedule"]),
)


def broad(found: Assessment) -> list[str]:
    return [seen.message for seen in BROAD_TOLERATION.observe(found, {})]


def test_a_toleration_of_every_taint() -> None:
    assert broad(assessed("tolerations: [{operator: Exists}]", MULTI)) == [
        (
            "Deployment/app tolerates every taint, so tainting windows(10.0.20348)/amd64 and "
            "windows(10.0.26100)/amd64 would not keep it off"
        )
    ]


def test_taints_that_are_there_are_named() -> None:
    spec = "tolerations: [{operator: Exists}]"
    assert broad(assessed(spec, AMD64, clusters=[GKE])) == [
        (
            "Deployment/app tolerates every taint, which defeats arch=arm64:NoExecute and "
            "os=windows:NoSchedule"
        )
    ]
    spec = "tolerations: [{operator: Exists, effect: NoSchedule}]"
    assert broad(assessed(spec, AMD64, clusters=[GKE])) == [
        "Deployment/app tolerates every NoSchedule taint, which defeats os=windows:NoSchedule"
    ]


def test_only_taints_that_would_keep_it_off_are_named_and_each_once() -> None:
    taints = ["os=windows:NoSchedule", "slow:PreferNoSchedule", "old:NoExecute"]
    windows = "windows(10.0.20348)/amd64"
    known = cluster(LINUX, pool(windows, taints=taints), pool(windows, taints=taints[:1]))

    assert broad(assessed("tolerations: [{operator: Exists}]", MULTI, clusters=[known])) == [
        (
            "Deployment/app tolerates every taint, which defeats os=windows:NoSchedule and "
            "old:NoExecute"
        )
    ]
    spec = "tolerations: [{operator: Exists, effect: NoSchedule}, {key: old, operator: Exists}]"
    assert broad(assessed(spec, MULTI, clusters=[known])) == [
        "Deployment/app tolerates every NoSchedule taint, which defeats os=windows:NoSchedule"
    ]


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "tolerations: [{operator: Exists, effect: NoExecute}]",
        "tolerations: [{key: os, operator: Exists}]",
        "tolerations: [{operator: Exists}]\nnodeSelector: {kubernetes.io/os: linux}",
        "tolerations: [{operator: Exists}]\nnodeSelector: {kubernetes.io/os: windows}",
        "tolerations: [{operator: Exists}]\nnodeName: win-1",
    ],
)
def test_what_defeats_nothing(spec: str) -> None:
    named = pool("windows(10.0.20348)/amd64", nodes=("win-1",))

    assert broad(assessed(spec, MULTI, clusters=[cluster(LINUX, named)])) == []
