"""What kubectl prints, as a cluster."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from auditor.clusters.kubectl import POOL_LABELS, read_objects
from auditor.clusters.profiles import load_cluster
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import read_documents
from auditor.images.platforms import Platform
from auditor.scheduling.nodes import ClusterProfile, NodePool, Runtime, Taint
from auditor.scheduling.placement import Verdict, place
from tests.support.objects import workload

LINUX = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
LINUX_INFO = {
    "operatingSystem": "linux",
    "architecture": "amd64",
    "kernelVersion": "6.8.0-1030-azure",
    "osImage": "Ubuntu 22.04.5 LTS",
    "containerRuntimeVersion": "containerd://1.7.27-1",
}
WINDOWS_INFO = {
    "operatingSystem": "windows",
    "architecture": "amd64",
    "kernelVersion": "10.0.20348.3807",
    "osImage": "Windows Server 2022 Datacenter",
    "containerRuntimeVersion": "containerd://1.7.20+azure",
}


def node(name: str, info: dict[str, str] | None = None, **rest: Any) -> dict[str, Any]:
    labels = {**LINUX, "kubernetes.io/hostname": name, **rest.pop("labels", {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": rest,
        "status": {"nodeInfo": LINUX_INFO if info is None else info},
    }


def read(*objects: dict[str, Any]) -> ClusterProfile:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    documents = [item for item in read_documents(text) if isinstance(item, Node)]
    return read_objects(documents, "cluster")


def names(*objects: dict[str, Any]) -> list[str]:
    return [pool.name for pool in read(*objects).pools]


def windows(name: str, build: str = "20348", **labels: str) -> dict[str, Any]:
    info = {**WINDOWS_INFO, "kernelVersion": f"10.0.{build}.1"}
    own = {
        "kubernetes.io/os": "windows",
        "node.kubernetes.io/windows-build": f"10.0.{build}",
        **labels,
    }
    return node(name, info, labels=own)


PRINTED = """
    apiVersion: v1
    items:
    - apiVersion: v1
      kind: Node
      metadata:
        annotations: {csi.volume.kubernetes.io/nodeid: '{"disk.csi.azure.com":"aks-1"}'}
        creationTimestamp: "2026-01-01T00:00:00Z"
        labels:
          agentpool: system
          beta.kubernetes.io/arch: amd64
          beta.kubernetes.io/os: linux
          kubernetes.azure.com/mode: system
          kubernetes.io/arch: amd64
          kubernetes.io/hostname: aks-system-1
          kubernetes.io/os: linux
          topology.kubernetes.io/zone: westeurope-1
        name: aks-system-1
      spec:
        podCIDR: 10.244.0.0/24
        taints:
        - {effect: NoSchedule, key: CriticalAddonsOnly, value: "true"}
      status:
        images: [{names: [mcr.microsoft.com/x@sha256:aa], sizeBytes: 1}]
        nodeInfo:
          architecture: amd64
          containerRuntimeVersion: containerd://1.7.27-1
          kernelVersion: 5.15.0-1089-azure
          operatingSystem: linux
          osImage: Ubuntu 22.04.5 LTS
    - apiVersion: v1
      kind: Node
      metadata:
        labels:
          agentpool: system
          kubernetes.azure.com/mode: system
          kubernetes.io/arch: amd64
          kubernetes.io/hostname: aks-system-2
          kubernetes.io/os: linux
          topology.kubernetes.io/zone: westeurope-2
        name: aks-system-2
      spec:
        taints:
        - {effect: NoSchedule, key: CriticalAddonsOnly, value: "true"}
        - {effect: NoExecute, key: node.kubernetes.io/not-ready, timeAdded: "2026-01-01T00:00:00Z"}
      status:
        nodeInfo:
          architecture: amd64
          containerRuntimeVersion: containerd://1.7.27-1
          kernelVersion: 5.15.0-1089-azure
          operatingSystem: linux
    - apiVersion: v1
      kind: Node
      metadata:
        labels:
          agentpool: win
          kubernetes.io/arch: amd64
          kubernetes.io/hostname: akswin000000
          kubernetes.io/os: windows
          node.kubernetes.io/windows-build: 10.0.20348
        name: akswin000000
      status:
        nodeInfo:
          architecture: amd64
          containerRuntimeVersion: containerd://1.7.20+azure
          kernelVersion: 10.0.20348.3807
          operatingSystem: windows
          osImage: Windows Server 2022 Datacenter
    kind: List
    metadata: {resourceVersion: ""}
