"""Manifests that Flux, Argo, envsubst or a script still fills in, from the outside."""

import json
from pathlib import Path

import pytest

from tests.support.command import podfit, write_lock

DATA = Path(__file__).parents[1] / "data" / "placeholders.yaml"
POD = """apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  %s
  containers: [{name: web, image: "acme/web:1.0"}]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_lock(tmp_path, {"docker.io/acme/web:1.0": ("linux/amd64", "linux/arm64/v8")})
    return tmp_path


def placements(*arguments: str) -> dict[str, dict[str, str]]:
    """Workload -> pool -> placement."""
    done = podfit("audit", *arguments, "--locked", "--cluster", "hybrid-arm64", "-o", "json")
    assert done.code == 0, done.err
    found: dict[str, dict[str, str]] = {}
    for item in json.loads(done.out)["workloads"]:
        pools = {pool["pool"]: pool["placement"] for pool in item["pools"]}
        found[item["name"]] = pools
    return found


def test_each_variable_leaves_open_what_it_touches(folder: Path) -> None:
    (folder / "vars.yaml").write_text(DATA.read_text())
    found = placements("vars.yaml")
    windows = ("windows-2022", "windows-2025")
    for name in ("a-default", "an-affinity", "a-label-key"):
        assert set(found[name].values()) == {"undecided"}
    assert {found["a-value"][pool] for pool in windows} == {"refused"}
    assert found["a-value"]["linux-arm64"] == "undecided"
    assert {found["a-toleration"][pool] for pool in windows} == {"refused"}
    assert found["a-toleration"]["linux-amd64"] == "admitted"
    assert podfit("audit", "vars.yaml", "--locked", "--cluster", "hybrid", "--strict").code == 3


@pytest.mark.parametrize(
    "field",
    [
        "nodeSelector: {kubernetes.io/os: '{{inputs.parameters.os}}'}",
        "nodeSelector: {kubernetes.io/os: __OS__}",
        "nodeSelector: {kubernetes.io/os: <os>}",
        "nodeSelector: {kubernetes.io/os: '%OS%'}",
        "nodeSelector: {'@label@': linux}",
        "nodeSelector: $(SELECTOR)",
        "affinity: ${AFFINITY}",
        "nodeName: ${NODE}",
        "runtimeClassName: __CLASS__",
    ],
)
def test_every_syntax_is_known(folder: Path, field: str) -> None:
    (folder / "pod.yaml").write_text(POD % field)
    assert set(placements("pod.yaml")["web"].values()) == {"undecided"}


def test_explain_names_the_variable(folder: Path) -> None:
    (folder / "pod.yaml").write_text(POD % "nodeSelector: {kubernetes.io/os: $OS}")
    done = podfit("explain", "web", "pod.yaml", "--locked", "--cluster", "hybrid")
    assert "nodeSelector kubernetes.io/os=$OS: not filled in: a variable, `$OS`" in done.out
