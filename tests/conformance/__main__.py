"""Compare podfit with a control plane: `python -m tests.conformance [PROFILE...]`.

Each pod pool by pool: the cluster has one node of the pool, so that the scheduler and the
DaemonSet controller answer for that pool.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct, field

from auditor.clusters.profiles import load_cluster
from auditor.files.yaml_nodes import ShapeError
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.nodes import HOSTNAME_LABEL, ClusterProfile, NodePool
from auditor.scheduling.placement import Placement, Verdict, place
from scripts.fetch_tools import FetchError
from tests.conformance.control_plane import ApiServer, ControlPlaneError, control_plane, wait
from tests.oracle.build import build
from tests.oracle.compare import workload

Data = dict[str, Any]

ROOT: Final = Path(__file__).parents[2]
PROFILES: Final = ("linux", "hybrid", "hybrid-arm64", "rke1", "eks", "aks")
PODS: Final = "/api/v1/namespaces/default/pods"
DAEMON_SETS: Final = "/apis/apps/v1/namespaces/default/daemonsets"
NODES: Final = "/api/v1/nodes"
_TEMPLATES: Final = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job")
_LEFT_OUT: Final = frozenset(("nodeName", "runtimeClassName"))
"""Fields that name objects which the cluster does not have."""
_NOW: Final = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}


class Case(Struct):
    """A pod, or the pod of a DaemonSet."""

    name: str
    where: str
    kind: str
    spec: Data
    workload: Workload


class Tally(Struct):
    placements: int = 0
    undecided: int = 0
    refusals: int = 0
    differences: list[str] = field(default_factory=list)


def read_cases() -> Iterator[Case]:
    """Yield the pods of the fixtures and examples. Those that podfit cannot read are left out."""
    paths = (*ROOT.glob("tests/rules/*/*.yaml"), *ROOT.glob("examples/**/*.yaml"))
    for path in sorted(paths):
        if "templates" in path.parts:
            continue
        where = str(path.relative_to(ROOT))
        try:
            items = [item for item in yaml.safe_load_all(path.read_text()) if item]
        except yaml.YAMLError:
            continue
        for number, item in enumerate(items):
            spec = _pod_spec(item)
            if not spec or _LEFT_OUT.intersection(spec) or "persistentVolumeClaim" in str(spec):
                continue
            kind = "DaemonSet" if item["kind"] == "DaemonSet" else "Pod"
            if kind == "Pod" and item["kind"] == "Job":
                spec = {"restartPolicy": "Never", **spec}
            pod = {"metadata": {"name": "pod", "namespace": "default"}, "spec": spec}
            name = f"{path.parent.name}-{path.stem}-{number}"
            try:
                yield Case(name, f"{where} ({number + 1})", kind, spec, workload(pod, kind))
            except (ShapeError, AssertionError, ValueError):
                continue


def _pod_spec(item: Any) -> Data | None:
    try:
        if item["kind"] == "Pod":
            found = item["spec"]
        elif item["kind"] == "CronJob":
            found = item["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        elif item["kind"] in _TEMPLATES:
            found = item["spec"]["template"]["spec"]
        else:
            return None
    except (KeyError, TypeError):
        return None
    return found if isinstance(found, dict) and found.get("containers") else None


def apply(server: ApiServer, case: Case) -> str:
    """Create the pod or DaemonSet. Return why the API server refuses it, or an empty text."""
    labels = {"case": case.name}
    if case.kind == "Pod":
        body: Data = {"metadata": {"name": case.name, "labels": labels}, "spec": case.spec}
        path = PODS
    else:
        template = {"metadata": {"labels": labels}, "spec": case.spec}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        body, path = {"metadata": {"name": case.name}, "spec": spec}, DAEMON_SETS
    status, answer = server.ask("POST", path, body)
    return "" if status == 201 else f"{status} {answer.get('message', '')}"


def add_node(server: ApiServer, pool: NodePool) -> None:
    taints = [{"key": t.key, "value": t.value, "effect": t.effect} for t in pool.taints]
    labels = {HOSTNAME_LABEL: pool.name, **pool.labels}
    labels |= {key: "a" for key in pool.varying if key not in labels}
    amounts = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "4Ti", "pods": "10000"}
    body = {
        "metadata": {"name": pool.name, "labels": labels},
        "spec": {"taints": taints, "unschedulable": pool.unschedulable},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    status, answer = server.ask("POST", NODES, body)
    if status != 201:
        raise ControlPlaneError(f"node {pool.name}: {answer.get('message')}")


def is_decided(pod: Data) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return bool(pod["spec"].get("nodeName") or any(c["type"] == "PodScheduled" for c in conditions))


def has_settled(server: ApiServer) -> bool:
    """Whether the controller has made the pods of each DaemonSet, and each pod was tried."""
    pods = server.items(PODS)
    for item in server.items(DAEMON_SETS):
        name, status = item["metadata"]["name"], item["status"]
        made = sum(pod["metadata"]["labels"]["case"] == name for pod in pods)
        wanted = status["desiredNumberScheduled"]
        if status.get("observedGeneration") != item["metadata"]["generation"] or made != wanted:
            return False
    return all(map(is_decided, pods))


def clean(server: ApiServer) -> None:
    def is_empty() -> bool:
        for path in (DAEMON_SETS, PODS, NODES):
            server.ask("DELETE", path, _NOW)
        return not any(map(server.items, (DAEMON_SETS, PODS, NODES)))

    wait("deletion of the pods and nodes", is_empty)


def compare_pool(
    server: ApiServer, cases: list[Case], pool: NodePool, cluster: ClusterProfile
) -> Tally:
    add_node(server, pool)
    refused = {case.name: apply(server, case) for case in cases}
    wait(f"placement of the pods on {cluster.name}/{pool.name}", lambda: has_settled(server))
    pods = {pod["metadata"]["labels"]["case"]: pod for pod in server.items(PODS)}
    tally = Tally()
    for case in cases:
        expected = place(case.workload, pool, cluster)
        actual = refused[case.name] or (
            "placed" if pods.get(case.name, {}).get("spec", {}).get("nodeName") else "not placed"
        )
        _count(tally, case, expected, actual, f"{cluster.name}/{pool.name}", case.name in pods)
    clean(server)
    return tally


def _count(
    tally: Tally, case: Case, expected: Placement, actual: str, where: str, created: bool
) -> None:
    refused = actual not in ("placed", "not placed")
    tally.refusals += refused
    if expected.verdict is Verdict.UNDECIDED:
        tally.undecided += 1
        return
    tally.placements += 1
    same = refused == expected.rejected and (
        refused or (expected.verdict is Verdict.ADMITTED) == (actual == "placed")
    )
    if same and case.kind == "DaemonSet" and not refused and expected.creates_pod is not None:
        same = expected.creates_pod == created
    if not same:
        steps = "; ".join(step.message for step in expected.deciding)
        tally.differences.append(
            f"{case.where} on {where}: podfit {expected.verdict.value} ({steps}), "
            f"Kubernetes: {actual}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance")
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", help=", ".join(PROFILES))
    options = parser.parse_args()
    if unknown := set(options.profiles).difference(PROFILES):
        parser.error(f"cannot compare with {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # end the components too
    cases = list(read_cases())
    row = "{:<14}{:>10}{:>12}{:>11}{:>10}{:>13}"
    differences: list[str] = []
    try:
        program = build("controlplane")
        with (
            tempfile.TemporaryDirectory() as folder,
            control_plane(program, Path(folder)) as server,
        ):
            head = ("profile", "workloads", "placements", "undecided", "refusals", "differences")
            print(row.format(*head), flush=True)
            for name in options.profiles or PROFILES:
                cluster = load_cluster(name)
                tallies = [compare_pool(server, cases, p, cluster) for p in cluster.pools]
                found = [text for tally in tallies for text in tally.differences]
                figures = [
                    sum(getattr(tally, key) for tally in tallies)
                    for key in ("placements", "undecided", "refusals")
                ]
                print(row.format(name, len(cases), *figures, len(found)), flush=True)
                differences += found
    except (FetchError, ControlPlaneError, OSError) as error:
        print(f"not compared: {error}", file=sys.stderr)
        return 2
    for text in differences:
        print(text)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
