"""`podfit forecast`: two audits of the same workloads, before and after a change of the cluster."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.command import podfit, write_lock
from tests.support.tools import ROOT

SCHEMA = json.loads((ROOT / "docs/schema/forecast-v1.json").read_text(encoding="utf-8"))

_POD = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  template:
    spec:
      nodeSelector: {{{selector}}}
      containers:
        - {{name: c, image: "{image}", resources: {{requests: {{cpu: 500m, memory: 1Gi}}}}}}
"""
NOW = """\
name: shop
pools:
  - {name: linux-amd64, platform: linux/amd64}
  - {name: windows-2019, platform: windows(10.0.17763)/amd64}
"""
NEXT = """\
name: shop
pools:
  - {name: linux-amd64, platform: linux/amd64}
  - {name: windows-2025, platform: windows(10.0.26100)/amd64}
  - {name: linux-arm64, platform: linux/arm64}
"""
CHANGE = ("--replace", "windows-2019=windows-2025", "--add-pool", "linux/arm64")


def pod(name: str, image: str, selector: str = "", replicas: int = 1) -> str:
    return _POD.format(name=name, image=image, selector=selector, replicas=replicas)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    (path / "shop.yaml").write_text(
        pod("web", "nginx:1", "kubernetes.io/os: linux", replicas=3)
        + pod("pinned", "nginx:1", "kubernetes.io/arch: amd64, kubernetes.io/os: linux")
        + pod("placed", "nginx:1", "disk: ssd, kubernetes.io/os: linux")
        + pod("old", "old:1", "kubernetes.io/os: linux")
        + pod("iis", "iis:1", "kubernetes.io/os: windows")
        + pod("next", "iis:2025", "kubernetes.io/os: windows")
        + pod("report", "registry.example/report:9", "kubernetes.io/os: linux")
    )
    (path / "now.yaml").write_text(NOW)
    (path / "next.yaml").write_text(NEXT)
    write_lock(
        path,
        {
            "docker.io/library/nginx:1": ("linux/amd64", "linux/arm64/v8"),
            "docker.io/library/old:1": ("linux/amd64",),
            "docker.io/library/iis:1": ("windows(10.0.17763.1)/amd64",),
            "docker.io/library/iis:2025": ("windows(10.0.26100.1)/amd64",),
        },
    )
    monkeypatch.chdir(path)
    return path


def forecast(*arguments: str) -> Any:
    return podfit(
        "forecast", "shop.yaml", "--locked", "--cluster", "now.yaml", *arguments, "-o", "json"
    ).json


def findings(cluster: str, *arguments: str) -> list[Any]:
    done = podfit(
        "audit",
        "shop.yaml",
        "--locked",
        "--cluster",
        cluster,
        "--no-remedies",
        *arguments,
        *("-o", "json"),
    )
    return [item for item in done.json["findings"] if not item["suppressed"]]


@pytest.mark.parametrize("change", [("--to", "next.yaml"), CHANGE])
def test_it_is_the_difference_of_two_audits(change: tuple[str, ...]) -> None:
    found = forecast(*change)

    now, later = findings("now.yaml"), findings("next.yaml")
    known = {item["id"] for item in now}
    ids = {item["id"] for item in later}
    assert found["appearing"] == [item for item in later if item["id"] not in known]
    assert found["disappearing"] == [item for item in now if item["id"] not in ids]
    assert [(item["rule"], item["workload"]["name"]) for item in found["appearing"]] == [
        ("missing-arch-selector", "old"),
        ("windows-build-mismatch", "iis"),
    ]
    assert [(item["rule"], item["workload"]["name"]) for item in found["disappearing"]] == [
        ("windows-build-mismatch", "next"),
    ]


def test_a_successor_with_another_name_is_the_same_cluster(folder: Path) -> None:
    """Some findings are identified by their cluster."""
    (folder / "later.yaml").write_text(NOW.replace("name: shop\n", ""))

    found = forecast("--to", "later.yaml")

    assert (found["appearing"], found["disappearing"]) == ([], [])
    assert (found["added_pools"], found["removed_pools"]) == ([], [])


