"""Fixes of manifests: written in place, proved, and complete."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auditor.clusters.profiles import load_cluster
from auditor.files.yaml_editing import TextEdit, apply_edits
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.files.yaml_writing import block, flow
from auditor.fixes.plan import Plan
from auditor.kubernetes.pod_finder import POD_TEMPLATES
from auditor.scheduling.nodes import ClusterProfile, Taint
from tests.support.fixes import LinuxOnly, fixed, planned
from tests.support.reports import HYBRID, joined, workload

RKE1 = load_cluster("rke1")
ARM = load_cluster("hybrid-arm64")
KINDS = Path(__file__).parents[1] / "kubernetes" / "kinds.yaml"
_SCHEDULING = frozenset(
    ("nodeSelector", "affinity", "nodeAffinity", "tolerations", "podTolerations", "placement")
)
WITHOUT_FIELDS = ("Pipeline", "Task")
"""Kinds whose pods are scheduled by the fields of another object."""


def _without_scheduling(value: Any) -> Any:
    match value:
        case dict():
            return {k: _without_scheduling(v) for k, v in value.items() if k not in _SCHEDULING}
        case list():
            return [_without_scheduling(item) for item in value]
        case _:
            return value


def _built_in(group: str, kind: str, path: tuple[str, ...]) -> dict[str, Any]:
    version = "v1" if group in ("", "apps", "batch") else "v1beta1"
    value: dict[str, Any] = {"spec": {"containers": [{"name": "a", "image": "nginx:1.31"}]}}
    for key in reversed(path):
        value = {key: value}
    return {"apiVersion": f"{group}/{version}".lstrip("/"), "kind": kind, **value}


def _objects() -> list[dict[str, Any]]:
    (root,) = read_documents(KINDS.read_text(encoding="utf-8"))
    assert isinstance(root, Node)
    custom = [_without_scheduling(entry["object"]) for entry in root.plain()]
    built_in = [_built_in(group, kind, path) for (group, kind), path in POD_TEMPLATES.items()]
    return [{**item, "metadata": {"name": "x"}} for item in (*custom, *built_in)]


OBJECTS = _objects()
STYLES: dict[str, Callable[[Any], str]] = {
    "block": block,
    "dashes below their key": lambda value: block(value, list_indent=0),
    "flow": lambda value: f"{flow(value)}\n",
    "json": lambda value: json.dumps(value, indent=2),
}


@st.composite
def _texts(draw: st.DrawFn) -> str:
    chosen = draw(st.lists(st.sampled_from(OBJECTS), min_size=1, max_size=4))
    texts = [STYLES[draw(st.sampled_from(sorted(STYLES)))](item).rstrip("\n") for item in chosen]
    comments = draw(st.lists(st.sampled_from(("", "# é\n")), min_size=4, max_size=4))
    text = "\n---\n".join(f"{note}{item}" for note, item in zip(comments, texts, strict=False))
    text += draw(st.sampled_from(("", "\n", "\n# end\n")))
    return text.replace("\n", draw(st.sampled_from(("\n", "\r\n"))))


def _only_insertions(text: str, plan: Plan) -> bool:
    edits = [edit for file in plan.files for edit in file.edits]
    return all(text[edit.start : edit.end].strip(" {}[]\r\n") == "" for edit in edits)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_texts(), st.sampled_from((HYBRID, RKE1)))
def test_every_finding_is_fixed_at_once(text: str, cluster: ClusterProfile) -> None:
    _, plan = planned(text, cluster, LinuxOnly())
    edits = plan.files[0].edits if plan.files else ()
    after, again = planned(apply_edits(text, edits), cluster, LinuxOnly())

    kinds = {item.finding.observation.workload.ref.kind for item in plan.unfixed}
    assert kinds <= {*WITHOUT_FIELDS}
    assert _only_insertions(text, plan)
    assert again.files == ()
    assert len(after.findings) == len(plan.unfixed)


def test_the_selector_goes_before_the_containers_and_their_comment() -> None:
    text = workload().replace("      containers", "      # the app\n      containers")

    assert fixed(text) == text.replace(
        "      # the app",
        "      nodeSelector:\n        kubernetes.io/os: linux\n      # the app",
    )


def test_a_selector_is_extended() -> None:
    cluster = replace(
        HYBRID,
        pools=tuple(replace(p, labels={**p.labels, "disk": "ssd"}) for p in HYBRID.pools),
    )
    text = workload(spec="nodeSelector: {disk: ssd}  # fast")

    assert fixed(text, cluster) == text.replace("ssd}", "ssd, kubernetes.io/os: linux}")


AFFINITY = """affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
              - matchExpressions:
                  - {key: kubernetes.io/arch, operator: In, values: [amd64]}
              - matchFields:
                  - {key: metadata.name, operator: NotIn, values: [broken]}"""


def test_every_term_of_existing_affinity_is_narrowed() -> None:
    text = fixed(workload(spec=AFFINITY))

    assert "nodeSelector:" not in text
    assert text.count("key: kubernetes.io/os") == 2


def test_a_toleration_comes_with_the_selector_where_the_right_nodes_are_tainted() -> None:
    assert fixed(workload(), RKE1) == workload(
        spec="nodeSelector:\n        kubernetes.io/os: linux\n      tolerations:\n"
        "        - key: cattle.io/os\n          operator: Equal\n          value: linux\n"
        "          effect: NoSchedule"
    )


def test_a_daemon_set_that_only_taints_keep_off_is_given_the_toleration() -> None:
    text = workload(kind="DaemonSet", spec="nodeSelector: {kubernetes.io/os: linux}")

    assert fixed(text, RKE1) == text.replace(
        "      containers:",
        "      tolerations:\n        - key: cattle.io/os\n          operator: Equal\n"
        "          value: linux\n          effect: NoSchedule\n      containers:",
    )


def test_tolerations_are_appended() -> None:
    text = workload(spec="tolerations: [{key: gpu, operator: Exists}]")

    assert (
        "tolerations: [{key: gpu, operator: Exists}, {key: cattle.io/os, operator: Equal, "
        "value: linux, effect: NoSchedule}]"
    ) in fixed(text, RKE1)


def test_the_taint_of_a_control_plane_is_not_tolerated() -> None:
    taint = Taint("node-role.kubernetes.io/control-plane", "", "NoSchedule")
    pools = tuple(
        replace(pool, taints=(taint,)) if pool.platform.os == "linux" else pool
        for pool in HYBRID.pools
    )
    _, plan = planned(workload(), replace(HYBRID, pools=pools))

    assert plan.files == ()
    assert {item.finding.rule for item in plan.unfixed} == {"missing-os-selector"}


@pytest.mark.parametrize(
    "text",
    [
        workload(image="iis:ltsc2019"),
        workload(spec="os: {name: windows}"),
        workload(spec="nodeSelector: {kubernetes.io/os: windows}"),
    ],
)
def test_what_no_guard_resolves_is_left(text: str) -> None:
    report, plan = planned(text)

    assert report.findings
    assert plan.files == ()
    assert len(plan.unfixed) == len(report.findings)


def test_the_operating_system_of_a_pod_is_kept() -> None:
    text = workload(image="pause:3.8", spec="os: {name: windows}")

    assert "kubernetes.io/os: windows" in fixed(text)


def test_only_the_guilty_document_of_a_file_is_changed() -> None:
    good = workload("good", spec="nodeSelector: {kubernetes.io/os: linux}")

    assert fixed(joined(good, "a: [", workload())).startswith(f"{good}---\na: [")


def test_two_workloads_with_one_anchor_are_fixed_once() -> None:
    text = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template: &t\n"
        "    spec:\n      containers: [{name: a, image: 'nginx:1.31'}]\n"
    )
    both = (
        f"apiVersion: v1\nkind: List\nitems:\n- {text.rstrip().replace(chr(10), chr(10) + '  ')}\n"
    )
    both += "- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: b}\n"
    both += "  spec: {template: *t}\n"
    _, plan = planned(both)

    assert len(plan.resolved) == 2
    assert len(plan.files[0].edits) == 1


def test_edits_of_one_field_of_two_components_do_not_overlap() -> None:
    ceph = next(item for item in OBJECTS if item["kind"] == "CephCluster")
    _, plan = planned(block(ceph), HYBRID, LinuxOnly())

    assert len(plan.resolved) == 3
    assert all(isinstance(edit, TextEdit) for edit in plan.files[0].edits)


def test_an_architecture_is_written_as_affinity() -> None:
    text = fixed(workload(image="coredns:1.14"), ARM)

    assert "kubernetes.io/arch: amd64" in text
