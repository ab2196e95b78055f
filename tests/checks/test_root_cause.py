"""One cause for each workload and cluster, so that one rule speaks."""

import pytest

from auditor.checks.root_cause import (
    Cause,
    Family,
    all_families,
    common_families,
    declared_systems,
    fits_by_cause,
    platform_demands,
    root_cause,
    selected_families,
    unmeetable,
)
from auditor.images.images import Platforms
from auditor.scheduling.nodes import RuntimeClass
from tests.support.assessments import (
    ARM,
    HYBRID,
    LINUX,
    UNKNOWN,
    WINDOWS_2022,
    WINDOWS_2025,
    assessed,
    image,
)
from tests.support.objects import cluster, pool, workload

LINUX_AMD64 = ("linux", "amd64")
LINUX_ARM64 = ("linux", "arm64")
WINDOWS_AMD64 = ("windows", "amd64")

LINUX_IMAGE = image("linux/amd64", "linux/arm64")
AMD64 = image("linux/amd64")
IIS = image("windows(10.0.20348.1)/amd64")
BOTH = image("linux/amd64", "windows(10.0.20348.1)/amd64")

WANTS_LINUX = "nodeSelector: {kubernetes.io/os: linux}"
WANTS_WINDOWS = "nodeSelector: {kubernetes.io/os: windows}"
CONTRADICTION = """
nodeSelector: {kubernetes.io/os: linux}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]
"""


EMPTY_TERM = """
nodeSelector: {kubernetes.io/os: linux}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms: [{}]
"""


TWO_TERMS = "[{}, {matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]"


def term(*expressions: str) -> str:
    return EMPTY_TERM.replace("nodeSelector: {kubernetes.io/os: linux}", "").replace(
        "[{}]", f"[{{matchExpressions: [{', '.join(expressions)}]}}]"
    )


def causes(*images: Platforms, spec: str = "", labels: dict[str, str] | None = None) -> Cause:
    found = assessed(spec, *images, labels=labels)
    ((profile, fits),) = found.by_cluster
    return root_cause(found, profile, fits)


@pytest.mark.parametrize(
    ("images", "spec", "expected"),
    [
        ((LINUX_IMAGE,), "", Cause.MISSING_GUARD),
        ((LINUX_IMAGE, AMD64), "", Cause.MISSING_GUARD),
        ((LINUX_IMAGE, UNKNOWN), "", Cause.MISSING_GUARD),
        ((UNKNOWN,), "", Cause.MISSING_GUARD),
        ((image("linux/s390x"),), "", Cause.MISSING_GUARD),
        ((image(),), "", Cause.EMPTY),
        ((image(), UNKNOWN), WANTS_WINDOWS, Cause.EMPTY),
        ((LINUX_IMAGE, IIS), "", Cause.MIXED),
        ((LINUX_IMAGE, IIS), WANTS_LINUX, Cause.MIXED),
        ((LINUX_IMAGE, IIS, UNKNOWN), "", Cause.MIXED),
        ((AMD64, image("linux/arm64")), "", Cause.MIXED),
        ((IIS, image("windows(10.0.17763.1)/amd64")), "", Cause.MIXED),
        ((LINUX_IMAGE,), WANTS_WINDOWS, Cause.CONFLICT),
        ((LINUX_IMAGE, UNKNOWN), WANTS_WINDOWS, Cause.CONFLICT),
        ((AMD64,), "nodeSelector: {kubernetes.io/arch: arm64}", Cause.CONFLICT),
        ((BOTH,), CONTRADICTION, Cause.CONFLICT),
        ((UNKNOWN,), CONTRADICTION, Cause.CONFLICT),
        ((UNKNOWN,), "nodeSelector: {kubernetes.io/arch: ppc64le}", Cause.MISSING_GUARD),
        ((LINUX_IMAGE,), "nodeSelector: {kubernetes.io/os: Linux}", Cause.MISSING_GUARD),
        ((LINUX_IMAGE,), "nodeSelector: {example.com/pool: x}", Cause.MISSING_GUARD),
        ((LINUX_IMAGE,), EMPTY_TERM, Cause.MISSING_GUARD),
        ((LINUX_IMAGE,), EMPTY_TERM.replace("[{}]", TWO_TERMS), Cause.CONFLICT),
        ((LINUX_IMAGE,), "os: {name: windows}", Cause.DECLARATION),
        ((BOTH,), f"os: {{name: windows}}\n{WANTS_LINUX}", Cause.DECLARATION),
        ((UNKNOWN,), f"os: {{name: windows}}\n{WANTS_LINUX}", Cause.DECLARATION),
        ((LINUX_IMAGE,), f"os: {{name: windows}}\n{WANTS_WINDOWS}", Cause.CONFLICT),
        ((BOTH,), "os: {name: windows}", Cause.MISSING_GUARD),
        ((LINUX_IMAGE,), "os: {name: linux}", Cause.MISSING_GUARD),
    ],
)
def test_the_cause(images: tuple[Platforms, ...], spec: str, expected: Cause) -> None:
    assert causes(*images, spec=spec) is expected


