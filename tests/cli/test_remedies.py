"""Remedies on the command line: in the report, as values, and left out."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.charts import require_library, write_tree
from tests.support.command import podfit, write_lock
from tests.support.remedies import KNOBS
from tests.support.reports import workload
from tests.support.tools import require_kustomize

LOCK = {"docker.io/library/nginx:1.31": ("linux/amd64", "linux/arm64")}
AUDIT = ("audit", str(KNOBS / "no-knob"), "--locked", "--lock-file", "podfit.lock.json")


@pytest.fixture(autouse=True)
def _locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_library()
    write_lock(tmp_path, LOCK)
    monkeypatch.chdir(tmp_path)


def test_the_report_says_which_value_to_set() -> None:
    done = podfit(*AUDIT, "-o", "concise")

    assert done.code == 1
    assert "(values: nodeSelector: {kubernetes.io/os: linux})" in done.out
    assert "warning[selector-not-configurable] no value of the chart sets" in done.out


def test_values_for_helm(tmp_path: Path) -> None:
    done = podfit(*AUDIT, "-o", "values=fix.yaml")
    text = (tmp_path / "fix.yaml").read_text(encoding="utf-8")

    assert done.out == ""
    assert text.endswith(
        "no-knob: resolves 1 of 2 findings\n# podfit found no value that sets Job/migrate\n"
        "nodeSelector:\n  kubernetes.io/os: linux\n"
    )
    after = podfit(*AUDIT, "-f", "fix.yaml", "-o", "json")
    assert {item["workload"]["name"] for item in json.loads(after.out)["findings"]} == {"migrate"}


def test_nobody_has_to_look_for_remedies() -> None:
    done = podfit(*AUDIT, "--no-remedies", "-o", "json")

    report = json.loads(done.out)
    assert done.code == 1
    assert {item["rule"] for item in report["findings"]} == {"missing-os-selector"}
    assert {item["fix"]["text"] for item in report["findings"]} == {
        "set nodeSelector: {kubernetes.io/os: linux}"
    }
    assert report["overlays"] == []


def test_an_ignore_of_the_rule_is_not_unused_where_it_was_not_applied(tmp_path: Path) -> None:
    Path(".podfit.yaml").write_text(
        "ignore:\n  - {rule: selector-not-configurable, reason: the author knows}\n",
        encoding="utf-8",
    )

    done = podfit(*AUDIT, "--config", ".podfit.yaml", "--no-remedies", "-o", "concise")

    assert "unused-ignore" not in done.out


def test_views_of_the_audit_do_not_look_for_remedies() -> None:
    for command in ("matrix", "images"):
        done = podfit(command, *AUDIT[1:])

        assert "selector-not-configurable" not in done.out + done.err


def test_a_kustomization_gets_a_patch_that_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_kustomize(monkeypatch, tmp_path)
    write_tree(
        Path("shop"), {"kustomization.yaml": "resources: [web.yaml]\n", "web.yaml": workload()}
    )

    done = podfit("audit", "shop", *AUDIT[2:], "-o", "json")

    [finding] = json.loads(done.out)["findings"]
    assert [(item["where"], item["verified"]) for item in finding["fix"]["remedies"]] == [
        ("shop/kustomization.yaml:1", True)
    ]


def test_values_of_a_followed_chart_say_where_they_go(tmp_path: Path) -> None:
    shutil.copytree(KNOBS / "root-selector", tmp_path / "charts" / "shop")
    write_tree(
        tmp_path,
        {
            ".git/HEAD": "ref: refs/heads/main\n",
            "apps/shop.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"
            "metadata: {name: shop}\nspec: {source: {repoURL: x, path: charts/shop}}\n",
        },
    )

    done = podfit("audit", "apps", "--follow", *AUDIT[2:], "-o", "values")

    assert done.out == (
        "# charts/shop with Application/shop: resolves 1 of 1 finding\n"
        "# for spec.source.helm.valuesObject of Application/shop\n"
        "nodeSelector:\n  kubernetes.io/os: linux\n"
    )
