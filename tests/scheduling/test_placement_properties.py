"""`place()` against a second evaluator, written from scheduling.md section 4 alone.

The evaluator below works on plain dictionaries, as the API has them, and shares no code with
podfit. Where a pool does not tell everything, it is asked about every node that the pool might
have.
"""

import itertools
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.images.platforms import Platform
from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.pod_spec import Toleration
from auditor.scheduling.nodes import ClusterProfile, NodePool, RuntimeClass, Taint
from auditor.scheduling.placement import Placement, Verdict, place
from auditor.scheduling.predicates import COMPARISON_GATE

Data = dict[str, Any]

# ----------------------------------------------------------------- the second evaluator


def label_ok(expression: Data, labels: Data) -> bool:
    key, operator = expression["key"], expression["operator"]
    values = expression.get("values", [])
    if operator == "In":
        return key in labels and labels[key] in values
    if operator == "NotIn":
        return not (key in labels and labels[key] in values)
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    try:
        have, want = int(labels[key]), int(values[0])
    except (KeyError, ValueError):
        return False
    return have > want if operator == "Gt" else have < want


def affinity_ok(spec: Data, node: Data) -> bool:
    labels = node["labels"]
    for key, value in spec.get("nodeSelector", {}).items():
        if labels.get(key, None) != value:
            return False
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    for term in required["nodeSelectorTerms"]:
        expressions, fields = term.get("matchExpressions", []), term.get("matchFields", [])
        if not expressions and not fields:
            continue
        names = [(node["name"] in f["values"]) == (f["operator"] == "In") for f in fields]
        if all(label_ok(e, labels) for e in expressions) and all(names):
            return True
    return False


def tolerated(taint: Data, tolerations: list[Data]) -> bool:
    for t in tolerations:
        if t.get("effect") and t["effect"] != taint["effect"]:
            continue
        if t.get("key") and t["key"] != taint["key"]:
            continue
        operator = t.get("operator") or "Equal"
        if operator == "Exists":
            return True
        if operator == "Equal" and t.get("value", "") == taint.get("value", ""):
            return True
        if operator in ("Gt", "Lt"):  # only generated where the feature gate is on
            try:
                have, want = int(taint.get("value", "")), int(t["value"])
            except ValueError:
                continue
            if have > want if operator == "Gt" else have < want:
                return True
    return False


def taints_ok(tolerations: list[Data], node: Data) -> bool:
    return all(
        tolerated(taint, tolerations)
        for taint in node["taints"]
        if taint["effect"] in ("NoSchedule", "NoExecute")
    )


CONDITIONS = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
AUTOMATIC = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in CONDITIONS
]
CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def could_be_placed(kind: str, template: Data, runtime_class: Data | None, node: Data) -> bool:
    """Sections 4.1 to 4.6 for one node of which everything is known."""
    spec = dict(template)
    if runtime_class is not None:
        own = template.get("nodeSelector", {})
        for key, value in runtime_class["nodeSelector"].items():
            if own.get(key, value) != value:
                return False
        spec["nodeSelector"] = {**own, **runtime_class["nodeSelector"]}
        spec["tolerations"] = template.get("tolerations", []) + runtime_class["tolerations"]
    tolerations = spec.get("tolerations", [])
    if kind == "DaemonSet":
        if template.get("nodeName", node["name"]) != node["name"]:
            return False
        own_tolerations = template.get("tolerations", []) + AUTOMATIC
        if not affinity_ok(template, node) or not taints_ok(own_tolerations, node):
            return False
        tolerations = tolerations + AUTOMATIC
    if "nodeName" in spec:
        return bool(spec["nodeName"] == node["name"])
    if not affinity_ok(spec, node) or not taints_ok(tolerations, node):
        return False
    if node["unschedulable"] and not tolerated(CORDON, tolerations):
        return False
    return all(
        constraint["topologyKey"] in node["labels"]
        for constraint in spec.get("topologySpreadConstraints", [])
        if constraint["whenUnsatisfiable"] == "DoNotSchedule"
    )


# ----------------------------------------------------------------- random pods and nodes

