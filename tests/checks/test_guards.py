"""The shortest guard: refuses what cannot run, keeps a home, contradicts nothing."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Guard
from auditor.checks.guards import admits, shortest_guard
from auditor.checks.platforms import INCOMPATIBLE_POOL
from auditor.checks.root_cause import Cause, could_run, fits_by_cause
from auditor.images.images import KnownPlatforms
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.compatibility import Runnable
from auditor.scheduling.nodes import ClusterProfile, NodePool
from auditor.scheduling.placement import Verdict
from tests.support.assessments import (
    ARM,
    LINUX,
    MAINFRAME,
    UNKNOWN,
    WINDOWS_2019,
    WINDOWS_2022,
    WINDOWS_2025,
    assessed,
    image,
    reassessed,
    with_images,
)
from tests.support.objects import cluster, pool, workload

MULTI = image("linux/amd64", "linux/arm64")
BUILD = "node.kubernetes.io/windows-build"


def guard(found: Assessment) -> list[str]:
    return [str(item) for item in shortest_guard(found, found.failing).requirements]


@pytest.mark.parametrize(
    ("platforms", "expected"),
    [
        (("linux/amd64", "linux/arm64"), ["kubernetes.io/os=linux"]),
        (("linux/amd64",), ["kubernetes.io/os=linux", "kubernetes.io/arch=amd64"]),
        (("linux/arm64",), ["kubernetes.io/arch=arm64"]),
        (("windows(10.0.20348.1)/amd64",), ["kubernetes.io/os=windows"]),
        (("windows(10.0.26100.1)/amd64",), [f"{BUILD}=10.0.26100"]),
        (
            ("linux/amd64", "linux/arm64", "windows(10.0.26100.1)/amd64"),
            [f"{BUILD} NotIn [10.0.20348]"],
        ),
    ],
)
def test_the_fewest_requirements(platforms: tuple[str, ...], expected: list[str]) -> None:
    assert guard(assessed("", image(*platforms))) == expected


def test_a_guard_is_written_as_a_selector_or_as_affinity() -> None:
    found = assessed("", image("linux/amd64", "linux/arm64", "windows(10.0.26100.1)/amd64"))
    written = shortest_guard(found, found.failing)

    assert written.node_selector == {}
    assert [str(item) for item in written.affinity] == [f"{BUILD} NotIn [10.0.20348]"]
    assert shortest_guard(assessed("", MULTI), assessed("", MULTI).failing).affinity == ()


def test_several_architectures_are_affinity() -> None:
    three = cluster(LINUX, ARM, MAINFRAME)
    found = assessed("", MULTI, clusters=[three])
    written = shortest_guard(found, found.failing)

    assert written.node_selector == {}
    assert [str(item) for item in written.affinity] == ["kubernetes.io/arch In [amd64, arm64]"]


def test_a_guard_agrees_with_the_selector_that_is_there() -> None:
    """Linux could run it too, but the selector keeps it off: the guard need not leave it in."""
    both = image("linux/amd64", "windows(10.0.26100.1)/amd64")
    found = assessed("nodeSelector: {kubernetes.io/os: windows}", both)

    assert guard(found) == [f"{BUILD}=10.0.26100"]


def test_without_a_good_pool_it_demands_what_the_images_support() -> None:
    assert guard(assessed("", image("linux/s390x"))) == ["kubernetes.io/arch=s390x"]
    old = assessed(
        "nodeSelector: {kubernetes.io/os: windows}", image("windows(10.0.17763.1)/amd64")
    )
    assert guard(old) == [f"{BUILD}=10.0.17763"]


def test_a_good_pool_counts_though_a_taint_keeps_the_pod_off_it() -> None:
    tainted = pool("linux/amd64", taints=["dedicated=db:NoSchedule"])
    found = assessed("", image("linux/amd64", "linux/s390x"), clusters=[cluster(tainted, ARM)])

    assert guard(found) == ["kubernetes.io/arch=amd64"]


def test_an_unknown_image_leaves_its_pools_in() -> None:
    assert guard(assessed("", MULTI, UNKNOWN)) == ["kubernetes.io/os=linux"]


def test_no_label_tells_the_nodes_apart() -> None:
    old = pool("windows(10.0.20348)/amd64", runtime="containerd://1.6.0")
    found = assessed("", image("windows/amd64"), clusters=[cluster(old, WINDOWS_2022)])

    assert [fit.runnable for fit in found.fits] == [Runnable.NO, Runnable.UNKNOWN]
    assert guard(found) == []


def test_node_name_goes_past_every_guard() -> None:
    named = pool("windows(10.0.20348)/amd64", nodes=("win-1",))
    found = assessed("nodeName: win-1", MULTI, clusters=[cluster(LINUX, named)])

    assert [fit.name for fit in found.failing] == [named.name]
    assert guard(found) == []


def test_as_many_pools_are_kept_as_can_be() -> None:
    """Selecting the build would do for the first pool, and drop Linux."""
    both = image("linux/amd64", "windows(10.0.26100.1)/amd64")
    found = assessed("", both, clusters=[cluster(WINDOWS_2025, LINUX, WINDOWS_2022)])

    assert guard(found) == [f"{BUILD} NotIn [10.0.20348]"]


def test_the_first_pool_is_kept_where_not_all_can_be() -> None:
    both = image("linux/arm64", "windows(10.0.20348.1)/amd64")
    neither = pool("windows(10.0.20348)/arm64")

    def told(*pools: NodePool) -> list[str]:
        return guard(assessed("", both, clusters=[cluster(*pools, neither)]))

    assert told(ARM, WINDOWS_2022) == ["kubernetes.io/os=linux"]
    assert told(WINDOWS_2022, ARM) == ["kubernetes.io/arch=amd64"]


def test_every_cluster_keeps_a_home() -> None:
    """`os: linux` would keep three pools, and leave the second cluster without any."""
    rows = ("linux/amd64", "linux/arm64", "linux/s390x", "windows(10.0.26100.1)/amd64")
    first = cluster(LINUX, ARM, MAINFRAME, pool("windows(10.0.26100)/arm64"))
    second = cluster(WINDOWS_2025)
    found = assessed("", image(*rows), clusters=[first, second])

    assert guard(found) == ["kubernetes.io/arch=amd64"]


PLATFORMS = (
    "linux/amd64",
    "linux/arm64",
    "linux/s390x",
    "windows(10.0.17763.1)/amd64",
    "windows(10.0.20348.1)/amd64",
    "windows(10.0.26100.1)/amd64",
)
POOLS = (LINUX, ARM, MAINFRAME, WINDOWS_2019, WINDOWS_2022, WINDOWS_2025)

IMAGES = st.lists(st.sampled_from(PLATFORMS), min_size=1, max_size=5, unique=True).map(
    lambda rows: image(*rows)
)
CLUSTERS = st.lists(
    st.lists(st.sampled_from(POOLS), min_size=1, max_size=6, unique_by=lambda item: item.name).map(
        lambda pools: cluster(*pools)
    ),
    min_size=1,
    max_size=2,
)
ALTERNATIVES = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/arch, operator: NotIn, values: [arm64]}]
        - matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]
"""
SPECS = st.sampled_from(
    (
        "",
        "nodeSelector: {kubernetes.io/os: linux}",
        "nodeSelector: {kubernetes.io/os: windows}",
        "nodeSelector: {beta.kubernetes.io/arch: amd64}",
        "nodeSelector: {node.kubernetes.io/windows-build: 10.0.20348}",
        ALTERNATIVES,
    )
)
KINDS = st.sampled_from(("Deployment", "DaemonSet"))


