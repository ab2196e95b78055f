"""Pod specs found by their look, in kinds that nobody told us about."""

import json
from typing import Any

import pytest

from auditor.kubernetes.pod_finder import MAX_NODES, find_workloads, may_make_pods
from auditor.kubernetes.unseen import find_sign
from auditor.kubernetes.workloads import Workload
from tests.support.objects import manifest

POD: dict[str, Any] = {
    "nodeSelector": {"os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "initContainers": [{"name": "init", "image": "init:1"}],
    "containers": [{"name": "web", "image": "quay.io/acme/web:1"}],
}


def found(spec: object, *, group: str = "acme.example", **rest: object) -> list[Workload]:
    root = {"apiVersion": f"{group}/v1", "kind": "Shop", "metadata": {"name": "x"}, "spec": spec}
    return list(find_workloads(manifest(json.dumps({**root, **rest}))))


def test_a_pod_spec_anywhere() -> None:
    (workload,) = found({"parts": [{"template": {"spec": POD}}]})

    assert str(workload) == "Shop/x (spec.parts[0].template.spec)"
    assert workload.guessed
    assert workload.controller == ""
    assert [item.image for item in workload.containers] == ["init:1", "quay.io/acme/web:1"]
    assert [str(item) for item in workload.scheduling.node_selector] == ["os=linux"]
    assert len(workload.scheduling.tolerations) == 1
    assert workload.selector_path == "spec.parts[0].template.spec.nodeSelector"


def test_all_of_them_in_document_order() -> None:
    workloads = found({"z": {"spec": POD}, "a": [POD, {"b": POD}]}, status=POD)

    assert [item.component for item in workloads] == ["spec.z.spec", "spec.a[0]", "spec.a[1].b"]


def test_one_within_another_is_passed_over() -> None:
    assert len(found({**POD, "more": {"spec": POD}})) == 1


def test_a_wrapped_manifest_says_whose_rules_its_pods_follow() -> None:
    inner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "spec": {"template": {"spec": POD}}}

    (workload,) = found({"forProvider": {"manifest": inner}})
    assert workload.is_daemon_set
    assert workload.component == "spec.forProvider.manifest.spec.template.spec"


@pytest.mark.parametrize(
    "spec",
    [
        {"image": "quay.io/acme/web:1", "nodeSelector": {"os": "linux"}},
        {"containers": []},
        {"containers": "web"},
        {"containers": {"web": {"name": "web", "image": "web:1"}}},
        {"containers": ["web"]},
        {"containers": [{"image": "web:1"}]},
        {"containers": [{"name": "web"}]},
        {"containers": [{"name": "web", "image": 1}]},
        {"containers": [{"name": "web", "image": ""}]},
        {"containers": [{"name": "*", "image": "web:1"}]},
        {"containers": [{"name": "web", "image": "!*:latest"}]},
        {"containers": [{"name": "web", "image": "a b"}]},
        {"containers": [{"name": "web", "image": "web:1"}, {"name": "patch"}]},
        {"containers": [{"name": "web", "image": "web:1"}], "nodeSelector": {"gpu": True}},
        {"containers": [{"name": "web", "image": "web:1"}], "tolerations": "all"},
        "text",
        None,
    ],
)
def test_what_only_looks_like_a_pod_spec(spec: object) -> None:
    assert found({"template": spec}) == []


@pytest.mark.parametrize("group", ["kyverno.io", "templates.gatekeeper.sh", "storage.k8s.io"])
def test_groups_that_hold_patterns_or_are_known_whole(group: str) -> None:
    assert found(POD, group=group) == []


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("", False),
        ("apps", False),
        ("policy", False),
        ("node.k8s.io", False),
        ("apiextensions.k8s.io", False),
        ("policies.kyverno.io", False),
        ("jobset.x-k8s.io", True),
        ("example.com", True),
    ],
)
def test_which_groups_may_make_pods(group: str, expected: bool) -> None:
    assert may_make_pods(group) is expected


