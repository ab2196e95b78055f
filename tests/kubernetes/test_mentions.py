"""Images in arguments and environment: what is one, and what only looks like it."""

import json

import pytest

from auditor.kubernetes.image_mentions import find_mentions
from tests.support.objects import manifest

DIGEST = f"sha256:{'a' * 64}"


def mentions(**container: object) -> list[tuple[str, str]]:
    root = manifest(json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": container})).root
    spec = root.get("spec")
    assert spec is not None
    return [(found.name, found.image) for found in find_mentions([spec])]


@pytest.mark.parametrize(
    ("argument", "name", "image"),
    [
        (
            "--prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.90.1",
            "--prometheus-config-reloader",
            "quay.io/prometheus-operator/prometheus-config-reloader:v0.90.1",
        ),
        (
            "--acme-http01-solver-image=quay.io/jetstack/cert-manager-acmesolver:v1.18.2",
            "--acme-http01-solver-image",
            "quay.io/jetstack/cert-manager-acmesolver:v1.18.2",
        ),
        ("--init-image=busybox:1.36", "--init-image", "busybox:1.36"),
        ("--init-image=acme/tool:latest", "--init-image", "acme/tool:latest"),
        ("-agent=ghcr.io/acme/agent:latest", "-agent", "ghcr.io/acme/agent:latest"),
        ("quay.io/argoproj/argoexec:v3.7.1", "argument", "quay.io/argoproj/argoexec:v3.7.1"),
        (f"--proxy=acme/proxy@{DIGEST}", "--proxy", f"acme/proxy@{DIGEST}"),
        ("--sidecar=localhost:5000/acme/proxy:v1", "--sidecar", "localhost:5000/acme/proxy:v1"),
    ],
)
def test_an_image_in_an_argument(argument: str, name: str, image: str) -> None:
    assert mentions(args=[argument]) == [(name, image)]
    assert mentions(command=["/bin/operator", argument]) == [(name, image)]


def test_a_flag_and_its_value_apart() -> None:
    args = ["--verbose", "--agent-image", "acme/agent:1.0", "acme/other:1.0"]

    assert mentions(args=args) == [
        ("--agent-image", "acme/agent:1.0"),
        ("argument", "acme/other:1.0"),
    ]


def test_variables() -> None:
    env = [
        {"name": "RELATED_IMAGE_AGENT", "value": f"quay.io/acme/agent@{DIGEST}"},
        {"name": "OPENEBS_IO_HELPER_IMAGE", "value": "openebs/linux-utils:4.1.0"},
        {"name": "FROM", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]

    assert mentions(env=env) == [
        ("RELATED_IMAGE_AGENT", f"quay.io/acme/agent@{DIGEST}"),
        ("OPENEBS_IO_HELPER_IMAGE", "openebs/linux-utils:4.1.0"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "--web.listen-address=localhost:9090",
        "--endpoint=redis:6379",
        "--bind=0.0.0.0:8080",
        "--url=http://example.com:8080/a:1.0",
        "--server=https://example.com/a:b1",
        "--kubelet-service=kube-system/kubelet",
        "--elastic=elastic:9200/index",
        "--watch=apps/v1:Deployment",
        "--role=system:serviceaccount:default:x",
        "--schedule=12:30",
        "--vmodule=proxy:4",
        "--level=info:2",
        "--config=/etc/app/config.yaml:ro",
        "--image-pull-policy=IfNotPresent",
        "--collector-image=quay.io/acme/collector",
        "--sidecar-image-repository=acme/sidecar",
        "--arn=arn:aws:iam::123456789012:role/x",
        "--image=$(IMAGE):1.0",
        "--template={{ .Image }}:1.0",
        "sh -c 'run quay.io/acme/agent:1.0'",
        "--port-image=acme:8080",
        "",
    ],
)
def test_what_only_looks_like_one(text: str) -> None:
    assert mentions(args=[text]) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JENKINS_SKIP_IMAGE_PLUGINS", "false"),
        ("IMAGE_PROVIDER_PORT", "8081"),
        ("IMAGE_SERVICE", "images:8081"),
        ("REDIS", "redis:v7"),
        ("IMAGE", ""),
    ],
)
def test_a_name_is_not_enough(name: str, value: str) -> None:
    assert mentions(env=[{"name": name, "value": value}]) == []


def test_other_shapes_are_passed_over() -> None:
    assert mentions(args="--image=acme/a:1.0", command={"a": 1}, env={"name": "IMAGE"}) == []
    assert mentions(args=[1, None, ["acme/a:1.0"]], env=["IMAGE=acme/a:1.0", {"name": 1}]) == []
