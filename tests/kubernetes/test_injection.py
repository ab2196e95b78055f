"""Containers that annotations describe and admission webhooks add."""

import pytest

from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.workloads import Container, Role

TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {{dapr.io/enabled: "true", dapr.io/sidecar-image: "of-the-object:1"}}
spec:
  template:
    metadata:
      labels: {{{labels}}}
      annotations:
        {annotations}
    spec:
      containers: [{{name: web, image: "nginx:1"}}]
"""


def injected(annotations: str, labels: str = "app: web") -> list[Container]:
    text = TEMPLATE.format(annotations=annotations.replace("\n", "\n        "), labels=labels)
    (manifest,) = read_manifests(Document("web.yaml", text, "web.yaml"))
    assert isinstance(manifest, Manifest)
    (workload,) = find_workloads(manifest)
    return [item for item in workload.containers if item.role is Role.INJECTED]


@pytest.mark.parametrize(
    ("annotations", "container", "image"),
    [
        (
            'dapr.io/enabled: "true"\ndapr.io/sidecar-image: daprio/daprd:1',
            "daprd",
            "daprio/daprd:1",
        ),
        ("sidecar.istio.io/proxyImage: istio/proxyv2:1", "istio-proxy", "istio/proxyv2:1"),
        (
            "config.linkerd.io/proxy-image: cr.l5d.io/proxy\nconfig.linkerd.io/proxy-version: v2",
            "linkerd-proxy",
            "cr.l5d.io/proxy:v2",
        ),
        (
            "config.linkerd.io/proxy-image: host:5000/proxy\nconfig.linkerd.io/proxy-version: v2",
            "linkerd-proxy",
            "host:5000/proxy:v2",
        ),
        (
            "config.linkerd.io/proxy-image: cr.l5d.io/proxy:v1",
            "linkerd-proxy",
            "cr.l5d.io/proxy:v1",
        ),
        (
            'vault.hashicorp.com/agent-inject: "true"\nvault.hashicorp.com/agent-image: vault:1',
            "vault-agent",
            "vault:1",
        ),
        (
            "admission.datadoghq.com/java-lib.custom-image: dd/lib:1",
            "datadog-lib-java-init",
            "dd/lib:1",
        ),
    ],
)
def test_an_injected_container(annotations: str, container: str, image: str) -> None:
    (found,) = injected(annotations)

    assert (found.name, found.image) == (container, image)
    assert found.location.path == "web.yaml"
    lines = TEMPLATE.format(annotations=annotations, labels="").splitlines()
    assert image.partition(":v")[0] in " ".join(lines[found.location.line - 1 :])


@pytest.mark.parametrize(
    ("annotations", "labels"),
    [
        ("dapr.io/sidecar-image: daprio/daprd:1", "app: web"),
        ('dapr.io/enabled: "false"\ndapr.io/sidecar-image: daprio/daprd:1', "app: web"),
        ("sidecar.istio.io/proxyImage: istio/proxyv2:1", 'sidecar.istio.io/inject: "false"'),
        ("linkerd.io/inject: disabled\nconfig.linkerd.io/proxy-image: proxy:1", "app: web"),
        ("vault.hashicorp.com/agent-image: vault:1", "app: web"),
        ("example.com/image: nginx:2", "app: web"),
    ],
)
def test_an_injector_that_is_off(annotations: str, labels: str) -> None:
    assert injected(annotations, labels) == []


def test_an_annotation_of_a_bare_pod() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n"
        "    sidecar.istio.io/proxyImage: istio/proxyv2:1\n"
        "spec: {containers: [{name: web, image: 'nginx:1'}]}\n"
    )
    (manifest,) = read_manifests(Document("web.yaml", text, "web.yaml"))
    assert isinstance(manifest, Manifest)
    (workload,) = find_workloads(manifest)

    assert [(item.name, item.role) for item in workload.containers] == [
        ("web", Role.APP),
        ("istio-proxy", Role.INJECTED),
    ]
    assert workload.containers[1].location.line == 6
