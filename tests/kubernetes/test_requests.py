"""What a pod requests, added up as the scheduler does."""

import pytest

from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.kubernetes.requests import Requests, read_replicas, read_requests


def node(text: str) -> Node:
    (found,) = read_documents(text)
    assert isinstance(found, Node)
    return found


def requested(text: str) -> Requests:
    return read_requests(node(text))


@pytest.mark.parametrize(
    ("text", "cpu", "memory"),
    [
        ("{cpu: 250m, memory: 64Mi}", 250, 64 * 2**20),
        ("{cpu: 2, memory: 1G}", 2000, 10**9),
        ("{cpu: 0.5, memory: 1e3}", 500, 1000),
        ("{cpu: '.25', memory: 128974848000m}", 250, 128974848),
        ("{cpu: 1n, memory: 1.5Ei}", 1, 3 * 2**59),
        ("{cpu: 1k, memory: 1E}", 1000 * 1000, 10**18),
        ("{memory: 12E2}", None, 1200),
        ("{cpu: $CPU, memory: -1}", None, None),
        ("{cpu: [1], memory: {a: 1}}", None, None),
        ("[cpu]", None, None),
    ],
)
def test_quantities(text: str, cpu: int | None, memory: int | None) -> None:
    assert requested(f"containers: [{{resources: {{requests: {text}}}}}]") == Requests(cpu, memory)


def test_containers_count_together_and_a_limit_is_the_default_request() -> None:
    found = requested("""
containers:
  - resources: {requests: {cpu: 1}, limits: {cpu: 4, memory: 1Ki}}
  - resources: {limits: {cpu: 2}}
  - {}
""")
    assert found == Requests(3000, 1024)


def test_the_largest_init_container_counts_with_the_sidecars_before_it() -> None:
    found = requested("""
initContainers:
  - {restartPolicy: Always, resources: {requests: {cpu: 1, memory: 1}}}
  - {resources: {requests: {cpu: 8}}}
  - {restartPolicy: Always, resources: {requests: {cpu: 1, memory: 1}}}
containers: [{resources: {requests: {cpu: 2, memory: 5}}}]
""")
    assert found == Requests(9000, 7)


def test_requests_of_the_pod_replace_those_of_containers_and_overhead_is_added() -> None:
    found = requested("""
resources: {requests: {cpu: 3}}
overhead: {cpu: 100m, memory: 10}
containers: [{resources: {requests: {cpu: 1, memory: 5}}}]
""")
    assert found == Requests(3100, 15)


@pytest.mark.parametrize(
    ("kind", "text", "replicas"),
    [
        ("Deployment", "{spec: {replicas: 4}}", 4),
        ("StatefulSet", "{spec: {replicas: 0}}", 0),
        ("Deployment", "{spec: {}}", 1),
        ("Deployment", "{spec: {replicas: $N}}", 1),
        ("Deployment", "{spec: {replicas: -1}}", 1),
        ("Deployment", "{spec: {replicas: true}}", 1),
        ("Deployment", "{spec: [replicas]}", 1),
        ("DaemonSet", "{spec: {replicas: 4}}", 1),
        ("Job", "{spec: {parallelism: 3, replicas: 7}}", 3),
        ("CronJob", "{spec: {jobTemplate: {spec: {parallelism: 2}}}}", 2),
    ],
)
def test_replicas(kind: str, text: str, replicas: int) -> None:
    assert read_replicas(node(text), kind) == replicas