def test_the_readiness_of_each_workload() -> None:
    found = forecast(*CHANGE)

    states = {
        item["platform"]: {w["name"]: w["readiness"] for w in item["workloads"]}
        for item in found["platforms"]
    }
    assert states["linux/arm64"] == {
        "web": "ready",
        "pinned": "ready-without-guard",
        "placed": "blocked-by-selector",
        "old": "blocked-by-image",
        "iis": "for-another-system",
        "next": "for-another-system",
        "report": "not-determined",
    }
    assert states["windows(10.0.26100)/amd64"] == {
        "web": "for-another-system",
        "pinned": "for-another-system",
        "placed": "for-another-system",
        "old": "for-another-system",
        "iis": "blocked-by-image",
        "next": "ready",
        "report": "not-determined",
    }
    assert [(item["platform"], item["new"]) for item in found["platforms"]] == [
        ("windows(10.0.26100)/amd64", True),
        ("linux/arm64", True),
        ("linux/amd64", False),
    ]


def test_a_workload_counts_with_its_replicas_and_requests() -> None:
    found = forecast("--add-pool", "linux/arm64")
    (arm,) = (item for item in found["platforms"] if item["platform"] == "linux/arm64")
    assert arm["readiness"]["ready"] == {
        "workloads": 1,
        "pods": 3,
        "cpu": 1.5,
        "memory": 3 * 2**30,
        "pods_without_requests": 0,
    }
    assert arm["readiness"]["for-another-system"]["workloads"] == 2


def test_a_taint_of_the_new_nodes_is_a_guard(folder: Path) -> None:
    taint = "taints: ['arch=arm64:NoSchedule']"
    (folder / "next.yaml").write_text(NEXT.replace("linux/arm64}", f"linux/arm64, {taint}}}"))
    (arm,) = (
        p for p in forecast("--to", "next.yaml")["platforms"] if p["platform"] == "linux/arm64"
    )
    states = {item["name"]: item["readiness"] for item in arm["workloads"]}
    assert (states["web"], states["placed"]) == ("ready-without-guard", "blocked-by-selector")


def test_a_node_affinity_for_a_platform_is_a_guard(folder: Path) -> None:
    def affinity(key: str) -> str:
        return (
            "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
            "{nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/arch, operator: In, "
            f"values: [amd64]}}{key}]}}]}}}}}}"
        )

    other = ", {key: disk, operator: Exists}"
    text = "".join(
        pod(name, "nginx:1").replace("nodeSelector: {}", affinity(more))
        for name, more in (("one", ""), ("two", other))
    )
    (folder / "shop.yaml").write_text(text)
    (arm, *_) = forecast("--add-pool", "linux/arm64")["platforms"]
    assert [item["readiness"] for item in arm["workloads"]] == [
        "ready-without-guard",
        "blocked-by-selector",
    ]


def test_the_text_and_the_exit_code() -> None:
    done = podfit(
        "forecast", "shop.yaml", "--locked", "--cluster", "now.yaml", "--add-pool", "linux/arm64"
    )
    assert (done.code, done.err) == (1, "")
    assert (
        done.out
        == """\
added: shop/linux-arm64 (linux/arm64)

New findings: 1
  error[missing-arch-selector]: Deployment/old can land on linux/arm64 nodes, but its image is built
    for linux/amd64 only
    shop.yaml:43:7

Resolved findings: none

linux/arm64 (new)
                       WORKLOADS       PODS        CPU     MEMORY
  ready                        1          3        1.5    3.0 GiB
  ready without guard          1          1        0.5    1.0 GiB
  not determined               1          1        0.5    1.0 GiB
  blocked by selector          1          1        0.5    1.0 GiB
  blocked by image             1          1        0.5    1.0 GiB
  for another system           2          2        1.0    2.0 GiB
linux/amd64
                       WORKLOADS       PODS        CPU     MEMORY
  ready                        3          5        2.5    5.0 GiB
  not determined               1          1        0.5    1.0 GiB
  blocked by selector          1          1        0.5    1.0 GiB
  for another system           2          2        1.0    2.0 GiB
windows(10.0.17763)/amd64
                       WORKLOADS       PODS        CPU     MEMORY
  ready                        1          1        0.5    1.0 GiB
  not determined               1          1        0.5    1.0 GiB
  blocked by image             1          1        0.5    1.0 GiB
  for another system           4          6        3.0    6.0 GiB

PODS counts replicas, and a DaemonSet as one pod. CPU and MEMORY are sums of requests.

linux/arm64: 1 workload can use the nodes without changes
  Deployment/web
linux/arm64: 1 workload needs another selector or a toleration
  Deployment/pinned: nodeSelector kubernetes.io/arch=amd64: the nodes have arm64
linux/arm64: 1 workload needs another image
  Deployment/old: container c: it is not built for linux/arm64
linux/arm64: 1 workload is kept off by another constraint
  Deployment/placed: nodeSelector disk=ssd: the nodes lack the label
linux/arm64: 1 workload could not be determined
  Deployment/report: container c: registry.example/report:9 is not in the lock file

The changed cluster: 3 errors, 1 warning (now: 2 errors, 1 warning)
"""
    )


