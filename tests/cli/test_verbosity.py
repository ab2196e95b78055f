"""`--quiet` and `--verbose`: less and more than the report."""

import re
from pathlib import Path

import pytest

from tests.support.charts import require_library
from tests.support.command import podfit, write_lock
from tests.support.registry import Registry
from tests.support.tools import put_on_path

POD = """apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  containers:
    - name: web
      image: {image}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    monkeypatch.chdir(path)
    (path / "web.yaml").write_text(POD.format(image="nginx:1"))
    return path


def test_quiet_prints_findings_without_table_or_hints(folder: Path) -> None:
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64",)})
    done = podfit("audit", "--locked", "--quiet")
    assert done.code == 1
    assert done.out.startswith("error[missing-os-selector]: Pod/web can land on Windows nodes")
    assert done.out.endswith("\n\n✗ 1 error · 1 workload, 1 image\n")
    assert "WORKLOAD" not in done.out
    assert "Explain a rule" not in done.out


def test_quiet_prints_nothing_where_nothing_was_found(folder: Path) -> None:
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64", "linux/arm64/v8")})
    done = podfit("audit", "--locked", "-q", "--cluster", "linux")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_quiet_still_says_that_an_audit_is_incomplete(folder: Path) -> None:
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64",)})
    done = podfit("audit", "missing.yaml", "--locked", "-q")
    assert done.code == 3
    assert "not audited: missing.yaml does not exist" in done.out
    assert "the audit is incomplete" in done.out


def test_quiet_and_verbose_exclude_each_other() -> None:
    done = podfit("audit", "-q", "-v")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: --quiet cannot be used with --verbose\n"


def test_verbose_tells_on_standard_error_what_the_audit_goes_by(folder: Path) -> None:
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64",)})
    (folder / ".podfit.yaml").write_text("version: 1\nrules: {deprecated-os-label: off}\n")
    (folder / ".git").mkdir()
    plain = podfit("audit", "web.yaml", "--locked", "--cluster", "rke1")
    done = podfit("audit", "web.yaml", "--locked", "--cluster", "rke1", "-v")
    assert (done.code, done.out) == (plain.code, plain.out)
    assert re.sub(r"\d\.\d\d s", "0.00 s", done.err).splitlines() == [
        "configuration of .: .podfit.yaml",
        (
            "cluster rke1: linux-amd64 (linux/amd64, cattle.io/os=linux:NoSchedule), "
            "windows-2019 (windows(10.0.17763)/amd64), windows-2022 (windows(10.0.20348)/amd64)"
        ),
        "rules: 21 applied; not applied: deprecated-os-label, excluded-compatible-pool",
        "lock file: podfit.lock.json",
        "read web.yaml: 1 document in 0.00 s",
        "image docker.io/library/nginx:1: from lock file",
    ]


@pytest.mark.parametrize(
    ("renderer", "name"), [("embedded", "the Helm library"), ("cli", "the helm program")]
)
def test_verbose_tells_which_helm_rendered_and_what_it_warned_of(
    folder: Path, tmp_path: Path, renderer: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path, "helm")
    chart = folder / "shop"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: shop, version: 1.0.0}\n")
    (chart / "values.yaml").write_text("resources: {limits: {cpu: 1}}\n")
    (chart / "templates" / "web.yaml").write_text(POD.format(image="nginx:1"))
    (folder / "wrong.yaml").write_text("resources: {limits: 5}\n")
    done = podfit("audit", "shop", "-f", "wrong.yaml", "--locked", "-v", "--renderer", renderer)
    assert re.search(
        rf"^rendered shop: 1 template in \d+\.\d\d s with {name}$", done.err, re.MULTILINE
    )
    assert re.search(r"^helm: .*cannot overwrite table with non table", done.err, re.MULTILINE)


def test_verbose_names_the_values_that_are_tried(folder: Path) -> None:
    require_library()
    keys = ("one", "two", "three", "four", "five")
    chart = folder / "shop"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: shop, version: 1.0.0}\n")
    (chart / "values.yaml").write_text("".join(f"{key}: {{nodeSelector: {{}}}}\n" for key in keys))
    for key in keys:
        selector = f"  nodeSelector: {{{{ toJson .Values.{key}.nodeSelector }}}}\n"
        text = POD.format(image="nginx:1").replace("{name: web}", f"{{name: {key}}}")
        (chart / "templates" / f"{key}.yaml").write_text(text + selector)
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64",)})
    done = podfit("audit", "shop", "--locked", "-v", "--lock-file", "podfit.lock.json")
    tried = re.findall(r"^rendered shop, trying (.*): 5 templates", done.err, re.MULTILINE)
    assert "five.nodeSelector, four.nodeSelector, one.nodeSelector and 2 others" in tried
    assert "one.nodeSelector and two.nodeSelector" in tried


def test_verbose_shows_what_is_asked_of_a_registry(folder: Path, registry: Registry) -> None:
    registry.push_image("verbosity/web", "1", ["linux/amd64"])
    image = f"{registry.host}/verbosity/web:1"
    (folder / "web.yaml").write_text(POD.format(image=image))
    done = podfit("audit", "-v")
    assert f"GET http://{registry.host}/v2/verbosity/web/manifests/" in done.err
    assert f"image {image}: from registry" in done.err


def test_verbose_says_what_silenced_a_finding(folder: Path) -> None:
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64",)})
    comment = "# podfit: ignore[missing-os-selector] tainted pool\n"
    (folder / "web.yaml").write_text(POD.format(image="nginx:1") + comment)
    done = podfit("audit", "web.yaml", "--locked", "--verbose")
    assert "suppressed missing-os-selector of Pod/web by comment (web.yaml:8:1): tainted pool" in (
        done.err
    )
