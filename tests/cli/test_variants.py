"""Charts with several values: what users see of variants."""

from pathlib import Path

import pytest

from tests.support.charts import require_library, write_chart, write_tree
from tests.support.command import podfit, write_lock

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  nodeSelector: {{- toYaml .Values.nodeSelector | nindent 4 }}
  containers: [{name: web, image: nginx:1}]
"""
LINUX = "nodeSelector: {kubernetes.io/os: linux}\n"


@pytest.fixture(autouse=True)
def chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require_library()
    repo = tmp_path / "repo"
    made = write_chart(repo / "web", {"pod.yaml": POD}, values=LINUX)
    write_tree(made, {"ci/open-values.yaml": "nodeSelector: {kubernetes.io/os: null}\n"})
    (repo / ".git").mkdir()
    monkeypatch.chdir(repo)
    write_lock(repo, {"docker.io/library/nginx:1": ("linux/amd64",)})
    return made


def test_findings_say_which_variants_show_them() -> None:
    done = podfit("audit", "web", "--locked")

    assert done.code == 1
    assert " = with: ci/open-values.yaml\n" in done.out
    assert "2 workloads" in done.out
    assert "Pod/web with default " in done.out
    assert "Pod/web with ci/open-values.yaml" in done.out


def test_json_and_markdown_name_them_too() -> None:
    done = podfit("audit", "web", "--locked", "-o", "json")

    assert [item["variants"] for item in done.json["findings"]] == [["ci/open-values.yaml"]]
    assert [item["variants"] for item in done.json["workloads"]] == [
        ["default"],
        ["ci/open-values.yaml"],
    ]
    markdown = podfit("audit", "web", "--locked", "-o", "markdown").out
    assert "- **With:** ci/open-values.yaml" in markdown


def test_without_ci_values() -> None:
    done = podfit("audit", "web", "--locked", "--no-ci-values")

    assert done.code == 0
    assert "1 workload" in done.out


def test_values_that_are_given_replace_the_variants() -> None:
    done = podfit("audit", "web", "--locked", "--set", "nodeSelector.a=b")

    assert done.code == 0


def test_variants_of_the_configuration(chart: Path) -> None:
    (chart / "ci" / "open-values.yaml").unlink()
    (chart.parent / "edge.yaml").write_text("nodeSelector: {kubernetes.io/os: null}\n")
    (chart.parent / ".podfit.yaml").write_text(
        "version: 1\ncharts: [{path: web, variants: [{name: edge, values: edge.yaml}]}]\n"
    )

    done = podfit("audit", "web", "--locked", "-o", "json")

    assert [item["variants"] for item in done.json["findings"]] == [["edge"]]


def test_a_baseline_holds_a_finding_of_several_variants_once(chart: Path) -> None:
    (chart / "values.yaml").write_text("nodeSelector: {}\n")
    write_tree(chart, {"ci/zone-values.yaml": "nodeSelector: {zone: a}\n"})

    written = podfit("baseline", "web", "--locked")
    assert written.code == 0, written.err
    done = podfit("audit", "web", "--locked")

    assert done.code == 0, done.out
    assert "1 suppressed" in done.out
