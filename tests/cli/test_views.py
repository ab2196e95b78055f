"""`podfit matrix` and `podfit explain`: the audit looked at in other ways."""

import json
import re
from pathlib import Path

import pytest

from tests.support.command import podfit, write_lock
from tests.support.terminal import in_terminal

MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - {name: web, image: nginx:1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: payments-gateway-of-the-second-generation}
spec:
  template:
    spec:
      nodeSelector: {kubernetes.io/os: linux}
      containers:
        - {name: gateway, image: nginx:1}
---
apiVersion: v1
kind: Pod
metadata: {name: report}
spec:
  containers:
    - {name: report, image: registry.example/report:9}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    (path / "shop.yaml").write_text(MANIFESTS)
    write_lock(path, {"docker.io/library/nginx:1": ("linux/amd64", "linux/arm64/v8")})
    monkeypatch.chdir(path)
    return path


def test_the_matrix() -> None:
    done = podfit("matrix", "--locked")
    assert done.code == 1
    assert (
        done.out
        == """\
                                                      ┌ linux-amd64
                                                      │ ┌ windows-2022
                                                      │ │ ┌ windows-2025
Deployment/web                                        ✓ ✗ ✗
Deployment/payments-gateway-of-the-second-generation  ✓ · ·
Pod/report                                            ? ? ?

✓ runs   ✗ lands but cannot run   ○ kept off, could run   · kept off   ? undecided
"""
    )


def test_the_matrix_of_a_narrow_terminal_without_utf8(folder: Path) -> None:
    c = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    seen = in_terminal(
        *("matrix", "--locked", "--no-progress", "--cluster", "hybrid", "--cluster", "linux"),
        width=60,
        cwd=folder,
        variables={"NO_COLOR": "1", **c},
    )
    assert (
        seen
        == """\
                                                   + hybrid/linux-amd64
                                                   | + hybrid/windows-2022
                                                   | | + hybrid/windows-2025
                                                   | | | + linux/linux-amd64
                                                   | | | | + linux/linux-arm64
Deployment/web                                     + x x + +
deploy/payments-gateway-of-the-second-generation   + - - + +
Pod/report                                         ? ? ? ? ?

+ runs   x lands but cannot run   o kept off, could run
- kept off   ? undecided
"""
    )


def test_the_matrix_as_json_and_markdown_in_one_run(folder: Path) -> None:
    done = podfit("matrix", "--locked", "-o", "json=m.json", "-o", "markdown=m.md", "-o", "text")
    assert done.code == 1
    found = json.loads((folder / "m.json").read_text())
    assert [item["name"] for item in found["workloads"]] == [
        "web",
        "payments-gateway-of-the-second-generation",
        "report",
    ]
    assert found["workloads"][0]["pools"] == [
        {"cluster": "hybrid", "pool": "linux-amd64", "outcome": "runs", "runnable": "yes"},
        {
            "cluster": "hybrid",
            "pool": "windows-2022",
            "outcome": "lands-but-cannot-run",
            "runnable": "no",
        },
        {
            "cluster": "hybrid",
            "pool": "windows-2025",
            "outcome": "lands-but-cannot-run",
            "runnable": "no",
        },
    ]
    assert (folder / "m.md").read_text().splitlines()[:3] == [
        "| Workload | linux-amd64 | windows-2022 | windows-2025 |",
        "|---|:-:|:-:|:-:|",
        "| Deployment/web | ✓ | ✗ | ✗ |",
    ]


def test_nothing_to_show(folder: Path) -> None:
    (folder / "shop.yaml").unlink()
    assert podfit("matrix", "--allow-empty").out == "no workloads\n"
    assert podfit("images", "--allow-empty").out == "no images\n"


@pytest.mark.parametrize(
    ("name", "help_line"),
    [("sarif", "one of json, markdown or text"), ("JSN=x.json", "did you mean `json`?")],
)
def test_an_unknown_format_of_the_matrix(name: str, help_line: str) -> None:
    done = podfit("matrix", "-o", name)
    assert done.code == 2
    asked = name.partition("=")[0]
    assert done.err == f'error: unknown format "{asked}"\n   = help: {help_line}\n'


