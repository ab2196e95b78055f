"""Compare podfit with the code of Kubernetes and the container runtimes, area by area."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, Final

from msgspec import Struct

from auditor.files.yaml_nodes import ShapeError
from auditor.images.platforms import Platform, make_platform
from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.pod_spec import Toleration
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import admit, invalidities
from auditor.scheduling.compatibility import row_mismatch
from auditor.scheduling.nodes import ClusterProfile, NodePool, Runtime, RuntimeClass, Taint
from auditor.scheduling.placement import Predicate, place
from auditor.scheduling.predicates import COMPARISON_GATE, every, tolerates
from tests.oracle.build import ask, build
from tests.oracle.cases import CORDON, EFFECTS, TAINT_KEYS, VALUES, Cases, Data

RUNTIMES: Final = {
    (1, 7, 29): "containerd17",
    (2, 0, 14): "containerd20",
    (2, 1, 5): "containerd20",
    (2, 1, 9): "containerd22",
    (2, 2, 9): "containerd22",
    (2, 3, 4): "containerd23",
    (2, 3, 5): "containerd24",
    (2, 4, 2): "containerd24",
}
"""The releases of containerd, and the program's name of the version of its matcher."""


class Case(Struct):
    """A question for the program, and what podfit answers to it."""

    question: Data
    expected: Any


class Area(Struct):
    """What is compared.

    Attributes:
        program: The Go program that answers.
        make: Makes a case; None for one that podfit refuses, which `validation` compares.
        read: Turns an answer into the form of `Case.expected`.
        batch: The number of answers in one case.

    """

    program: str
    make: Callable[[Cases], Case | None]
    read: Callable[[Any], Any]
    batch: int = 1
    hostile: bool = False


def workload(pod: Data, kind: str = "Pod") -> Workload:
    """Read a pod as podfit reads it from a file. Raises `ShapeError`."""
    item = pod if kind == "Pod" else {**pod, "spec": {"template": {"spec": pod["spec"]}}}
    version = "v1" if kind == "Pod" else "apps/v1"
    text = json.dumps({**item, "apiVersion": version, "kind": kind})
    (read,) = read_manifests(Document("case.yaml", text, "case.yaml"))
    assert isinstance(read, Manifest), read
    (found,) = find_workloads(read)
    return found