def test_markdown(folder: Path) -> None:
    arguments = ("--locked", "--cluster", "now.yaml", "--add-pool", "linux/arm64")
    podfit("forecast", "shop.yaml", *arguments, "-o", "markdown=f.md")
    text = (folder / "f.md").read_text()
    assert "#### New findings: 1\n\n- **error** <code>missing-arch-selector</code>: " in text
    assert "| ready | 1 | 3 | 1.5 | 3.0 GiB |" in text
    assert (
        "<summary>1 workload needs another image</summary>\n\n- Deployment/old: container c: "
        in text
    )


def test_exit_codes(folder: Path) -> None:
    arguments = ("forecast", "shop.yaml", "--locked", "--cluster", "now.yaml")
    assert podfit(*arguments, *CHANGE, "--fail-on", "never").code == 0
    assert podfit(*arguments, "--add-pool", "linux/amd64").code == 0
    assert podfit(*arguments, "--add-pool", "linux/amd64", "--strict").code == 3
    (folder / "shop.yaml").write_text("a: [\n")
    done = podfit(*arguments, "--add-pool", "linux/arm64")
    assert done.code == 3
    assert "not a YAML document" in done.err


def test_every_source_is_read_and_every_image_inspected_once() -> None:
    done = podfit("forecast", "shop.yaml", "--locked", "--cluster", "now.yaml", *CHANGE, "-v")
    assert sum("shop.yaml" in line and "read" in line for line in done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "forecast needs a change of the cluster"),
        (("--to", "next.yaml", "--to", "now.yaml"), "--to was used 2 times for 1 clusters"),
        (("--to", "nxt.yaml"), 'there is no cluster profile or file "nxt.yaml"'),
        (("--replace", "windows-2022=windows-2025"), "there is no node pool `windows-2022`"),
        (("--replace", "windows-2019"), "--replace windows-2019 does not name two pools"),
        (("--add-pool", "arm64"), "`arm64` is not the platform of a pool"),
        (("--add-pool", "linux/arm64", "-o", "sarif"), 'unknown format "sarif"'),
    ],
)
def test_invalid_options(arguments: tuple[str, ...], message: str) -> None:
    done = podfit("forecast", "shop.yaml", "--locked", "--cluster", "now.yaml", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_retirement_dates_of_the_cloud() -> None:
    done = podfit("forecast", "shop.yaml", "--locked", "-c", "aks", "--add-pool", "linux/arm64")
    assert "2027-03-15  windows-2022: AKS retires Windows Server 2022" in done.out
    found = podfit(
        *("forecast", "shop.yaml", "--locked", "-c", "aks", "--add-pool", "linux/arm64"),
        *("-o", "json"),
    ).json
    assert found["retirements"][0]["source"] == "https://github.com/Azure/AKS/issues/4168"


def test_the_json_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(_closed(SCHEMA)).validate(forecast(*CHANGE))
    Draft202012Validator(_closed(SCHEMA)).validate(
        podfit("forecast", "shop.yaml", "-c", "aks", "--locked", *CHANGE[2:], "-o", "json").json
    )


def _closed(schema: Any) -> Any:
    """The schema with every mapping closed to keys that it does not list."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if "properties" in schema else closed