KEYS = ("kubernetes.io/os", "kubernetes.io/arch", "zone", "gpus", "kubernetes.io/hostname")
VALUES = ("linux", "windows", "amd64", "z1", "a", "b", "3", "5", "")
NAMES = ("a", "b", "c")
TAINT_KEYS = ("os", "zone", "node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable")
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

keys, values, names = st.sampled_from(KEYS), st.sampled_from(VALUES), st.sampled_from(NAMES)


def few(strategy: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> Any:
    return st.lists(strategy, min_size=least, max_size=most)


selectors = st.dictionaries(keys, values, max_size=2)
expressions = st.one_of(
    st.fixed_dictionaries(
        {"key": keys, "operator": st.sampled_from(("In", "NotIn")), "values": few(values, 1)}
    ),
    st.fixed_dictionaries({"key": keys, "operator": st.sampled_from(("Exists", "DoesNotExist"))}),
    st.fixed_dictionaries(
        {
            "key": keys,
            "operator": st.sampled_from(("Gt", "Lt")),
            "values": st.sampled_from((["4"], ["0"], ["x"])),
        }
    ),
)
fields = st.fixed_dictionaries(
    {
        "key": st.just("metadata.name"),
        "operator": st.sampled_from(("In", "NotIn")),
        "values": few(names, 1, 1),
    }
)
terms = st.fixed_dictionaries(
    {}, optional={"matchExpressions": few(expressions), "matchFields": few(fields, 0, 1)}
)
taint_keys, effects = st.sampled_from(TAINT_KEYS), st.sampled_from(EFFECTS)
tolerations = st.one_of(
    st.fixed_dictionaries(
        {"operator": st.just("Exists")}, optional={"key": taint_keys, "effect": effects}
    ),
    st.fixed_dictionaries(
        {"key": taint_keys},
        optional={"operator": st.just("Equal"), "value": values, "effect": effects},
    ),
    st.fixed_dictionaries(
        {"key": taint_keys, "operator": st.sampled_from(("Gt", "Lt")), "value": st.just("4")}
    ),
)
required = st.fixed_dictionaries({"nodeSelectorTerms": few(terms, 1)})
spreads = st.fixed_dictionaries(
    {
        "topologyKey": keys,
        "whenUnsatisfiable": st.sampled_from(("DoNotSchedule", "ScheduleAnyway")),
    }
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "nodeSelector": selectors,
        "affinity": required.map(
            lambda r: {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": r}}
        ),
        "tolerations": few(tolerations),
        "topologySpreadConstraints": few(spreads, 0, 1),
        "nodeName": names,
    },
)
classes = st.none() | st.fixed_dictionaries(
    {"nodeSelector": selectors, "tolerations": few(tolerations, 0, 2)}
)
kinds = st.sampled_from(("Deployment", "DaemonSet"))
taints = st.fixed_dictionaries({"key": taint_keys, "value": values, "effect": effects})
node_labels = st.dictionaries(st.sampled_from(("zone", "gpus")), values, max_size=2)


@st.composite
def closed_pools(draw: st.DrawFn) -> list[Data]:
    """Nodes that differ in nothing but their own labels, with all that there is to know."""
    common = {"kubernetes.io/os": draw(st.sampled_from(("linux", "windows")))}
    common["kubernetes.io/arch"] = "amd64"
    pool_taints, cordoned = draw(few(taints, 0, 2)), draw(st.booleans())
    return [
        {
            "name": name,
            "labels": {**common, "kubernetes.io/hostname": name, **draw(node_labels)},
            "taints": pool_taints,
            "unschedulable": cordoned,
        }
        for name in draw(st.lists(names, min_size=1, max_size=3, unique=True))
    ]


def as_pool(nodes: list[Data]) -> NodePool:
    first = nodes[0]
    platform = Platform(first["labels"]["kubernetes.io/os"], "amd64")
    common = {"kubernetes.io/os": platform.os, "kubernetes.io/arch": "amd64"}
    own = {n["name"]: {k: v for k, v in n["labels"].items() if k not in common} for n in nodes}
    return NodePool(
        name="pool",
        platform=platform,
        labels=common,
        taints=tuple(Taint(t["key"], t["value"], t["effect"]) for t in first["taints"]),
        nodes=tuple(own),
        node_labels=own,
        unschedulable=first["unschedulable"],
    )


def evaluate(kind: str, spec: Data, runtime_class: Data | None, pool: NodePool) -> Placement:
    """The whole way: text of a manifest, workload, placement."""
    pod = {**spec, "containers": [{"name": "app", "image": "app:1"}]}
    found = []
    if runtime_class is not None:
        pod["runtimeClassName"] = "class"
        tolerations = tuple(Toleration(**item) for item in runtime_class["tolerations"])
        found = [RuntimeClass("class", runtime_class["nodeSelector"], tolerations)]
    root = {"apiVersion": "apps/v1", "kind": kind, "spec": {"template": {"spec": pod}}}
    (manifest,) = read_manifests(Document("pod.json", json.dumps(root), "pod.json"))
    assert isinstance(manifest, Manifest)
    (workload,) = find_workloads(manifest)
    cluster = ClusterProfile(
        "cluster",
        (pool,),
        runtime_classes={item.name: item for item in found},
        gates=frozenset({COMPARISON_GATE}),
    )
    return place(workload, pool, cluster)


@settings(max_examples=4 * settings().max_examples, deadline=None)
@given(kinds, specs, classes, closed_pools())
def test_where_everything_is_known_the_answer_is_exact(
    kind: str, spec: Data, runtime_class: Data | None, nodes: list[Data]
) -> None:
    placement = evaluate(kind, spec, runtime_class, as_pool(nodes))

    expected = any(could_be_placed(kind, spec, runtime_class, node) for node in nodes)
    assert placement.verdict is (Verdict.ADMITTED if expected else Verdict.REFUSED)


POSSIBLE = ("z1", "a", "3", "5", "")


def possible_nodes(node: Data, *, open_keys: tuple[str, ...]) -> Iterator[Data]:
    """Every node of the pool that there might be: any name, any of some values for each label."""
    for name in (*NAMES, "other"):
        for chosen in itertools.product((None, *POSSIBLE), repeat=len(open_keys)):
            extra = {k: v for k, v in zip(open_keys, chosen, strict=True) if v is not None}
            yield {
                **node,
                "name": name,
                "labels": {**node["labels"], "kubernetes.io/hostname": name, **extra},
            }


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(kinds, specs, classes, closed_pools())
def test_where_labels_are_open_a_refusal_is_certain(
    kind: str, spec: Data, runtime_class: Data | None, nodes: list[Data]
) -> None:
    platform_labels = ("kubernetes.io/os", "kubernetes.io/arch")
    bare = {**nodes[0], "labels": {key: nodes[0]["labels"][key] for key in platform_labels}}
    pool = replace(as_pool([bare]), nodes=(), node_labels={}, open_labels=True)

    placement = evaluate(kind, spec, runtime_class, pool)
    answers = {
        could_be_placed(kind, spec, runtime_class, node)
        for node in possible_nodes(bare, open_keys=("zone", "gpus"))
    }
    if placement.verdict is Verdict.REFUSED:
        assert answers == {False}
    if placement.verdict is Verdict.ADMITTED:
        assert True in answers
    if answers == {True}:
        assert placement.verdict is Verdict.ADMITTED


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(kinds, specs, classes, closed_pools())
def test_a_varying_label_is_between_known_and_open(
    kind: str, spec: Data, runtime_class: Data | None, nodes: list[Data]
) -> None:
    labels = {k: v for k, v in nodes[0]["labels"].items() if k not in ("zone", "gpus")}
    node = {**nodes[0], "labels": labels}
    pool = replace(as_pool([node]), varying=frozenset({"zone"}))

    placement = evaluate(kind, spec, runtime_class, pool)
    answers = {
        could_be_placed(kind, spec, runtime_class, {**node, "labels": {**labels, "zone": zone}})
        for zone in POSSIBLE
    }
    if placement.verdict is Verdict.REFUSED:
        assert answers == {False}
    if placement.verdict is Verdict.ADMITTED:
        assert True in answers
    if answers == {True}:
        assert placement.verdict is not Verdict.REFUSED
