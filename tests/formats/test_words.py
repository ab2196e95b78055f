"""Platforms, pools, outcomes and totals in words."""

from dataclasses import replace

import pytest

from auditor.assessment import Assessment
from auditor.errors import Problem
from auditor.findings import Severity
from auditor.formats.words import (
    Outcome,
    may_land,
    pools_of,
    reservations,
    results,
    runs_on,
    scope,
    severities,
    verdict,
    workload_names,
)
from auditor.nodes import ClusterProfile, Taint
from auditor.platforms import parse_platform
from auditor.policy import Gate
from auditor.report import Report
from tests.support.reports import (
    EDGE,
    HYBRID,
    LINUX,
    LINUX_ONLY,
    SHOP,
    WINDOWS_2022,
    WINDOWS_2025,
    WINDOWS_ONLY,
    audit,
    joined,
    pool,
    silence,
    workload,
)


@pytest.mark.parametrize(
    ("platforms", "limit", "text"),
    [
        ("linux/amd64", 3, "linux amd64"),
        ("linux/arm64/v8 linux/amd64", 3, "linux amd64 arm64"),
        ("linux/s390x linux/386 linux/arm64 linux/amd64", 3, "linux amd64 arm64 +2"),
        ("linux/s390x linux/386 linux/arm64 linux/amd64", 2, "linux amd64 +3"),
        ("linux/s390x linux/386 linux/arm64 linux/amd64", 0, "linux"),
        ("linux/arm/v5 linux/arm/v7", 3, "linux arm"),
        ("windows(10.0.20348.1)/amd64 windows(10.0.17763.9)/amd64", 3, "windows 17763 20348"),
        ("windows(10.0.20348.1)/amd64 windows(10.0.20348.7)/amd64", 3, "windows 20348"),
        ("windows(10.0.26100.1)/arm64", 3, "windows arm64/26100"),
        ("windows/amd64", 3, "windows"),
        ("windows(10.0.26100.1)/amd64 linux/amd64", 3, "linux amd64, windows 26100"),
        ("", 3, "nothing"),
    ],
)
def test_platforms(platforms: str, limit: int, text: str) -> None:
    assert runs_on(tuple(map(parse_platform, platforms.split())), limit) == text


TAINTED = replace(WINDOWS_2025, taints=(Taint("os", "windows", "NoSchedule"),))
NAMED = "nodeName: worker-1"
OPERATED = (
    "apiVersion: monitoring.coreos.com/v1\nkind: Alertmanager\nmetadata: {name: a}\nspec: {}\n"
)


@pytest.mark.parametrize(
    ("spec", "clusters", "text"),
    [
        ("", (HYBRID,), "any"),
        (LINUX_ONLY, (HYBRID,), "linux"),
        (WINDOWS_ONLY, (HYBRID,), "windows"),
        ("nodeSelector: {kubernetes.io/os: plan9}", (HYBRID,), "nowhere"),
        ("", (ClusterProfile("c", (LINUX, WINDOWS_2022, TAINTED)),), "linux, windows-2022"),
        (NAMED, (HYBRID,), "linux?, windows?"),
        ("", (HYBRID, EDGE), "any"),
        (WINDOWS_ONLY, (HYBRID, EDGE), "hybrid: windows; edge: nowhere"),
    ],
)
def test_where_a_pod_may_land(spec: str, clusters: tuple[ClusterProfile, ...], text: str) -> None:
    assert may_land(_only(audit(workload(spec=spec), clusters=clusters))) == text


def test_outcomes() -> None:
    report = audit(joined(SHOP, workload("named", "pause:3.8", spec=NAMED)))

    assert [(result.outcome, str(result)) for result in results(report)] == [
        (Outcome.ERROR, "missing-os-selector"),
        (Outcome.ERROR, "windows-build-mismatch"),
        (Outcome.OK, "ok"),
        (Outcome.WARNING, "image-unresolved"),
        (Outcome.UNKNOWN, "undecided"),
    ]


def test_what_is_silenced_or_not_looked_for_is_not_called_ok() -> None:
    report = audit(workload())
    silenced = silence(report, rule="missing-os-selector", reason="tainted")
    unruled = replace(report, findings=(), rules=())
    unresolved = replace(audit(workload(image="registry.corp/x")), findings=())
    unstated = audit(OPERATED)

    assert [str(result) for result in results(silenced)] == ["ignored: missing-os-selector"]
    assert [str(result) for result in results(unruled)] == ["cannot run, no rule applied"]
    assert [str(result) for result in results(unresolved)] == ["image unresolved"]
    assert [str(result) for result in results(unstated)] == ["image not stated"]


def test_the_worst_rule_comes_first_and_each_once() -> None:
    report = audit(workload(image="coredns:1.14"), clusters=(HYBRID, EDGE))
    (info, *others) = report.findings
    milder = replace(report, findings=(replace(info, severity=Severity.INFO), *others, info))

    (result,) = results(milder)
    assert result.outcome is Outcome.ERROR
    assert sorted(result.rules) == ["missing-arch-selector", "missing-os-selector"]


def test_a_namespace_is_named_only_where_it_tells_two_apart() -> None:
    texts = (workload("web", namespace="a"), workload("web", namespace="b"), workload("api"))

    assert workload_names(audit(joined(*texts))) == (
        "Deployment/web in a",
        "Deployment/web in b",
        "Deployment/api",
    )


def test_pools_of_a_finding() -> None:
    one = audit(workload())
    two = audit(workload(), clusters=(HYBRID, EDGE))
    many = ClusterProfile("many", (LINUX, *(pool(f"w{n}", "windows/amd64") for n in range(9))))
    crowd = audit(workload(), clusters=(many,))

    assert pools_of(one.findings[0].observation, one) == "windows-2022 and windows-2025"
    assert pools_of(two.findings[0].observation, two) == (
        "hybrid/windows-2022 and hybrid/windows-2025"
    )
    assert pools_of(crowd.findings[0].observation, crowd) == "w0, w1, w2, w3, w4 and 4 more"


def test_totals() -> None:
    report = audit(SHOP)

    assert severities(report) == "2 errors, 1 warning"
    assert scope(report) == "4 workloads, 4 images"
    assert reservations(report) == ("1 image unresolved",)


def test_whatever_qualifies_the_verdict_is_said() -> None:
    broken = Problem("not YAML", "x.yaml:1:1")
    report = audit(joined(SHOP, workload("named", "pause:3.8", spec=NAMED)), broken)
    silenced = silence(report, rule="missing-os-selector", reason="tainted")

    assert reservations(silenced) == (
        "1 suppressed",
        "1 image unresolved",
        "3 placements undecided",
        "1 part not audited",
        "audit incomplete",
    )


def test_what_the_baseline_holds_is_counted_apart() -> None:
    known = silence(audit(SHOP), rule="missing-os-selector", by="baseline", reason="")

    assert reservations(known)[0] == "1 suppressed (1 by the baseline)"


def test_no_findings_of_an_incomplete_audit_is_not_a_pass() -> None:
    named = workload("named", "pause:3.8", spec=NAMED)
    operated = audit(OPERATED, gate=Gate(strict=True))

    assert verdict(audit(workload(image="pause:3.8"))) == "No problems"
    assert verdict(audit(named, gate=Gate(strict=True))) == (
        "No findings, but the audit is incomplete"
    )
    assert verdict(operated) == "No findings, but the audit is incomplete"
    assert reservations(operated) == ("1 workload without a stated image",)
    assert operated.exit_code == 3


def _only(report: Report) -> Assessment:
    (assessment,) = report.assessments
    return assessment
