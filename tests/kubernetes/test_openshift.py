"""OpenShift Templates, as `oc process` fills them in."""

import json

import pytest

from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.pod_finder import find_workloads

TEMPLATE = """\
apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: shop}
parameters:
  - {name: TAG, value: "1.0"}
  - {name: SYSTEM, value: linux}
  - {name: KEY, value: kubernetes.io/os}
  - {name: PORT, value: "8080"}
  - {name: PASSWORD, generate: expression, from: "[a-z]{8}"}
  - {name: EMPTY, value: ""}
objects:
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      template:
        spec:
          nodeSelector: {"${KEY}": "${SYSTEM}"}
          containers:
            - name: web
              image: acme/web:${TAG}-${TAG}
              env: [{name: A, value: "${PASSWORD} ${EMPTY} ${OTHER} $TAG"}]
              ports: [{containerPort: "${{PORT}}", name: "${{OTHER}}"}]
"""


def read(text: str) -> list[Manifest]:
    found = list(read_manifests(Document("x.yaml", text, ".")))
    assert all(isinstance(item, Manifest) for item in found), found
    return [item for item in found if isinstance(item, Manifest)]


def test_default_values_are_filled_in() -> None:
    [manifest] = read(TEMPLATE)

    spec = manifest.root.at("spec", "template", "spec")
    assert spec is not None
    assert spec.plain() == {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "containers": [
            {
                "name": "web",
                "image": "acme/web:1.0-1.0",
                "env": [{"name": "A", "value": "${PASSWORD} ${EMPTY} ${OTHER} $TAG"}],
                "ports": [{"containerPort": 8080, "name": "${{OTHER}}"}],
            }
        ],
    }


def test_values_keep_their_places() -> None:
    [manifest] = read(TEMPLATE)

    [workload] = find_workloads(manifest)
    assert str(manifest.location) == "x.yaml:12:5"
    assert [str(image.location) for image in workload.containers] == ["x.yaml:21:22"]


@pytest.mark.parametrize(
    "text",
    [
        TEMPLATE.replace("template.openshift.io/v1", "v1"),
        json.dumps(
            {
                "kind": "Template",
                "apiVersion": "v1",
                "objects": [{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "${A}"}}],
                "parameters": [{"name": "A", "value": "web"}],
            }
        ),
        """
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Template
  objects: [{apiVersion: v1, kind: Pod, metadata: {name: web}}]
""",
    ],
)
def test_other_forms_of_a_template(text: str) -> None:
    assert [manifest.ref.name for manifest in read(text)] == ["web"]


@pytest.mark.parametrize(
    "text",
    [
        TEMPLATE.replace("template.openshift.io/v1", "example.org/v1"),
        "apiVersion: v1\nkind: Template\nobjects: {a: 1}\n",
    ],
)
def test_other_objects_are_no_templates(text: str) -> None:
    assert [manifest.ref.kind for manifest in read(text)] == ["Template"]


@pytest.mark.parametrize(
    "parameters",
    ["x", "[x]", "[{name: [a], value: b}]", "[{name: A, value: 1}]", "[{value: x}, {name: A}]"],
)
def test_malformed_parameters_fill_in_nothing(parameters: str) -> None:
    text = (
        f"apiVersion: v1\nkind: Template\nparameters: {parameters}\n"
        "objects: [{apiVersion: v1, kind: Pod, metadata: {name: '${A}'}}]\n"
    )
    assert [manifest.ref.name for manifest in read(text)] == ["${A}"]


def test_a_template_cannot_exhaust_memory_or_stack() -> None:
    value, deep = "x" * 5000, "[" * 300 + "'${A}'" + "]" * 300
    text = (
        f"apiVersion: v1\nkind: Template\nparameters: [{{name: A, value: {value}}}]\n"
        "objects: [{apiVersion: v1, kind: Pod, metadata: {name: '${A}${A}${A}'}, "
        f"data: {deep}}}]\n"
    )
    assert [manifest.ref.name for manifest in read(text)] == ["${A}${A}${A}"]