def test_one_system_that_is_declared_is_enough() -> None:
    found = assessed("os: {name: linux}", BOTH, clusters=[cluster(WINDOWS_2022)])
    ((profile, fits),) = found.by_cluster

    assert root_cause(found, profile, fits) is Cause.MISSING_GUARD


def test_a_label_of_the_pod_declares_as_well() -> None:
    assert causes(AMD64, labels={"kubernetes.io/os": "windows"}) is Cause.DECLARATION
    assert causes(AMD64, labels={"kubernetes.io/os": "linux"}) is Cause.MISSING_GUARD
    assert causes(BOTH, spec="os: {name: linux}", labels={"kubernetes.io/os": "windows"}) is (
        Cause.DECLARATION
    )


def test_a_pool_that_runs_it_settles_the_question() -> None:
    """386 on an old containerd: by their platforms the images have nothing in common."""
    old = cluster(pool("linux/amd64", runtime="containerd://1.7.20"))
    found = assessed("", AMD64, image("linux/386"), clusters=[old])
    ((profile, fits),) = found.by_cluster

    assert root_cause(found, profile, fits) is Cause.MISSING_GUARD


def test_each_cluster_has_its_own_cause() -> None:
    """A RuntimeClass of the same name selects Windows in one cluster alone."""
    plain = RuntimeClass("fast")
    windows = RuntimeClass("fast", {"kubernetes.io/os": "windows"})
    first = cluster(LINUX, WINDOWS_2022, classes=[plain], all_classes_known=True)
    second = cluster(LINUX, WINDOWS_2022, classes=[windows], all_classes_known=True)
    found = assessed("runtimeClassName: fast", AMD64, clusters=[first, second])

    conflicting = fits_by_cause(found, Cause.CONFLICT)
    assert [fit.cluster for fit in conflicting] == [second, second]
    assert [fit.cluster for fit in fits_by_cause(found, Cause.MISSING_GUARD)] == [first, first]


def test_common_families() -> None:
    assert common_families(assessed("", LINUX_IMAGE, AMD64)) == {LINUX_AMD64}
    assert common_families(assessed("", LINUX_IMAGE, IIS)) == frozenset()
    assert common_families(assessed("", IIS, BOTH, clusters=[])) == {WINDOWS_AMD64}
    assert common_families(assessed("", UNKNOWN, clusters=[])) == frozenset()


def test_windows_images_share_a_host_if_one_runs_both() -> None:
    newer = image("windows(10.0.26100.1)/amd64")
    older = image("windows(10.0.17763.1)/amd64")
    unstated = image("windows/amd64")

    assert common_families(assessed("", IIS, newer)) == {WINDOWS_AMD64}
    assert common_families(assessed("", IIS, newer, clusters=[])) == {WINDOWS_AMD64}
    assert common_families(assessed("", IIS, older)) == frozenset()
    with_linux = image("linux/amd64", "windows(10.0.17763.1)/amd64")
    assert common_families(assessed("", BOTH, with_linux, clusters=[])) == {LINUX_AMD64}
    assert common_families(assessed("", BOTH, with_linux, UNKNOWN, clusters=[])) == {LINUX_AMD64}
    assert common_families(assessed("", older, unstated)) == {WINDOWS_AMD64}


