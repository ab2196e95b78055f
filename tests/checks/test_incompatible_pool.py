"""Pods that may land where they cannot run: what is said, and what is proposed."""

import pytest
from msgspec.structs import replace

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Consequence, Observation
from auditor.checks.platforms import INCOMPATIBLE_POOL
from auditor.kubernetes.workloads import Role, Workload
from tests.support.assessments import (
    ARM,
    LINUX,
    UNKNOWN,
    WINDOWS_2022,
    WINDOWS_2025,
    assessed,
    image,
    reassessed,
    with_images,
)
from tests.support.objects import cluster, pool, workload

MULTI = image("linux/amd64", "linux/arm64")
AMD64 = image("linux/amd64")
IIS = image("windows(10.0.20348.1)/amd64")


NOT_LINUX = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [linux]}]
"""


def seen(found: Assessment, mismatch: str = "os") -> list[Observation]:
    return list(INCOMPATIBLE_POOL.observe(found, {"mismatch": mismatch}))


def only(found: Assessment, mismatch: str = "os") -> Observation:
    (observation,) = seen(found, mismatch)
    return observation


def hook(made: Workload, *hooks: str) -> Assessment:
    return reassessed(with_images(replace(made, hooks=hooks), 1), [MULTI], [cluster(WINDOWS_2022)])


def test_the_container_at_fault_is_named() -> None:
    several = only(assessed("", image("linux/amd64", "windows(10.0.20348.1)/amd64"), MULTI, MULTI))
    assert several.message.endswith("but 2 of its 3 images are Linux-only")
    assert [subject.container for subject in several.subjects] == ["c1", "c2"]

    assert only(assessed("", MULTI, MULTI)).message.endswith("but its images are Linux-only")
    one = only(assessed("", UNKNOWN, MULTI, role=Role.SIDECAR))
    assert one.message.endswith("but the image of sidecar `c1` is Linux-only")
    volume = only(assessed("", UNKNOWN, MULTI, role=Role.IMAGE_VOLUME))
    assert volume.message.endswith("but the image of image volume `c1` is Linux-only")


@pytest.mark.parametrize(
    "spec",
    [
        "nodeSelector: {kubernetes.io/os: windows}",
        (
            "nodeSelector: {beta.kubernetes.io/os: windows, "
            "node.kubernetes.io/windows-build: 10.0.20348, kubernetes.io/arch: amd64}"
        ),
        "os: {name: windows}\nnodeSelector: {kubernetes.io/os: windows}",
        NOT_LINUX,
    ],
)
@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet"])
def test_a_pod_keeps_the_operating_system_that_it_is_for(spec: str, kind: str) -> None:
    both = image("linux/amd64", "windows(10.0.26100.1)/amd64")
    known = cluster(LINUX, ARM, WINDOWS_2022)

    found = reassessed(with_images(workload(spec, kind=kind), 1), [both], [known])
    observation = only(found, "windows-build")

    fix = "use an image that is built for Windows 10.0.20348, or add nodes for Windows 10.0.26100"
    assert observation.fix.startswith(fix)
    assert "linux" not in observation.fix
    if kind == "DaemonSet":
        assert observation.guard.requirements == ()


def test_a_pod_keeps_its_architecture() -> None:
    spec = "nodeSelector: {kubernetes.io/arch: arm64}"
    found = assessed(spec, image("linux/amd64"), clusters=[cluster(LINUX, ARM)])

    assert seen(found, "architecture") == []


def test_a_wrong_windows_build_is_corrected() -> None:
    spec = "nodeSelector: {kubernetes.io/os: windows, node.kubernetes.io/windows-build: 10.0.20348}"
    newer = pool("windows(10.0.26100)/amd64")
    one = image("windows(10.0.26100.1)/amd64")

    fix = only(assessed(spec, one, clusters=[cluster(WINDOWS_2022, newer)]), "windows-build").fix
    assert fix == "change node.kubernetes.io/windows-build from 10.0.20348 to 10.0.26100"


def test_the_widest_gap_decides() -> None:
    both = image("linux/amd64", "windows(10.0.20348.1)/amd64")
    found = assessed("", both, IIS, clusters=[cluster(ARM, WINDOWS_2022)])

    assert seen(found, "architecture") == []
    assert only(found, "os").pools == (f"test/{ARM.name}",)


def test_of_a_wrong_build_only_the_builds_are_told() -> None:
    both = image("linux/amd64", "windows(10.0.26100.1)/amd64")
    found = assessed("", both, clusters=[cluster(LINUX, WINDOWS_2022)])

    message = only(found, "windows-build").message
    assert message.endswith("but its image is built for Windows 10.0.26100")


def test_a_build_is_named_once() -> None:
    twice = cluster(WINDOWS_2022, replace(WINDOWS_2022, name="more"))

    found = assessed("", image("windows(10.0.26100.1)/amd64"), clusters=[twice])
    assert "can land on Windows nodes of build 10.0.20348, but" in (
        only(found, "windows-build").message
    )


def test_the_files_of_a_volume_need_not_run() -> None:
    model = image("linux/amd64", kind="manifest")
    pinned = "nodeSelector: {kubernetes.io/os: linux}"

    assert seen(assessed(pinned, MULTI, model, role=Role.IMAGE_VOLUME), "architecture") == []
    assert len(seen(assessed(pinned, MULTI, model), "architecture")) == 1


@pytest.mark.parametrize(
    ("platforms", "mismatch", "message"),
    [
        (("linux/amd64",), "architecture", "linux/arm64 nodes, but its image is built for "),
        (("linux/amd64/v3",), "architecture", "built for linux/amd64/v3 only"),
        (("darwin/arm64",), "os", "Linux and Windows nodes, but its image is macOS-only"),
        (
            ("windows(10.0.26100.1)/amd64",),
            "windows-build",
            "Windows nodes of build 10.0.20348, but its image is built for Windows 10.0.26100",
        ),
    ],
)
def test_what_the_image_lacks(platforms: tuple[str, ...], mismatch: str, message: str) -> None:
    assert message in only(assessed("", image(*platforms)), mismatch).message


def test_features_that_linux_nodes_lack_are_no_windows_build() -> None:
    newest = pool("linux/amd64", runtime="containerd://2.3.0")
    found = assessed("", image("linux(+gpu)/amd64"), clusters=[cluster(newest)])

    assert only(found, "windows-build").message == (
        "Deployment/app can land on linux/amd64 nodes, but its image is built for linux/amd64"
    )


def test_clusters_are_named_where_there_are_several() -> None:
    first = replace(cluster(LINUX, WINDOWS_2022), name="first")
    second = replace(cluster(LINUX, WINDOWS_2025), name="second")
    observation = only(assessed("", MULTI, clusters=[first, second]))

    assert f"on first/{WINDOWS_2022.name} the pull fails" in observation.why
    assert observation.pools == (f"first/{WINDOWS_2022.name}", f"second/{WINDOWS_2025.name}")


def test_a_cluster_with_another_cause_is_left_to_another_rule() -> None:
    spec = "nodeSelector: {agentpool: win}"
    right = cluster(LINUX, pool("windows(10.0.20348)/amd64", labels={"agentpool": "win"}))
    found = assessed(spec, MULTI, IIS, clusters=[right])

    assert seen(found) == []


@pytest.mark.parametrize(
    ("spec", "clusters", "fix"),
    [
        ("", cluster(LINUX, WINDOWS_2022), "set nodeSelector: {kubernetes.io/os: linux}"),
        (
            "nodeName: win-1",
            cluster(LINUX, pool("windows(10.0.20348)/amd64", nodes=("win-1",))),
            "remove spec.nodeName, which bypasses the scheduler, and select nodes by label",
        ),
        (
            "",
            cluster(ARM, WINDOWS_2022),
            "set nodeSelector: {kubernetes.io/os: linux}",
        ),
        (
            "",
            cluster(WINDOWS_2022),
            (
                "use an image that is built for Windows 10.0.20348, or add nodes for linux/amd64 "
                "or linux/arm64 and set nodeSelector: {kubernetes.io/os: linux}"
            ),
        ),
        (
            "",
            cluster(pool("linux/amd64", taints=["dedicated=db:NoSchedule"]), WINDOWS_2022),
            (
                "allow it on linux/amd64, which can run it (taint dedicated=db:NoSchedule is not "
                "tolerated), or add nodes that accept it; either way set nodeSelector: "
                "{kubernetes.io/os: linux}"
            ),
        ),
    ],
)
def test_the_fix(spec: str, clusters: object, fix: str) -> None:
    assert only(assessed(spec, MULTI, clusters=[clusters])).fix == fix  # type: ignore[list-item]


def test_a_wrong_demand_is_changed() -> None:
    spec = "nodeSelector: {node.kubernetes.io/windows-build: 10.0.20348}"
    found = assessed(spec, image("windows(10.0.26100.1)/amd64"))

    assert only(found, "windows-build").fix == (
        "change node.kubernetes.io/windows-build from 10.0.20348 to 10.0.26100"
    )


def test_a_guard_for_several_architectures_is_affinity() -> None:
    found = assessed("", MULTI, clusters=[cluster(LINUX, ARM, pool("linux/s390x"))])

    assert only(found, "architecture").fix == (
        "set required node affinity: kubernetes.io/arch In [amd64, arm64]"
    )


def test_a_kind_without_a_selector_takes_affinity() -> None:
    found = assessed("", MULTI)
    kafka = replace(found.workload, selector_path="")

    assert only(reassessed(kafka, [MULTI], [cluster(LINUX, WINDOWS_2022)])).fix == (
        "set required node affinity: kubernetes.io/os=linux"
    )


def test_a_custom_resource_has_its_selector_somewhere() -> None:
    found = assessed("", MULTI)
    ref = replace(found.workload.ref, api_version="ray.io/v1")
    path = "spec.headGroupSpec.template.spec.nodeSelector"
    head = replace(found.workload, ref=ref, selector_path=path)

    assert only(reassessed(head, [MULTI], [cluster(LINUX, WINDOWS_2022)])).fix == (
        f"set {path}: {{kubernetes.io/os: linux}}"
    )


def test_a_daemon_set_without_a_home_only_needs_its_guard() -> None:
    """Then it has no pods, which is no failure."""
    found = assessed("", MULTI, clusters=[cluster(WINDOWS_2022)], kind="DaemonSet")

    assert only(found).fix == "set nodeSelector: {kubernetes.io/os: linux}"


def test_nothing_tells_the_nodes_apart() -> None:
    old = pool("windows(10.0.20348)/amd64", runtime="containerd://1.6.0")
    found = assessed("", image("windows/amd64"), clusters=[cluster(old, WINDOWS_2022)])

    assert only(found, "windows-build").fix == (
        "no label distinguishes these nodes: taint them, or build the image for them too"
    )


@pytest.mark.parametrize(
    ("kind", "expected", "aftermath"),
    [
        ("Deployment", Consequence.POSSIBLE, "the pod never moves to another node by itself"),
        ("DaemonSet", Consequence.CERTAIN, "the rollout never completes"),
        ("Job", Consequence.POSSIBLE, "the Job never completes"),
        ("CronJob", Consequence.POSSIBLE, "the Job never completes"),
    ],
)
def test_the_consequence(kind: str, expected: Consequence, aftermath: str) -> None:
    if kind == "CronJob":
        found = assessed("", MULTI, kind="Job")
        made = replace(found.workload, ref=replace(found.workload.ref, kind="CronJob"))
        found = reassessed(made, [MULTI], [cluster(LINUX, WINDOWS_2022)])
    else:
        found = assessed("", MULTI, kind=kind)
    observation = only(found)

    assert observation.consequence is expected
    assert observation.why.endswith(aftermath)


def test_it_fails_for_certain_where_there_is_no_home() -> None:
    assert only(assessed("", MULTI, clusters=[cluster(WINDOWS_2022)])).consequence is (
        Consequence.CERTAIN
    )


@pytest.mark.parametrize(
    ("hooks", "action"),
    [
        (("pre-install",), "install"),
        (("post-install", "post-upgrade"), "install or upgrade"),
        (("pre-install", "post-install"), "install"),
        (("pre-delete",), "uninstall"),
        (("odd",), "release"),
    ],
)
def test_a_hook_blocks_what_waits_for_it(hooks: tuple[str, ...], action: str) -> None:
    observation = only(hook(workload(kind="Job"), *hooks))

    assert observation.consequence is Consequence.BLOCKS
    assert observation.message.startswith(f"Job/app ({hooks[0]} hook) can land on Windows nodes")
    assert observation.why.endswith(f"so the {action} hangs until its timeout")


def test_helm_does_not_wait_for_a_deployment() -> None:
    assert only(hook(workload(), "pre-install")).consequence is Consequence.CERTAIN


def test_a_helm_test_blocks_nothing() -> None:
    observation = only(hook(workload(kind="Pod"), "test"))

    assert observation.message.startswith("Pod/app (Helm test) can land on")
    assert observation.why.endswith("`helm test` fails when it lands there")
    assert observation.consequence is not Consequence.BLOCKS


def test_the_kubelet_may_be_the_first_to_refuse() -> None:
    found = assessed("os: {name: linux}", MULTI, clusters=[cluster(LINUX, WINDOWS_2022)])
    observation = only(found)

    assert "the kubelet rejects the pod with “PodOSNotSupported”" in observation.why
    assert observation.why.endswith("its controller creates another, which may land there again")
