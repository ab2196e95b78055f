"""The placement vectors: pods, nodes and images with the outcome that unmodified Kubernetes and
containerd code gives (tests/data/vectors.yaml says how each was checked)."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.checks.assessment import PoolFit, assess
from auditor.images.images import ImageReference, KnownPlatforms
from auditor.images.platforms import Platform, make_platform
from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.pod_spec import Toleration
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.compatibility import Failure, Runnable
from auditor.scheduling.nodes import ClusterProfile, NodePool, RuntimeClass, Taint, parse_runtime
from auditor.scheduling.placement import Verdict

PHASES = {
    Failure.PULL: "ImagePullBackOff",
    Failure.CREATE: "CreateContainerError",
    Failure.EXEC_FORMAT: "CrashLoopExecFormat",
    Failure.KUBELET: "KubeletReject",
    Failure.PENDING: "Pending",
    None: "Running",
}
API_VERSIONS = {"Deployment": "apps/v1", "DaemonSet": "apps/v1", "Pod": "v1", "StaticPod": "v1"}


@cache
def vectors() -> dict[str, Any]:
    text = Path(__file__).parents[1].joinpath("data", "vectors.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return data


def platform(row: Mapping[str, Any]) -> Platform:
    return make_platform(
        row["os"],
        str(row["architecture"]),
        row.get("variant", ""),
        row.get("os.version", ""),
        tuple(row.get("os.features", ())),
    )


def image(name: str) -> KnownPlatforms:
    """What an inspector answers for one of the image fixtures."""
    fixture = vectors()["images"][name]
    if fixture["kind"] == "manifest":
        return KnownPlatforms((platform(fixture["config"]),), "manifest", "sha256:0")
    rows = [
        platform(entry.get("platform") or entry.get("config") or entry)
        for entry in fixture["entries"]
    ]
    return KnownPlatforms(tuple(row for row in rows if not row.is_attestation), "index", "sha256:0")


def pool(name: str) -> NodePool:
    node = vectors()["nodes"][name]
    runtime = node["runtime"]
    return NodePool(
        name=name,
        platform=platform(node["platform"]),
        labels=node["labels"],
        taints=tuple(
            Taint(t["key"], t.get("value", ""), t["effect"]) for t in node.get("taints", ())
        ),
        runtime=parse_runtime(f"{runtime['name']}://{runtime['version']}"),
        nodes=(node["name"],),
        unschedulable=node.get("unschedulable", False),
    )


def cluster(vector: Mapping[str, Any]) -> ClusterProfile:
    classes = {}
    for name, data in vectors()["runtimeClasses"].items():
        scheduling = data.get("scheduling", {})
        tolerations = tuple(Toleration(**item) for item in scheduling.get("tolerations", ()))
        classes[name] = RuntimeClass(name, scheduling.get("nodeSelector", {}), tolerations)
    annotations = vector.get("namespace", {}).get("annotations", {})
    selector = annotations.get("scheduler.alpha.kubernetes.io/node-selector", "")
    return ClusterProfile(
        name="vectors",
        pools=(pool(vector["node"]),),
        runtime_classes=classes,
        all_classes_known=True,
        plugins=frozenset(vector.get("plugins", ())),
        namespace_selectors={"default": dict(p.split("=") for p in selector.split(",") if p)},
        gates=frozenset(vector.get("features", ())),
    )


def workload(vector: Mapping[str, Any]) -> Workload:
    kind, spec = vector["kind"], vector["spec"]
    static = kind == "StaticPod"
    manifest = {
        "apiVersion": API_VERSIONS[kind],
        "kind": "Pod" if static else kind,
        "metadata": {
            "name": "vector",
            "annotations": {"kubernetes.io/config.source": "file"} if static else {},
        },
        "spec": spec if kind in ("Pod", "StaticPod") else {"template": {"spec": spec}},
    }
    document = Document("vector.json", json.dumps(manifest), "vector.json")
    (read,) = read_manifests(document)
    assert isinstance(read, Manifest)
    (found,) = find_workloads(read)
    return found


def fit(vector: Mapping[str, Any]) -> PoolFit:
    pod = workload(vector)
    answers = {
        item.image: (ImageReference("registry.test", item.image, "1"), image(item.image))
        for item in pod.containers
    }
    return assess(pod, answers, [cluster(vector)]).fits[0]


def phase(outcome: PoolFit) -> str:
    if outcome.placement.rejected:
        return "AdmissionReject"
    return "NoPod" if outcome.placement.creates_pod is False else PHASES[outcome.failure]


@pytest.mark.parametrize("vector", vectors()["vectors"], ids=lambda vector: vector["id"])
def test_vector(vector: Mapping[str, Any]) -> None:
    outcome = fit(vector)
    expected = vector["expect"]
    placed = outcome.placement.verdict is Verdict.ADMITTED
    observed: dict[str, object] = {
        "admission": "reject" if outcome.placement.rejected else "accept",
        "schedulable": placed,
        "runnable": outcome.runnable is Runnable.YES,
        "finding": outcome.lands_and_fails,
        "phase": phase(outcome),
    }
    if "creates_pod" in expected:
        observed["creates_pod"] = outcome.placement.creates_pod
    if "failing" in expected:
        observed["failing"] = [use.container.name for use, _ in outcome.incompatible]
    assert observed == expected, vector["why"]


def test_every_vector_is_there() -> None:
    assert len(vectors()["vectors"]) == 68


def test_an_unknown_runtime_class_leaves_the_placement_open() -> None:
    """D08 with a cluster whose classes are not all known: nobody can tell."""
    vector = next(item for item in vectors()["vectors"] if item["id"] == "D08")
    pod = workload(vector)
    answers = {"linux-multi": (None, image("linux-multi"))}
    known = cluster(vector)
    open_cluster = ClusterProfile("open", known.pools)
    (only,) = assess(pod, answers, [open_cluster]).fits
    assert only.placement.verdict is Verdict.UNDECIDED
    assert "does-not-exist" in only.reasons[0]