"""


def test_nodes_that_are_alike_become_one_pool(tmp_path: Path) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text(textwrap.dedent(PRINTED), encoding="utf-8")

    cluster = load_cluster(str(path))
    assert cluster.name == "nodes"
    system, win = cluster.pools
    assert system == NodePool(
        name="system",
        platform=Platform("linux", "amd64"),
        labels={
            "agentpool": "system",
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.azure.com/mode": "system",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/os": "linux",
        },
        taints=(Taint("CriticalAddonsOnly", "true", "NoSchedule"),),
        runtime=Runtime("containerd", (1, 7, 27)),
        nodes=("aks-system-1", "aks-system-2"),
        node_labels={
            "aks-system-1": {
                "kubernetes.io/hostname": "aks-system-1",
                "topology.kubernetes.io/zone": "westeurope-1",
            },
            "aks-system-2": {
                "kubernetes.io/hostname": "aks-system-2",
                "topology.kubernetes.io/zone": "westeurope-2",
            },
        },
    )
    assert win.name == "win"
    assert str(win.platform) == "windows(10.0.20348)/amd64"
    assert win.labels["node.kubernetes.io/windows-build"] == "10.0.20348"
    assert not win.open_labels


def test_the_labels_of_single_nodes_decide(tmp_path: Path) -> None:
    path = tmp_path / "nodes.yaml"
    path.write_text(textwrap.dedent(PRINTED), encoding="utf-8")
    cluster = load_cluster(str(path))
    tolerant = "tolerations: [{operator: Exists}]\n"

    def verdict(selector: str) -> Verdict:
        pod = workload(f"{tolerant}nodeSelector: {{{selector}}}")
        return place(pod, cluster.pools[0], cluster).verdict

    assert verdict("topology.kubernetes.io/zone: westeurope-2") is Verdict.ADMITTED
    assert verdict("topology.kubernetes.io/zone: westeurope-3") is Verdict.REFUSED
    assert verdict("kubernetes.io/hostname: aks-system-2") is Verdict.ADMITTED
    assert verdict("kubernetes.io/hostname: akswin000000") is Verdict.REFUSED
    assert verdict("team: shop") is Verdict.REFUSED


def test_json_is_read_as_well() -> None:
    (pool,) = read(node("a"), node("b")).pools

    assert (pool.name, pool.nodes) == ("linux-amd64", ("a", "b"))


def test_what_tells_nodes_apart() -> None:
    arm = {**LINUX_INFO, "architecture": "arm64"}
    newer = {**LINUX_INFO, "containerRuntimeVersion": "containerd://2.1.6"}
    taint = {"key": "gpu", "value": "a", "effect": "NoSchedule"}

    assert names(node("a"), node("b", arm, labels={"kubernetes.io/arch": "arm64"})) == [
        "linux-amd64",
        "linux-arm64",
    ]
    assert names(node("a"), node("b", newer)) == ["linux-amd64", "linux-amd64-2"]
    assert names(node("a"), node("b", taints=[taint]), node("c")) == [
        "linux-amd64",
        "linux-amd64-2",
    ]
    assert names(node("a"), node("b", unschedulable=True)) == ["linux-amd64", "linux-amd64-2"]
    assert names(node("a"), node("b", labels={"disk": "ssd"})) == ["linux-amd64"]


def test_the_order_of_taints_tells_nothing_apart() -> None:
    one, two = ({"key": key, "effect": "NoExecute"} for key in "ab")

    (pool,) = read(node("a", taints=[one, two]), node("b", taints=[two, one])).pools
    assert pool.taints == (Taint("a", "", "NoExecute"), Taint("b", "", "NoExecute"))


@pytest.mark.parametrize("label", POOL_LABELS)
def test_a_pool_is_called_what_the_cloud_calls_it(label: str) -> None:
    assert names(node("a", labels={label: "blue"}), node("b", labels={label: "green"})) == [
        "blue",
        "green",
    ]


def test_one_name_for_different_nodes_is_told_apart_by_platform_then_by_number() -> None:
    arm = {**LINUX_INFO, "architecture": "arm64"}
    label = {"karpenter.sh/nodepool": "default"}
    old = {**LINUX_INFO, "containerRuntimeVersion": "containerd://1.7.1"}

    assert names(
        node("a", labels=label),
        node("b", arm, labels={**label, "kubernetes.io/arch": "arm64"}),
        node("c", old, labels=label),
        node("d", labels={"agentpool": "other"}),
    ) == ["default-linux-amd64", "default-linux-arm64", "default-linux-amd64-2", "other"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"node-role.kubernetes.io/control-plane": ""}, "control-plane"),
        (
            {"node-role.kubernetes.io/control-plane": "", "node-role.kubernetes.io/master": ""},
            "control-plane",
        ),
        ({"node-role.kubernetes.io/infra": ""}, "infra"),
        ({"node-role.kubernetes.io/worker": ""}, "linux-amd64"),
        ({"node-role.kubernetes.io/infra": "", "node-role.kubernetes.io/gpu": ""}, "gpu-infra"),
        ({"agentpool": ""}, "linux-amd64"),
    ],
)
def test_else_by_its_role_or_platform(labels: dict[str, str], expected: str) -> None:
    assert names(node("a", labels=labels)) == [expected]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("17763", "windows-2019"),
        ("20348", "windows-2022"),
        ("25398", "windows-23h2"),
        ("26100", "windows-2025"),
        ("26200", "windows-26200"),
    ],
)
def test_windows_nodes_are_called_by_their_release(build: str, expected: str) -> None:
    assert names(windows("a", build)) == [expected]


def test_a_windows_build_from_the_label_alone() -> None:
    bare = windows("a")
    bare["status"] = {}

    (pool,) = read(bare).pools
    assert str(pool.platform) == "windows(10.0.20348)/amd64"
    assert pool.runtime is None


def test_a_windows_node_that_does_not_say_its_build() -> None:
    bare = node("a", labels={"kubernetes.io/os": "windows"})
    bare["status"] = {}

    (pool,) = read(bare).pools
    assert (pool.name, str(pool.platform)) == ("windows-amd64", "windows/amd64")


def test_nodes_patched_one_by_one_stay_together() -> None:
    patched = {**WINDOWS_INFO, "kernelVersion": "10.0.20348.9999"}
    labels = {"kubernetes.io/os": "windows", "node.kubernetes.io/windows-build": "10.0.20348"}

    (pool,) = read(node("a", WINDOWS_INFO, labels=labels), node("b", patched, labels=labels)).pools
    assert pool.nodes == ("a", "b")


def test_conditions_of_the_moment_are_left_out_and_a_cordon_is_kept() -> None:
    taints = [
        {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"},
        {"key": "ToBeDeletedByClusterAutoscaler", "value": "17", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
    ]

    (pool,) = read(node("a", taints=taints, unschedulable=True)).pools
    assert pool.taints == (Taint("node-role.kubernetes.io/control-plane", "", "NoSchedule"),)
    assert pool.unschedulable


def test_an_unknown_runtime_is_none() -> None:
    odd = {**LINUX_INFO, "containerRuntimeVersion": "containerd://Unknown"}

    assert read(node("a", odd)).pools[0].runtime is None


RUNTIME_CLASS = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "windows"},
    "handler": "runhcs-wcow-process",
    "scheduling": {"nodeSelector": {"kubernetes.io/os": "windows"}},
}


def test_runtime_classes_of_the_cluster_are_all_there_are() -> None:
    assert not read(node("a")).all_classes_known
    cluster = read(node("a"), RUNTIME_CLASS)

    assert cluster.all_classes_known
    assert cluster.runtime_classes["windows"].node_selector == {"kubernetes.io/os": "windows"}


def test_a_class_of_somebody_elses_group_is_none() -> None:
    foreign = {**RUNTIME_CLASS, "apiVersion": "example.com/v1", "spec": {"handler": 1}}

    assert read(node("a"), foreign).runtime_classes == {}


def namespace(name: str, **annotations: str) -> dict[str, Any]:
    keys = {key.replace("__", "/").replace("_", "-"): value for key, value in annotations.items()}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "annotations": keys},
    }


def test_openshift_is_known_by_its_nodes() -> None:
    projects = (
        namespace("shop", **{"openshift.io__node_selector": "team=shop, zone = z1"}),
        namespace("bare", **{"openshift.io__node_selector": ""}),
        namespace("plain"),
    )
    scheduler = {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Scheduler",
        "spec": {"defaultNodeSelector": "type=user"},
    }
    worker = node("a", labels={"node.openshift.io/os_id": "rhcos"})

    cluster = read(worker, *projects, scheduler)
    assert cluster.plugins == {"OriginPodNodeEnvironment"}
    assert cluster.namespace_selectors == {"shop": {"team": "shop", "zone": "z1"}, "bare": {}}
    assert cluster.default_selector == {"type": "user"}
    elsewhere = read(node("a"), *projects, scheduler)
    assert (elsewhere.plugins, elsewhere.namespace_selectors) == (frozenset(), {})
    assert read(worker, {**scheduler, "spec": {}}).default_selector == {}
    assert read(worker).default_selector == {}


def test_gke_is_known_by_its_nodes() -> None:
    gke = read(node("a", labels={"cloud.google.com/gke-nodepool": "default"}))

    assert gke.selector_tolerations == (
        ("kubernetes.io/arch", "arm64"),
        ("kubernetes.io/os", "windows"),
    )
    assert read(node("a")).selector_tolerations == ()


def test_several_documents_and_nested_lists() -> None:
    text = "\n---\n".join(
        json.dumps(item)
        for item in (
            {"apiVersion": "v1", "kind": "NodeList", "items": [node("a")]},
            {"apiVersion": "v1", "kind": "List", "items": [{"kind": "List", "items": [node("b")]}]},
            node("c"),
            {"apiVersion": "v1", "kind": "ConfigMapList", "items": []},
        )
    )
    documents = [item for item in read_documents(text) if isinstance(item, Node)]

    assert read_objects(documents, "x").pools[0].nodes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"kind": "Node"}, "a Node needs `metadata`"),
        ({"kind": "Node", "metadata": {}}, "a Node needs `name`"),
        (
            {"kind": "Node", "metadata": {"name": "a"}},
            "node `a` has no operating system and architecture in `status.nodeInfo`",
        ),
        ({**node("a"), "spec": {"taints": [{"key": "a"}]}}, "`` is not a taint effect"),
        ({**node("a"), "spec": {"taints": {}}}, "`taints`: expected a list"),
        ({**node("a"), "metadata": {"name": "a", "labels": {"a": 1}}}, "put it in quotes"),
        ({**RUNTIME_CLASS, "metadata": {}}, "a RuntimeClass needs `name`"),
        (
            {**RUNTIME_CLASS, "scheduling": {"nodeSelector": []}},
            "`nodeSelector`: expected a mapping",
        ),
        ({"kind": 1}, "`kind`: expected text"),
    ],
)
def test_what_no_cluster_has(item: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        read(node("good"), {"apiVersion": "v1", **item})

    assert message in caught.value.message


def test_two_nodes_of_one_name() -> None:
    with pytest.raises(ShapeError) as caught:
        read(node("a"), node("a"))

    assert caught.value.message == "duplicate node `a`"


def test_a_wrong_selector_of_a_project() -> None:
    worker = node("a", labels={"node.openshift.io/os_id": "rhcos"})
    for text in ("team", "=shop", "a=b=c"):
        with pytest.raises(ShapeError) as caught:
            read(worker, namespace("shop", **{"openshift.io__node_selector": text}))

        assert caught.value.message == (
            f"annotation openshift.io/node-selector: {text!r} is not key=value"
        )


@pytest.mark.parametrize("version", ["evil.x.y", "10.0.\u00b2", "10.0", "10.0." + "9" * 5000])
def test_a_version_that_is_none(version: str) -> None:
    (pool,) = read(node("node-1", {**WINDOWS_INFO, "kernelVersion": version})).pools

    assert (pool.name, pool.platform.os_version) == ("windows-amd64", "")


def test_what_the_nodes_of_a_pool_offer() -> None:
    def offered(*capacities: dict[str, str]) -> set[str] | None:
        nodes = [node(f"node-{index}") for index, _ in enumerate(capacities)]
        for item, capacity in zip(nodes, capacities, strict=True):
            item["status"] |= {"capacity": capacity} if capacity else {}
        (pool,) = read(*nodes).pools
        return None if pool.resources is None else set(pool.resources)

    gpu = {"cpu": "2", "nvidia.com/gpu": "0"}  # 0 as long as the device plug-in restarts
    assert offered(gpu) == {"cpu", "nvidia.com/gpu"}
    assert offered(gpu, {"pods": "110"}) == {"cpu", "nvidia.com/gpu", "pods"}
    assert offered(gpu, {}) is None
    assert offered({}, gpu) is None