def guarded(made: Workload, *guards: Guard) -> Workload:
    """The workload with the guards added to what it demands already."""
    added = tuple(item for each in guards for item in each.requirements)
    terms = made.scheduling.required_terms
    alternatives = (NodeSelectorTerm(),) if terms is None else terms
    narrowed = tuple(
        dataclasses.replace(term, expressions=(*term.expressions, *added)) for term in alternatives
    )
    scheduling: Scheduling = dataclasses.replace(made.scheduling, required_terms=narrowed)
    return replace(made, scheduling=scheduling) if added else made


def homes(found: Assessment) -> dict[int, int]:
    """How many pools of each cluster take the workload and run it."""
    counts = {id(profile): 0 for profile, _ in found.by_cluster}
    for fit in found.fits:
        if fit.placement.verdict is Verdict.ADMITTED and fit.runnable is Runnable.YES:
            counts[id(fit.cluster)] += 1
    return counts


@settings(max_examples=4 * settings().max_examples, deadline=None)
@given(SPECS, KINDS, st.lists(IMAGES, min_size=1, max_size=2), CLUSTERS)
def test_a_guard_refuses_the_bad_and_keeps_a_good(
    spec: str, kind: str, images: list[KnownPlatforms], clusters: list[ClusterProfile]
) -> None:
    made = with_images(workload(spec, kind=kind), len(images))
    before = reassessed(made, images, clusters)
    offending = before.failing
    proposed = shortest_guard(before, offending)

    after = reassessed(guarded(made, proposed), images, clusters)
    if any(homes(before).values()):
        assert offending == () or proposed.requirements
        assert any(homes(after).values())
    if proposed.requirements:
        lost = [
            fit.placement.verdict
            for fit, was in zip(after.fits, before.fits, strict=True)
            if was in offending
        ]
        assert set(lost) <= {Verdict.REFUSED}


@settings(max_examples=4 * settings().max_examples, deadline=None)
@given(SPECS, KINDS, st.lists(IMAGES, min_size=1, max_size=2), CLUSTERS)
def test_the_guards_against_all_gaps_hold_together(
    spec: str, kind: str, images: list[KnownPlatforms], clusters: list[ClusterProfile]
) -> None:
    made = with_images(workload(spec, kind=kind), len(images))
    before = reassessed(made, images, clusters)
    proposed = [
        seen.guard
        for mismatch in INCOMPATIBLE_POOL.parameters["mismatch"]
        for seen in INCOMPATIBLE_POOL.observe(before, {"mismatch": mismatch})
    ]

    after = reassessed(guarded(made, *proposed), images, clusters)
    mended = {id(fit.cluster) for fit in fits_by_cause(before, Cause.MISSING_GUARD)}
    if not any(map(could_run, before.fits)):
        return
    assert [fit.name for fit in after.failing if id(fit.cluster) in mended] == []
    assert any(homes(after).values())


def test_a_guard_without_requirements_lets_everything_in() -> None:
    assert all(admits(Guard(), fit) for fit in assessed("", MULTI).fits)