def _pod(spec: Data) -> Data:
    metadata = {"name": "pod", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _pool(node: Data) -> NodePool:
    labels, name = node["metadata"]["labels"], node["metadata"]["name"]
    taints = tuple(Taint(t["key"], t["value"], t["effect"]) for t in node["spec"]["taints"])
    return NodePool(
        name="pool",
        platform=make_platform("linux", "amd64"),
        labels=labels,
        taints=taints,
        nodes=(name,),
        unschedulable=node["spec"]["unschedulable"],
        resources=frozenset(),
    )


def _cluster(pool: NodePool, gated: bool) -> ClusterProfile:
    gates = frozenset((COMPARISON_GATE,) if gated else ())
    return ClusterProfile("oracle", (pool,), gates=gates)


def _placement(cases: Cases) -> Case | None:
    pod, node, gated = _pod(cases.spec()), cases.node(), cases.chance(0.5)
    pool = _pool(node)
    placement = place(workload(pod), pool, _cluster(pool, gated))
    if placement.rejected:
        return None
    steps = placement.steps
    affinity = (Predicate.NODE_SELECTOR, Predicate.NODE_AFFINITY)
    taints = (Predicate.TAINTS,)
    expected = {
        "affinity": every(step.answer for step in steps if step.predicate in affinity),
        "placed": every(step.answer for step in steps),
    }
    if not any(taint.key == "node.kubernetes.io/unschedulable" for taint in pool.taints):
        expected["taints"] = every(s.answer for s in steps if s.predicate in taints)
    return Case({"area": "placement", "gate": gated, "pod": pod, "node": node}, expected)


def _filters(answer: Any) -> Any:
    filters = answer["filters"]
    return {
        "affinity": filters["affinity"],
        "taints": filters["taints"],
        "placed": all(filters.values()),
    }


def _daemonset(cases: Cases) -> Case | None:
    spec, node, gated = cases.spec(), cases.node(), cases.chance(0.5)
    if cases.chance(0.1):
        spec["nodeName"] = cases.random.choice(("a", "b"))
    if cases.chance(0.3):
        spec["hostNetwork"] = True
    pod, pool = _pod(spec), _pool(node)
    placement = place(workload(pod, "DaemonSet"), pool, _cluster(pool, gated))
    if placement.rejected:
        return None
    question = {"area": "daemonset", "gate": gated, "pod": pod, "node": node}
    return Case(question, placement.creates_pod)


def _validation(cases: Cases) -> Case | None:
    pod, gated = _pod(cases.refusable()), cases.chance(0.5)
    try:
        scheduling = workload(pod).scheduling
        refused = any(invalidities(scheduling, (COMPARISON_GATE,) if gated else ()))
    except ShapeError:
        refused = True
    return Case({"area": "validation", "gate": gated, "pod": pod}, refused)


def _admission(cases: Cases) -> Case | None:
    spec = cases.spec()
    scheduling: Data = {
        "nodeSelector": cases.labels(2),
        "tolerations": cases.some(cases.toleration),
    }
    classes: dict[str, RuntimeClass] = {}
    question: Data = {"area": "admission", "gate": True}
    if cases.chance(0.7):
        spec["runtimeClassName"] = cases.random.choice(("kata", "kata", "kata", "missing"))
        granted = tuple(map(_toleration, scheduling["tolerations"]))
        classes["kata"] = RuntimeClass("kata", scheduling["nodeSelector"], granted)
        metadata = {"name": "kata"}
        question["class"] = {"metadata": metadata, "handler": "kata", "scheduling": scheduling}
    selector = {k: v for k, v in cases.labels(2).items() if v} if cases.chance(0.5) else {}
    question["selector"] = ",".join(f"{key}={value}" for key, value in selector.items())
    pod = _pod(spec)
    cluster = ClusterProfile(
        "oracle",
        (),
        runtime_classes=classes,
        all_classes_known=True,
        plugins=frozenset(("PodNodeSelector",)),
        namespace_selectors={"default": selector},
        gates=frozenset((COMPARISON_GATE,)),
    )
    found = workload(pod)
    if any(invalidities(found.scheduling, cluster.gates)):
        return None
    admission = admit(found, cluster)
    if admission.refusals:
        return Case({**question, "pod": pod}, "refused")
    demands = {item.key: item.values[0] for item in admission.scheduling.node_selector}
    return Case({**question, "pod": pod}, (demands, _tolerated(admission.scheduling.tolerations)))


def _toleration(item: Data) -> Toleration:
    key, operator, value, effect = (
        item.get(name, "") for name in ("key", "operator", "value", "effect")
    )
    return Toleration(key, operator, value, effect, item.get("tolerationSeconds"))


def _tolerated(tolerations: tuple[Toleration, ...]) -> frozenset[Taint]:
    """Return the tolerated taints: the plug-in drops a toleration that another one contains."""
    gates = (COMPARISON_GATE,)
    return frozenset(t for t in TAINTS if any(tolerates(item, t, gates) for item in tolerations))


def _spec(answer: Any) -> Any:
    if "errors" in answer:
        return "refused"
    spec = answer["spec"]
    tolerations = tuple(map(_toleration, spec.get("tolerations", ())))
    return spec.get("nodeSelector", {}), _tolerated(tolerations)


TAINTS: Final = tuple(
    Taint(key, value, effect)
    for key, value, effect in product((*TAINT_KEYS, CORDON), VALUES, EFFECTS)
)
ROWS: Final = 8
"""Rows of an index in one case."""


def _host(cases: Cases, systems: tuple[str, ...]) -> Data:
    """The platform of a node as the runtime sees it: only 32-bit ARM has a variant."""
    host = {**cases.platform(systems), "os.features": [], "variant": ""}
    if host["architecture"] == "arm":
        host["variant"] = cases.random.choice(("v5", "v6", "v7", "v8"))
    if host["os"] == "windows":
        builds = (14393, 17763, 20348, 25398, 26100, 26200, 28000)
        host["os.version"] = f"10.0.{cases.random.choice(builds)}"
    return host


def _platform(data: Data) -> Platform:
    return make_platform(
        data["os"],
        data["architecture"],
        data.get("variant", ""),
        data.get("os.version", ""),
        tuple(data.get("os.features", ())),
    )


def _rows(cases: Cases, question: Data, runtime: Runtime, systems: tuple[str, ...]) -> Case:
    rows = [cases.platform(systems) for _ in range(ROWS)]
    pool = NodePool("pool", _platform(question["host"]), {}, runtime=runtime)
    expected = [row_mismatch(_platform(row), pool) is None for row in rows]
    return Case({**question, "rows": rows}, expected)


def _containerd(cases: Cases) -> Case:
    version = cases.random.choice(tuple(RUNTIMES))
    systems = ("linux", "windows")
    host = _host(cases, systems)
    question = {"runtime": RUNTIMES[version], "fallback": version < (2, 1, 0), "host": host}
    question["version"] = ".".join(map(str, version))
    return _rows(cases, question, Runtime("containerd", version), (host["os"],) * 9 + systems)


def _cri_o(cases: Cases) -> Case:
    host = _host(cases, ("linux",))
    if host["architecture"] == "arm64":
        host["variant"] = "v8"  # as the library detects it
    question = {"runtime": "cri-o", "host": host}
    return _rows(cases, question, Runtime("cri-o", (1, 34, 0)), ("linux", "linux", "windows"))


AREAS: Final = {
    "containerd": Area("runtimes", _containerd, list, batch=ROWS),
    "cri-o": Area("runtimes", _cri_o, list, batch=ROWS),
    "placement": Area("kubernetes", _placement, _filters),
    "daemonset": Area("kubernetes", _daemonset, lambda answer: answer["creates"]),
    "validation": Area("kubernetes", _validation, lambda a: "errors" in a, hostile=True),
    "admission": Area("kubernetes", _admission, _spec),
}


class Result(Struct):
    """What a comparison found.

    Attributes:
        cases: How many answers were compared.
        differences: One text for each answer that differs.

    """

    cases: int
    differences: list[str]
    seconds: float


def compare(name: str, count: int, seed: str) -> Result:
    """Compare `count` answers in an area. Raises `FetchError` if the program cannot be built."""
    area = AREAS[name]
    program = build(area.program)
    started = time.monotonic()
    cases = list(
        _make(area, -(-count // area.batch), Cases(f"{name} {seed}", hostile=area.hostile))
    )
    answers = list(ask(program, (case.question for case in cases)))
    assert len(answers) == len(cases)
    differences = [
        f"{json.dumps(case.question)}\n  podfit: {case.expected}\n  {name}: {json.dumps(answer)}"
        for case, answer in zip(cases, answers, strict=True)
        if not _agree(case.expected, area.read(answer))
    ]
    return Result(len(cases) * area.batch, differences, time.monotonic() - started)


def _make(area: Area, count: int, cases: Cases) -> Iterator[Case]:
    while count:
        if case := area.make(cases):
            count -= 1
            yield case


def _agree(expected: Any, actual: Any) -> bool:
    """Whether answers are equal; of a mapping, the keys that podfit answers."""
    if isinstance(expected, dict):
        return all(actual[key] == value for key, value in expected.items())
    return bool(expected == actual)
