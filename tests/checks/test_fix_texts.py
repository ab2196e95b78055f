"""What to do for a workload without a home."""

import pytest

from auditor.checks.wording import ways_to_place
from auditor.images.images import Platforms
from auditor.scheduling.nodes import NodePool
from tests.support.assessments import ARM, LINUX, UNKNOWN, WINDOWS_2022, assessed, image
from tests.support.objects import cluster, pool

MULTI = image("linux/amd64", "linux/arm64")
IIS = image("windows(10.0.20348.1)/amd64")
AMD64 = image("linux/amd64")
BOTH = image("linux/amd64", "windows(10.0.20348.1)/amd64")
TAINTED = pool(
    "linux/amd64", taints=["dedicated=db:NoSchedule"], resources=frozenset({"nvidia.com/gpu"})
)
WITHOUT = pool("linux/arm64", resources=frozenset())
GPU = "initContainers: [{name: a, image: a, resources: {limits: {nvidia.com/gpu: 1}}}]"


@pytest.mark.parametrize(
    ("spec", "platforms", "pools", "advice"),
    [
        (
            "",
            IIS,
            (LINUX, ARM),
            (
                "use an image that is built for linux/amd64 or linux/arm64, "
                "or add nodes for Windows 10.0.20348"
            ),
        ),
        (
            "nodeSelector: {kubernetes.io/os: windows}",
            IIS,
            (LINUX,),
            "add nodes for Windows 10.0.20348",
        ),
        (
            "",
            MULTI,
            (TAINTED,),
            (
                "allow it on linux/amd64, which can run it (taint dedicated=db:NoSchedule is not "
                "tolerated), or add nodes that accept it"
            ),
        ),
        (
            "",
            UNKNOWN,
            (TAINTED,),
            (
                "allow it on linux/amd64, which can run it (taint dedicated=db:NoSchedule is not "
                "tolerated), or add nodes that accept it"
            ),
        ),
        (
            "nodeSelector: {kubernetes.io/os: linux}",
            BOTH,
            (TAINTED, WINDOWS_2022),
            (
                "allow it on linux/amd64, which can run it (taint dedicated=db:NoSchedule is not "
                "tolerated), or add nodes that accept it"
            ),
        ),
        (
            "nodeSelector: {disk: ssd}",
            MULTI,
            (TAINTED, LINUX),
            (
                "allow it on linux/amd64, which can run it (nodeSelector disk=ssd: the nodes lack "
                "the label), or add nodes that accept it"
            ),
        ),
        (
            "nodeSelector: {disk: ssd}",
            MULTI,
            (TAINTED,),
            (
                "allow it on linux/amd64, which can run it (nodeSelector disk=ssd: the nodes lack "
                "the label; taint dedicated=db:NoSchedule is not tolerated), or add nodes that "
                "accept it"
            ),
        ),
        (
            GPU,
            MULTI,
            (WITHOUT,),
            "add nodes for linux/amd64 or linux/arm64 that offer nvidia.com/gpu",
        ),
        (
            GPU,
            MULTI,
            (WITHOUT, TAINTED),
            (
                "allow it on linux/amd64, which can run it (taint dedicated=db:NoSchedule is not "
                "tolerated), or add nodes that accept it"
            ),
        ),
        ("os: {name: linux}", BOTH, (WINDOWS_2022,), "add nodes for linux/amd64"),
        ("os: {name: linux}", AMD64, (WINDOWS_2022,), "add nodes for linux/amd64"),
    ],
    ids=[
        "another image",
        "other nodes",
        "a taint",
        "unknown",
        "the pools of that reason",
        "the fewest reasons",
        "all of the reasons",
        "a resource that nobody offers",
        "a resource that others offer",
        "not what it declares",
        "nor an image",
    ],
)
def test_the_ways_out(
    spec: str, platforms: Platforms, pools: tuple[NodePool, ...], advice: str
) -> None:
    found = assessed(spec, platforms, clusters=[cluster(*pools)])

    assert ways_to_place(found, found.fits) == advice


@pytest.mark.parametrize(
    ("spec", "platforms", "pools", "ending"),
    [
        ("", IIS, (LINUX,), "for linux/amd64, or add nodes for Windows 10.0.20348 and set it"),
        ("", MULTI, (TAINTED,), "or add nodes that accept it; either way set it"),
    ],
)
def test_a_guard_is_for_the_image_as_it_is(
    spec: str, platforms: Platforms, pools: tuple[NodePool, ...], ending: str
) -> None:
    found = assessed(spec, platforms, clusters=[cluster(*pools)])

    assert ways_to_place(found, found.fits, "set it").endswith(ending)
