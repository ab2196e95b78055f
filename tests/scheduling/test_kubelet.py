"""Why a kubelet fails a pod that was bound to its node (scheduling.md section 4.5)."""

import pytest

from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.kubelet import is_static, kubelet_refusal
from auditor.scheduling.nodes import NodePool, RuntimeClass
from tests.support.objects import cluster, manifest, pool, workload

LINUX = pool(labels={"zone": "z1"}, nodes=("lin-a",))
WINDOWS = pool("windows(10.0.20348)/amd64", taints=["os=windows:NoExecute", "a=b:NoSchedule"])


def reason(pod: Workload, node: NodePool) -> str:
    refusal = kubelet_refusal(pod, node, cluster(node))
    return refusal.reason if refusal else ""


def labelled(system: str) -> Workload:
    (found,) = find_workloads(
        manifest(f"""
            apiVersion: apps/v1
            kind: Deployment
            metadata: {{labels: {{kubernetes.io/os: of-the-object}}}}
            spec:
              template:
                metadata: {{labels: {{kubernetes.io/os: {system}}}}}
                spec: {{containers: [{{name: a, image: a}}]}}
            """)
    )
    return found


def test_a_plain_pod_is_taken() -> None:
    assert reason(workload(), LINUX) == reason(workload(), WINDOWS) == ""


def test_the_pods_label_is_compared_with_the_system() -> None:
    assert reason(labelled("windows"), LINUX) == "PodOSSelectorNodeLabelDoesNotMatch"
    assert reason(labelled("linux"), LINUX) == ""
    assert reason(labelled("linux"), WINDOWS) == "PodOSSelectorNodeLabelDoesNotMatch"


def test_spec_os_is_compared_with_the_system() -> None:
    pod = workload("os: {name: windows}")
    refusal = kubelet_refusal(pod, LINUX, cluster(LINUX))

    assert refusal is not None
    assert refusal.reason == "PodOSNotSupported"
    assert refusal.message == "spec.os.name is windows, but the node runs linux"
    assert refusal.place == pod.scheduling.place("os") != (0, 0)
    assert reason(pod, WINDOWS) == ""


def bound(spec: str = "") -> Workload:
    return workload(f"nodeName: lin-a\n{spec}", kind="Pod")


AFFINITY = """
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions: [{key: zone, operator: In, values: [VALUE]}]
"""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", ""),
        ("nodeSelector: {zone: z1}", ""),
        ("nodeSelector: {kubernetes.io/hostname: lin-a}", ""),
        ("nodeSelector: {kubernetes.io/hostname: lin-b}", "NodeAffinity"),
        ("nodeSelector: {zone: z2}", "NodeAffinity"),
        ("nodeSelector: {zone: z1, disk: ssd}", "NodeAffinity"),
        (AFFINITY.replace("VALUE", "z1"), ""),
        (AFFINITY.replace("VALUE", "z2"), "NodeAffinity"),
    ],
)
def test_a_bound_pod_still_needs_its_selector(spec: str, expected: str) -> None:
    assert reason(bound(spec), LINUX) == expected


def test_a_demand_that_nobody_can_tell_refuses_nothing() -> None:
    somewhere = pool(open_labels=True)

    assert reason(bound("nodeSelector: {zone: z2}"), somewhere) == ""
    assert reason(bound(AFFINITY), somewhere) == ""


def test_a_pod_that_the_scheduler_placed_was_checked_there() -> None:
    assert reason(workload("nodeSelector: {zone: z2}"), LINUX) == ""
    assert reason(workload(), WINDOWS) == ""


def test_only_no_execute_taints_keep_a_bound_pod_off() -> None:
    refusal = kubelet_refusal(bound(), WINDOWS, cluster(WINDOWS))

    assert refusal is not None
    assert refusal.reason == "TaintToleration"
    assert refusal.message == "taint os=windows:NoExecute is not tolerated"
    assert reason(bound("tolerations: [{key: os, operator: Exists}]"), WINDOWS) == ""


def test_a_runtime_class_is_merged_before() -> None:
    windows = RuntimeClass("w", {"kubernetes.io/os": "windows"})
    refusal = kubelet_refusal(
        bound("runtimeClassName: w"), LINUX, cluster(LINUX, classes=[windows])
    )

    assert refusal is not None
    assert refusal.message == "nodeSelector kubernetes.io/os=windows does not hold"


def static(annotation: str) -> Workload:
    (found,) = find_workloads(
        manifest(f"""
            apiVersion: v1
            kind: Pod
            metadata: {{annotations: {{{annotation}}}}}
            spec: {{nodeName: lin-a, containers: [{{name: a, image: a}}]}}
            """)
    )
    return found


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("kubernetes.io/config.source: file", True),
        ("kubernetes.io/config.source: http", True),
        ("kubernetes.io/config.source: api", False),
        ("kubernetes.io/config.mirror: abc", True),
        ("other: file", False),
    ],
)
def test_static_pods(annotation: str, expected: bool) -> None:
    assert is_static(static(annotation)) is expected


def test_a_static_pod_ignores_taints_but_not_its_selector() -> None:
    assert reason(static("kubernetes.io/config.source: file"), WINDOWS) == ""
    assert reason(static("kubernetes.io/config.source: api"), WINDOWS) == "TaintToleration"