def test_an_object_nested_very_deep_is_searched_without_recursion() -> None:
    spec: object = POD
    for _ in range(400):
        spec = {"a": [spec]}

    assert len(found(spec)) == 1


def test_an_alias_bomb_is_not_searched() -> None:
    bomb = "\n".join(
        f"  a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 6)
    )
    pod = "  pod: {containers: [{name: a, image: a}]}"
    head = "apiVersion: a.example/v1\nkind: Shop\nspec:\n  a0: &a0 [1, 2, 3, 4]\n"

    assert list(find_workloads(manifest(f"{head}{bomb}\n{pod}"))) == []
    assert len(list(find_workloads(manifest(f"{head}{pod}")))) == 1


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"image": "shop:1", "replicas": 2}, "spec.image"),
        ({"parts": [{}, {"image": "shop", "nodeSelector": {}}]}, "spec.parts[1].image"),
        ({"image": {"repository": "acme/shop", "tag": "1"}, "tolerations": []}, "spec.image"),
        ({"image": "shop:1"}, "spec.image"),
        ({"clusterImage": "acme/kafka:2"}, "spec.clusterImage"),
        ({"driver": {"repository": "nvcr.io/acme", "image": "driver"}}, "spec.driver.image"),
        ({"controlPlaneNodeSelector": {"pool": "infra"}}, "spec.controlPlaneNodeSelector"),
        ({"proxy": {"tolerations": []}}, "spec.proxy.tolerations"),
        ({"affinity": {"podAntiAffinity": {}}}, "spec.affinity"),
        (
            {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}},
            "spec.nodeAffinity",
        ),
        ({"initContainers": [{"name": "x"}]}, "spec.initContainers"),
        ({"nodeSelector": {"matchLabels": {"pool": "a"}}}, ""),
        ({"nodeSelector": "all()"}, ""),
        ({"affinity": "cookie"}, ""),
        ({"image": "https://acme.example/logo"}, ""),
        ({"image": "logo.png"}, ""),
        ({"containers": 3}, ""),
        ({"image": "two words", "replicas": 2}, ""),
        ({"image": 1, "replicas": 2}, ""),
        ({"image": {"tag": "1"}, "replicas": 2}, ""),
        ({"replicas": 2}, ""),
        ([], ""),
    ],
)
def test_an_image_that_somebody_runs_somewhere(spec: object, path: str) -> None:
    assert _unread("acme.example", spec=spec) == path


@pytest.mark.parametrize("group", ["", "apps", "kyverno.io", "storage.k8s.io", "argoproj.io"])
def test_such_images_of_known_kinds_are_known(group: str) -> None:
    assert _unread(group, "Application", spec={"image": "shop:1", "replicas": 2}) == ""


def test_no_image_is_looked_for_in_a_status_or_a_bomb() -> None:
    runs = {"image": "shop:1", "replicas": 2}

    assert _unread("acme.example", status=runs) == ""
    assert _unread("acme.example", metadata={"name": "x", "annotations": {"image": "a:1"}}) == ""
    assert _unread("acme.example", spec=[runs]) == "spec[0].image"
    assert _unread("acme.example", spec=[*[1] * MAX_NODES, runs]) == ""


def _unread(group: str, kind: str = "Shop", **rest: object) -> str:
    root = {"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": {"name": "x"}}
    sign = find_sign(manifest(json.dumps({**root, **rest})))
    return sign.path if sign else ""


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("kind: DaemonSet\nspec:\n  containers:\n  - image: a\n", "DaemonSet at data.a"),
        ("- containers: []\n", "containers at data.a"),
        ("[[runners]]\n  [runners.kubernetes]\n", "runners.kubernetes at data.a"),
        ("jenkins:\n  nodeSelector: pool=a\n", "nodeSelector at data.a"),
        ("kind: Deployment\n", ""),
        ("A text about containers: none.\n", ""),
    ],
)
def test_pods_in_the_text_of_a_config_map(text: str, sign: str) -> None:
    root = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": text}}

    assert str(find_sign(manifest(json.dumps(root))) or "") == sign
