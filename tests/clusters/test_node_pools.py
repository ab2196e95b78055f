"""Nodes that Karpenter may create, from NodePool objects."""

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.clusters.kubectl import read_objects
from auditor.clusters.profiles import load_cluster
from auditor.errors import ConfigurationError
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.scheduling.nodes import ClusterProfile, NodePool, Taint
from auditor.scheduling.placement import Verdict, place
from tests.support.command import podfit, write_lock
from tests.support.objects import workload

ARCH, OS = "kubernetes.io/arch", "kubernetes.io/os"


def requirement(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


LINUX = requirement(OS, "In", "linux")
BOTH = requirement(ARCH, "In", "amd64", "arm64")


def node_pool(*requirements: dict[str, Any], **spec: Any) -> dict[str, Any]:
    template = spec.pop("template", {})
    metadata = spec.pop("metadata", {})
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
    inner = {"requirements": list(requirements), "nodeClassRef": reference, **template}
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": "default"},
        "spec": {"template": {"metadata": metadata, "spec": inner}, **spec},
    }


def node_class(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": "default"},
        "spec": spec,
    }


def node(name: str, architecture: str) -> dict[str, Any]:
    labels = {OS: "linux", ARCH: architecture, "karpenter.sh/nodepool": "default"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}}


def cluster(*objects: dict[str, Any]) -> ClusterProfile:
    documents = [item for value in objects for item in read_documents(json.dumps(value))]
    return read_objects([item for item in documents if isinstance(item, Node)], "test")


def platforms(*objects: dict[str, Any]) -> dict[str, str]:
    return {pool.name: str(pool.platform) for pool in cluster(*objects).pools}


def test_the_nodes_that_a_pool_may_add_to_those_there_are() -> None:
    assert platforms(node("a", "amd64"), node_pool(LINUX, BOTH)) == {
        "default": "linux/amd64",
        "default-arm64": "linux/arm64",
    }


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        ([LINUX, BOTH], ["linux/amd64", "linux/arm64"]),
        ([LINUX], ["linux/amd64", "linux/arm64"]),
        ([LINUX, requirement(ARCH, "NotIn", "arm64")], ["linux/amd64"]),
        ([LINUX, requirement(ARCH, "Exists")], ["linux/amd64", "linux/arm64"]),
        ([LINUX, BOTH, requirement(ARCH, "In", "arm64", "s390x")], ["linux/arm64"]),
        ([LINUX, requirement("beta.kubernetes.io/arch", "In", "arm64")], ["linux/arm64"]),
        ([requirement(OS, "In", "windows")], ["windows/amd64"]),
        ([requirement(OS, "NotIn", "windows"), BOTH], ["linux/amd64", "linux/arm64"]),
        (
            [
                requirement(OS, "In", "windows"),
                requirement("node.kubernetes.io/windows-build", "In", "10.0.20348"),
            ],
            ["windows(10.0.20348)/amd64"],
        ),
    ],
)
def test_the_platforms_of_requirements(
    requirements: list[dict[str, Any]], expected: list[str]
) -> None:
    assert list(platforms(node_pool(*requirements)).values()) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"amiSelectorTerms": [{"alias": "al2023@latest"}]}, ["linux/amd64", "linux/arm64"]),
        ({"amiSelectorTerms": [{"alias": "windows2022@latest"}]}, ["windows(10.0.20348)/amd64"]),
        ({"amiFamily": "Windows2019"}, ["windows(10.0.17763)/amd64"]),
        ({"amiFamily": "Windows2025"}, ["windows(10.0.26100)/amd64"]),
        ({"amiFamily": "Bottlerocket"}, ["linux/amd64", "linux/arm64"]),
    ],
)
def test_the_node_class_decides_the_operating_system(
    spec: dict[str, Any], expected: list[str]
) -> None:
    assert list(platforms(node_pool(), node_class(**spec)).values()) == expected


def pool(*requirements: dict[str, Any], **spec: Any) -> NodePool:
    (found,) = cluster(node_pool(*requirements, requirement(ARCH, "In", "amd64"), **spec)).pools
    return found