def test_all_families_are_those_that_anybody_names() -> None:
    found = assessed("", image("linux/mips64le"), clusters=[cluster(pool("linux/loong64"))])

    assert {("linux", "mips64le"), ("linux", "loong64"), WINDOWS_AMD64} <= all_families(found)
    assert ("linux", "x86_64") not in all_families(found)


def test_selected_families() -> None:
    families = {LINUX_AMD64, LINUX_ARM64, WINDOWS_AMD64}

    def selected(spec: str) -> frozenset[Family]:
        return selected_families(workload(spec).scheduling, families)

    assert selected("") == families
    assert selected(WANTS_LINUX) == {LINUX_AMD64, LINUX_ARM64}
    assert selected("nodeSelector: {beta.kubernetes.io/arch: arm64}") == {LINUX_ARM64}
    assert selected("nodeSelector: {example.com/pool: x}") == families
    assert selected("nodeSelector: {node.kubernetes.io/windows-build: 10.0.1}") == {WINDOWS_AMD64}
    assert selected(term("{key: node.kubernetes.io/windows-build, operator: Exists}")) == {
        WINDOWS_AMD64
    }
    arm64 = "{key: kubernetes.io/arch, operator: In, values: [arm64]}"
    assert selected(term(arm64)) == {LINUX_ARM64}
    windows = "{key: kubernetes.io/os, operator: In, values: [windows]}"
    assert selected(term(windows, arm64)) == frozenset()
    assert selected(CONTRADICTION) == frozenset()
    assert selected(EMPTY_TERM) == frozenset()


def test_a_pin_to_a_node_may_be_any_family() -> None:
    spec = """
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
            - matchFields: [{key: metadata.name, operator: In, values: [node-1]}]
    """
    assert selected_families(workload(spec).scheduling, {LINUX_AMD64}) == {LINUX_AMD64}


def test_demands_on_the_platform() -> None:
    scheduling = workload(
        "nodeSelector: {disk: ssd, kubernetes.io/arch: amd64}"
        + term("{key: zone, operator: Exists}", "{key: beta.kubernetes.io/os, operator: Exists}")
    ).scheduling

    assert [demand.key for demand in platform_demands(scheduling)] == [
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
    ]


def test_unmeetable_demands() -> None:
    found = assessed("nodeSelector: {kubernetes.io/os: Linux, kubernetes.io/arch: amd64}", AMD64)
    demands = unmeetable(found, found.workload.scheduling)

    assert [str(demand) for demand in demands] == ["kubernetes.io/os=Linux"]


def test_declared_systems() -> None:
    found = assessed("os: {name: linux}", AMD64, labels={"kubernetes.io/os": "windows"})

    assert declared_systems(found.workload) == {"linux", "windows"}
    assert declared_systems(assessed("", AMD64).workload) == set()


def test_what_is_only_referenced_does_not_count() -> None:
    from auditor.kubernetes.workloads import Role

    found = assessed("", LINUX_IMAGE, IIS, role=Role.REFERENCED)
    ((profile, fits),) = found.by_cluster

    assert root_cause(found, profile, fits) is Cause.MISSING_GUARD
    assert common_families(found) == {LINUX_AMD64, LINUX_ARM64}
    assert all(len(fit.results) == 1 for fit in found.fits)
    assert [use.container.name for use in found.referenced] == ["c1"]


def test_clusters_with_the_same_name_are_two() -> None:
    found = assessed("", AMD64, clusters=[cluster(LINUX), cluster(ARM, WINDOWS_2025), HYBRID])

    assert [len(fits) for _, fits in found.by_cluster] == [1, 2, 4]
