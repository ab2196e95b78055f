"""Pools that a selector leaves unused."""

from auditor.checks.platforms import EXCLUDED_POOL
from auditor.images.images import Platforms
from auditor.scheduling.nodes import NodePool
from tests.support.assessments import ARM, HYBRID, LINUX, MAINFRAME, UNKNOWN, assessed, image
from tests.support.objects import cluster, pool

MULTI = image("linux/amd64", "linux/arm64")


def excluded(spec: str, platforms: Platforms, *pools: NodePool) -> list[str]:
    found = assessed(spec, platforms, clusters=[cluster(*pools)] if pools else [HYBRID])
    return [seen.message for seen in EXCLUDED_POOL.observe(found, {})]


def test_pools_that_could_run_it() -> None:
    assert excluded("nodeSelector: {kubernetes.io/arch: amd64}", MULTI) == [
        "Deployment/app could run on linux/arm64, but its selector keeps it off"
    ]


def test_pools_that_are_rightly_left_out() -> None:
    tainted = pool("linux/arm64", taints=["arch=arm64:NoSchedule"])

    assert excluded("nodeSelector: {kubernetes.io/os: linux}", MULTI) == []
    assert excluded("nodeSelector: {kubernetes.io/arch: amd64}", MULTI, LINUX, tainted) == []
    assert excluded("nodeSelector: {kubernetes.io/arch: s390x}", MULTI, LINUX, MAINFRAME) == []
    assert excluded("nodeSelector: {kubernetes.io/arch: arm64}", UNKNOWN, LINUX, ARM) == []