def test_labels_and_taints() -> None:
    found = pool(
        LINUX,
        requirement("team", "In", "web"),
        requirement("zone", "In", "a", "b"),
        metadata={"labels": {"tier": "front"}},
        template={
            "taints": [{"key": "dedicated", "value": "web", "effect": "NoSchedule"}],
            "startupTaints": [{"key": "cilium", "effect": "NoExecute"}],
        },
    )

    assert found.taints == (Taint("dedicated", "web", "NoSchedule"),)
    assert {key: found.labels[key] for key in ("team", "tier", "karpenter.sh/nodepool")} == {
        "team": "web",
        "tier": "front",
        "karpenter.sh/nodepool": "default",
    }
    assert {"zone", "node.kubernetes.io/instance-type"} <= found.varying
    assert "team" not in found.varying


@pytest.mark.parametrize(
    ("selector", "verdict"),
    [
        ("team: web", Verdict.ADMITTED),
        ("team: data", Verdict.REFUSED),
        ("unknown: label", Verdict.REFUSED),
        ("topology.kubernetes.io/zone: eu-1a", Verdict.UNDECIDED),
    ],
)
def test_placement_on_a_potential_node(selector: str, verdict: Verdict) -> None:
    profile = cluster(node_pool(LINUX, BOTH, requirement("team", "In", "web")))

    found = workload(f"nodeSelector: {{{selector}}}")
    assert {place(found, item, profile).verdict for item in profile.pools} == {verdict}


@pytest.mark.parametrize(
    "spec", [{"limits": {"cpu": 0}}, {"limits": {"cpu": "0"}}, {"replicas": 0}]
)
def test_a_pool_that_creates_no_nodes(spec: dict[str, Any]) -> None:
    assert platforms(node("a", "amd64"), node_pool(LINUX, BOTH, **spec)) == {
        "default": "linux/amd64"
    }


def test_a_node_pool_of_another_group() -> None:
    other = {**node_pool(LINUX, BOTH), "apiVersion": "cloud.google.com/v1"}

    assert platforms(node("a", "amd64"), other) == {"default": "linux/amd64"}


def test_a_cluster_file_without_nodes(tmp_path: Path) -> None:
    path = tmp_path / "pools.yaml"
    path.write_text(json.dumps(node_pool(LINUX, requirement(ARCH, "In", "s390x"))))

    with pytest.raises(ConfigurationError, match="no NodePool that creates nodes, only NodePool"):
        load_cluster(str(path))


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: a, image: "a/b:1"}]}
"""


def test_a_node_pool_in_the_audited_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lock(tmp_path, {"docker.io/a/b:1": ("linux/amd64",)})
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "pool.yaml").write_text(json.dumps(node_pool(BOTH)))
    (tmp_path / "cluster.yaml").write_text("pools: [{name: main, platform: linux/amd64}]\n")

    done = podfit(
        *("audit", "pod.yaml", "pool.yaml", "--locked", "--cluster", "cluster.yaml", "-o", "json")
    )

    assert done.code == 1
    (finding,) = done.json["findings"]
    assert (finding["rule"], finding["pools"]) == (
        "missing-arch-selector",
        ["cluster/default-arm64"],
    )
    (notice,) = done.json["notices"]
    assert notice == (
        "cluster cluster is audited with the nodes that the audited NodePool objects may add: "
        "default-amd64 (linux/amd64) and default-arm64 (linux/arm64); NodePool/default: podfit did "
        "not find its node class default and assumed Linux"
    )


def test_a_node_pool_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lock(tmp_path, {"docker.io/a/b:1": ("linux/amd64",)})
    (tmp_path / "pod.yaml").write_text(POD)
    (tmp_path / "pool.yaml").write_text(json.dumps(node_pool(requirement(ARCH, "Near", "amd64"))))

    done = podfit("audit", "pod.yaml", "pool.yaml", "--locked", "--cluster", "linux")

    assert "NodePool/default: `Near` is not an operator of a requirement" in done.out
    assert "pool.yaml:1:" in done.out
