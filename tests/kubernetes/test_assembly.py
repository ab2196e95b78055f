"""Pods of custom resources, kind by kind: what each is made of, and where that stands."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from auditor.files.yaml_nodes import ShapeError
from auditor.kubernetes.custom_resources import PodSource
from auditor.kubernetes.manifests import Location
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.workloads import Workload
from tests.support.objects import manifest


def found(text: str) -> list[Workload]:
    return list(find_workloads(manifest(text)))


def told(workload: Workload) -> dict[str, Any]:
    """What a test wants to say about a workload, without what is not there."""
    scheduling = workload.scheduling
    said = {
        "component": workload.component,
        "controller": workload.controller,
        "images": {item.name: item.image for item in workload.containers},
        "selector": {item.key: item.values[0] for item in scheduling.node_selector},
        "affinity": None if scheduling.required_terms is None else len(scheduling.required_terms),
        "tolerations": len(scheduling.tolerations),
        "labels": workload.labels,
        "at": workload.selector_path,
    }
    return {key: value for key, value in said.items() if value}


KINDS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("kinds.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    "case", KINDS, ids=lambda case: f"{case['object']['apiVersion']} {case['object']['kind']}"
)
def test_a_kind(case: dict[str, Any]) -> None:
    assert [told(workload) for workload in found(json.dumps(case["object"]))] == case["found"]


def test_each_part_keeps_its_place() -> None:
    (workload,) = found(
        """
        apiVersion: monitoring.coreos.com/v1
        kind: Prometheus
        metadata: {name: k8s, annotations: {helm.sh/hook: post-install}}
        spec:
          replicas: 2
          image: quay.io/prometheus/prometheus:v3.5.0
          nodeSelector:
            kubernetes.io/os: linux
          tolerations:
          - {key: os, operator: Exists}
          securityContext: {windowsOptions: {hostProcess: true}}
          hostNetwork: true
          volumes:
          - {name: model, image: {reference: acme/model:1}}
        """
    )

    container, model = workload.containers
    assert container.location == Location("app.yaml", 7, 10)
    assert model.location == Location("app.yaml", 15, 38)
    assert workload.pod_location == Location("app.yaml", 7, 10)
    assert workload.scheduling.node_selector[0].place == (9, 5)
    assert workload.scheduling.tolerations[0].place == (11, 5)
    assert workload.scheduling.place("nodeSelector") == (8, 3)
    assert (workload.scheduling.host_network, container.host_process) == (True, True)
    assert workload.hooks == ("post-install",)


def test_the_place_of_pods_without_an_image_is_that_of_their_description() -> None:
    (workload,) = found(
        "apiVersion: monitoring.coreos.com/v1\nkind: Alertmanager\nspec:\n  replicas: 3"
    )

    assert workload.containers == ()
    assert workload.pod_location == Location("app.yaml", 4, 3)


def test_an_image_put_together_stands_where_its_first_part_does() -> None:
    (workload,) = found(
        "apiVersion: operator.victoriametrics.com/v1beta1\nkind: VMSingle\nspec:\n"
        "  image:\n    tag: v1\n    repository: vm"
    )

    assert [(item.image, item.location.line) for item in workload.containers] == [("vm:v1", 6)]


def test_a_wrong_field_of_a_known_kind_is_an_error() -> None:
    with pytest.raises(ShapeError) as caught:
        found(
            "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\n"
            "spec: {nodeSelector: {gpu: true}}"
        )

    assert "`nodeSelector.gpu`: expected text, not the boolean true" in caught.value.message


def test_volumes_that_are_no_list_are_not_those_of_a_pod() -> None:
    (workload,) = found(
        "apiVersion: monitoring.coreos.com/v1\nkind: Prometheus\nspec: {volumes: {a: 1}}"
    )

    assert workload.containers == ()


OWN = """
apiVersion: example.com/v1
kind: Shop
spec: {image: "shop:1", place: {chosen: {disk: ssd}}}
"""


@pytest.mark.parametrize(
    ("source", "path", "selector"),
    [
        (PodSource("spec"), "spec.nodeSelector", {}),
        (PodSource("spec", levels=()), "", {}),
        (PodSource("spec", levels=("place",)), "spec.place.nodeSelector", {}),
        (PodSource("spec", levels=("/spec.place",)), "spec.place.nodeSelector", {}),
        (
            PodSource("spec", fields={"nodeSelector": ("place.chosen",)}),
            "spec.place.chosen",
            {"disk": "ssd"},
        ),
        (PodSource("spec", fields={"nodeSelector": ("/chosen",)}), "chosen", {"a": "b"}),
        (PodSource("spec", node_selector=False), "", {}),
    ],
)
def test_where_a_selector_goes(source: PodSource, path: str, selector: dict[str, str]) -> None:
    source = replace(source, images={"shop": ("image",)})
    table = {("example.com", "Shop"): (source,)}

    (workload,) = find_workloads(manifest(OWN + "chosen: {a: b}"), table)
    assert workload.selector_path == path
    assert {r.key: r.values[0] for r in workload.scheduling.node_selector} == selector
