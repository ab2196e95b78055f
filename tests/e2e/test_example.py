"""The example shows what its README promises: each rule, and what is fine."""

import json
from typing import Any

import pytest

from tests.e2e.programs import podfit
from tests.support.tools import ROOT

AUDIT = ("audit", "examples", "--cluster", "hybrid-arm64", "--locked")


@pytest.fixture(scope="module")
def report() -> Any:
    done = podfit(*AUDIT, "-o", "json")
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


def test_each_rule_is_shown(report: Any) -> None:
    shown = {
        (finding["rule"], f"{finding['workload']['kind']}/{finding['workload']['name']}")
        for finding in report["findings"]
    }

    assert shown == {
        ("image-unresolved", "CronJob/sales-report"),
        ("missing-arch-selector", "Deployment/dns-cache"),
        ("missing-os-selector", "DaemonSet/shop-log-agent"),
        ("missing-os-selector", "Deployment/shop-web"),
        ("windows-build-mismatch", "Deployment/shop-storefront"),
    }


def test_every_workload_is_accounted_for(report: Any) -> None:
    names = {f"{workload['kind']}/{workload['name']}" for workload in report["workloads"]}
    readme = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")

    assert len(names) == 9
    assert {name for name in names if f"`{name}`" in readme} == names
    assert report["errors"] == []


def test_the_lock_file_holds_what_is_needed_and_no_more(report: Any) -> None:
    text = (ROOT / "examples" / "podfit.lock.json").read_text(encoding="utf-8")
    lock = json.loads(text)

    known = {image["image"] for image in report["images"] if image["platforms"] != "unknown"}
    assert set(lock["images"]) == known
    assert list(lock["images"]) == sorted(lock["images"])
    assert text == json.dumps(lock, indent=2) + "\n"


def test_two_runs_print_the_same_bytes() -> None:
    assert podfit(*AUDIT).stdout == podfit(*AUDIT).stdout