def test_the_story_of_a_workload() -> None:
    done = podfit("explain", "web", "--locked", "--cluster", "linux")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == """\
Deployment/web
  shop.yaml:1:1

Images
  web (app): nginx:1
      index sha256:000000000000, from the lock file
      linux/amd64, linux/arm64/v8

linux/linux-amd64  linux/amd64: runs
  ✓ no nodeSelector
  ✓ no required node affinity
  ✓ no taint keeps it off
  ✓ not cordoned
  ✓ container web runs
      ✓ matches: linux/amd64
      ✗ another architecture: linux/arm64/v8

linux/linux-arm64  linux/arm64/v8: runs
  ✓ no nodeSelector
  ✓ no required node affinity
  ✓ no taint keeps it off
  ✓ not cordoned
  ✓ container web runs
      ✗ another architecture: linux/amd64
      ✓ matches: linux/arm64/v8
"""
    )


def test_the_story_of_a_narrow_terminal(folder: Path) -> None:
    rows = ("linux/386", "linux/amd64", "linux/arm/v5", "linux/arm/v7", "linux/arm64/v8")
    write_lock(folder, {"docker.io/library/nginx:1": (*rows, "linux/ppc64le", "linux/s390x")})
    seen = in_terminal(
        "explain", "web", "--locked", "--no-progress", width=60, cwd=folder, variables={}
    )

    assert max(len(re.sub("\x1b[^m]*m", "", line)) for line in seen.splitlines()) <= 60
    assert "\x1b[32m✓\x1b[0m matches: linux/amd64\n" in seen
    another = """\
another operating system: linux/386, linux/amd64,
          linux/arm/v5, linux/arm/v7, linux/arm64/v8,
          linux/ppc64le, linux/s390x
"""
    assert another in seen


def test_the_line_that_decided_is_named() -> None:
    out = podfit("explain", "payments-gateway-of-the-second-generation", "--locked").out
    assert "[line 16: nodeSelector: {kubernetes.io/os: linux}]" in out


def test_a_workload_by_kind_and_name() -> None:
    assert podfit("explain", "pod/report", "--locked").out.startswith("Pod/report\n")


def test_a_daemon_set_gets_no_pod_on_nodes_that_it_does_not_select(folder: Path) -> None:
    text = MANIFESTS.split("---")[1].replace("Deployment", "DaemonSet")
    (folder / "shop.yaml").write_text(text)

    out = podfit("explain", "payments-gateway-of-the-second-generation", "--locked").out

    platform = "windows(10.0.20348)/amd64"
    head, _, _ = out.partition(f"{platform}: ")[2].partition("✗")
    assert head.split() == [
        "kept",
        "off",
        "(the",
        "DaemonSet",
        "controller",
        "creates",
        "no",
        "pod)",
    ]
    assert "linux/amd64: runs\n" in out
    assert "Pending" not in out


@pytest.mark.parametrize(
    ("name", "help_line"),
    [
        ("wbe", "did you mean `web`?"),
        (
            "nothing-like-it",
            (
                "workloads: Deployment/web, "
                "Deployment/payments-gateway-of-the-second-generation and Pod/report"
            ),
        ),
    ],
)
def test_a_workload_that_is_not_there(name: str, help_line: str) -> None:
    done = podfit("explain", name, "--locked")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f'error: no workload "{name}"\n   = help: {help_line}\n')


def test_the_matrix_shows_what_could_run_where_it_is_kept_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_lock(tmp_path, {"ghcr.io/acme/both:1": ("linux/amd64", "linux/arm64")})
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: both}\nspec:\n"
        "  nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: amd64}\n"
        "  containers: [{name: a, image: 'ghcr.io/acme/both:1'}]\n"
    )

    done = podfit("matrix", "pod.yaml", "--locked", "--cluster", "hybrid-arm64", "-o", "json")

    pools = done.json["workloads"][0]["pools"]
    assert {item["pool"]: (item["outcome"], item["runnable"]) for item in pools} == {
        "linux-amd64": ("runs", "yes"),
        "linux-arm64": ("kept-off", "yes"),
        "windows-2022": ("kept-off", "no"),
        "windows-2025": ("kept-off", "no"),
    }
    shown = podfit("matrix", "pod.yaml", "--locked", "--cluster", "hybrid-arm64").out
    assert "Pod/both      ✓ ○ · ·\n" in shown
