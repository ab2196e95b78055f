"""`podfit audit` from the outside: what it prints, where, and how it exits."""

import json
import os
from pathlib import Path

import pytest

from tests.support.command import podfit, write_lock
from tests.support.registry import Registry

LINUX = ("linux/amd64", "linux/arm64/v8")
POD = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  template:
    spec:
      nodeSelector: {{{selector}}}
      containers:
        - name: web
          image: {image}
"""
GUARD = "kubernetes.io/os: linux"


def pod(name: str = "web", image: str = "nginx:1", selector: str = "") -> str:
    return POD.format(name=name, image=image, selector=selector)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    monkeypatch.chdir(path)
    write_lock(path, {"docker.io/library/nginx:1": LINUX})
    return path


def test_clean_is_0(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod(selector=GUARD))
    done = podfit("audit", "--locked")
    assert (done.code, done.err) == (0, "")
    assert "No problems in 1 workload" in done.out


def test_findings_are_1(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod())
    done = podfit("audit", "web.yaml", "--locked")
    assert done.code == 1
    assert "error[missing-os-selector]: Deployment/web can land on Windows nodes" in done.out
    assert "set nodeSelector: {kubernetes.io/os: linux}" in done.out


@pytest.mark.parametrize(
    ("fail_on", "code"), [("error", 0), ("warning", 1), ("info", 1), ("never", 0)]
)
def test_fail_on_governs_exit_1_alone(folder: Path, fail_on: str, code: int) -> None:
    (folder / "web.yaml").write_text(pod(image="private.test/web:1", selector=GUARD))
    assert podfit("audit", "web.yaml", "--locked", "--fail-on", fail_on).code == code


def test_fail_on_never_does_not_hide_that_the_audit_is_incomplete(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod())
    assert podfit("audit", "web.yaml", "missing.yaml", "--locked", "--fail-on", "never").code == 3


def test_findings_win_over_incomplete_and_both_are_told(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod())
    done = podfit("audit", "web.yaml", "missing.yaml", "--locked", "-o", "json")
    assert done.code == 1
    assert done.json["summary"]["incomplete"] is True
    assert [error["where"] for error in done.json["errors"]] == ["missing.yaml"]
    assert [finding["rule"] for finding in done.json["findings"]] == ["missing-os-selector"]


def test_strict_makes_an_unresolved_image_incomplete(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod(image="private.test/web:1", selector=GUARD))
    assert podfit("audit", "web.yaml", "--locked").code == 0
    assert podfit("audit", "web.yaml", "--locked", "--strict").code == 3


def test_nothing_to_audit_is_3_unless_it_may_be_empty(folder: Path) -> None:
    (folder / "config.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    assert podfit("audit", "config.yaml", "--locked").code == 3
    assert podfit("audit", "config.yaml", "--locked", "--allow-empty").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cluster", "hybird"], "did you mean"),
        (["-o", "xml"], 'unknown format "xml"'),
        (["-o", "json", "-o", "table"], "only one format can be written to standard output"),
        (["-o", "json="], "has no file name"),
        (["--offline", "--locked"], "cannot be used with"),
        (["--lock-file", "nowhere.json"], "cannot read the lock file"),
        (["--fail-on", "sometimes"], "'sometimes' is not one of"),
        (["--no-such-option"], "No such option"),
    ],
)
def test_usage_errors_are_2(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "web.yaml").write_text(pod())
    done = podfit("audit", "web.yaml", *arguments)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err


BAD_INPUTS = {
    "not-yaml": "a: [b\n",
    "tabs": "apiVersion: v1\nkind: Pod\n\tspec: x\n",
    "alias-bomb": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    ),
    "self-reference": "apiVersion: v1\nkind: Pod\nspec: &a [*a]\n",
    "no-kind": "apiVersion: v1\nspec: {containers: [{name: a, image: b}]}\n",
    "containers-are-text": "apiVersion: v1\nkind: Pod\nspec: {containers: x}\n",
    "image-is-a-number": "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: 12}]}\n",
    "boolean-in-selector": "apiVersion: v1\nkind: Pod\n"
    "spec: {nodeSelector: {a: true}, containers: [{name: a, image: b}]}\n",
    "container-is-text": "apiVersion: v1\nkind: Pod\nspec: {containers: [x]}\n",
    "spec-is-a-list": "apiVersion: v1\nkind: Pod\nspec: []\n",
    "list-of-text": "apiVersion: v1\nkind: List\nitems: [x]\n",
    "kind-is-a-number": "apiVersion: v1\nkind: 1\n",
    "metadata-is-text": "apiVersion: v1\nkind: Pod\nmetadata: x\n",
    "a-scalar": "hello\n",
    "very-deep": "[" * 5000,
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_told_and_the_rest_is_audited(folder: Path, name: str) -> None:
    (folder / "bad.yaml").write_text(BAD_INPUTS[name])
    (folder / "good.yaml").write_text(pod())
    alone = podfit("audit", "bad.yaml", "--locked", "-o", "json")
    assert alone.code == 3
    assert len(alone.json["errors"]) == 1
    assert alone.json["errors"][0]["where"].startswith("bad.yaml")
    both = podfit("audit", "bad.yaml", "good.yaml", "--locked", "-o", "json")
    assert both.code == 1
    assert [item["name"] for item in both.json["workloads"]] == ["web"]
    assert "Traceback" not in alone.err + both.err


def test_a_50_mb_file(folder: Path) -> None:
    with (folder / "big.yaml").open("wb") as file:
        file.truncate(50_000_000)
    (folder / "web.yaml").write_text(pod())
    done = podfit("audit", "big.yaml", "web.yaml", "--locked", "-o", "json")
    assert done.code == 1
    assert "larger than" in done.json["errors"][0]["what"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod())
    (folder / "web.yaml").chmod(0)
    done = podfit("audit", "web.yaml", "--locked")
    assert done.code == 3
    assert "cannot be read" in done.out


def test_reports_go_to_files_whole_even_when_the_audit_fails(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod())
    done = podfit("audit", "web.yaml", "--locked", "-o", "pretty", "-o", "json=out/report.json")
    assert done.code == 1
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["summary"]["errors"] == 1
    assert [path.name for path in (folder / "out").iterdir()] == ["report.json"]
    assert done.out.startswith("error[missing-os-selector]")


def test_a_file_that_cannot_be_written_is_2_and_the_others_are_written(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod())
    (folder / "blocked").write_text("")
    done = podfit(
        "audit", "web.yaml", "--locked", "-o", "json=blocked/x.json", "-o", "table=out.txt"
    )
    assert done.code == 2
    assert "cannot write" in done.err
    assert "Deployment/web" in (folder / "out.txt").read_text()


def test_the_same_input_gives_the_same_bytes(folder: Path) -> None:
    for name in ("b", "a", "c"):
        (folder / f"{name}.yaml").write_text(pod(name))
    first = podfit("audit", "--locked", "-o", "json")
    assert first.out == podfit("audit", "--locked", "-o", "json").out


@pytest.mark.parametrize(
    ("arguments", "variables", "colored"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_color(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    variables: dict[str, str],
    colored: bool,
) -> None:
    (folder / "web.yaml").write_text(pod())
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in podfit("audit", "web.yaml", "--locked", *arguments).out) is colored


def test_several_clusters_are_told_apart(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod())
    done = podfit("audit", "web.yaml", "--locked", "-c", "linux", "-c", "hybrid", "-o", "json")
    (finding,) = done.json["findings"]
    assert finding["pools"] == ["hybrid/windows-2022", "hybrid/windows-2025"]
    assert {pool["cluster"] for pool in done.json["workloads"][0]["pools"]} == {"linux", "hybrid"}


def test_a_registry_that_is_down_keeps_the_other_results(folder: Path) -> None:
    (folder / "web.yaml").write_text(pod() + "---\n" + pod("down", "127.0.0.1:9/down:1"))
    done = podfit("audit", "web.yaml", "-o", "json")
    assert done.code == 1
    assert {finding["rule"] for finding in done.json["findings"]} == {
        "image-unresolved",
        "missing-os-selector",
    }


def test_lock_then_audit_without_the_registry(folder: Path, registry: Registry) -> None:
    """What a real registry says, written down, gives the same verdict without it."""
    registry.push_image("shop/web", "1", ["linux/amd64", "windows(10.0.20348.1)/amd64"])
    image = f"{registry.host}/shop/web:1"
    (folder / "web.yaml").write_text(pod(image=image))
    online = podfit("audit", "web.yaml", "-o", "json", "--lock-file", "podfit.lock.json")
    assert podfit("lock", "web.yaml").code == 0
    written = (folder / "podfit.lock.json").read_bytes()
    entry = json.loads(written)["images"][image]
    assert entry["platforms"] == ["linux/amd64", "windows(10.0.20348.1)/amd64"]
    assert podfit("lock", "web.yaml").out.startswith("unchanged: podfit.lock.json (1 image)")
    assert (folder / "podfit.lock.json").read_bytes() == written
    locked = podfit("audit", "web.yaml", "--locked", "-o", "json")
    assert (locked.code, online.code) == (0, 0)
    assert locked.json["workloads"] == online.json["workloads"]


def test_lock_check_tells_what_moved(folder: Path, registry: Registry) -> None:
    registry.push_image("shop/moving", "1", ["linux/amd64", "linux/arm64"])
    (folder / "web.yaml").write_text(pod(image=f"{registry.host}/shop/moving:1"))
    assert podfit("lock", "web.yaml").code == 0
    assert podfit("lock", "web.yaml", "--check").code == 0
    registry.push_image("shop/moving", "1", ["linux/amd64"])
    done = podfit("lock", "web.yaml", "--check")
    assert done.code == 1
    assert "platforms lost: linux/arm64" in done.out
