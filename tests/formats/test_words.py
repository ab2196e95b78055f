"""Platforms, pools and names in words."""

import pytest
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.assessment import Assessment
from auditor.formats.wording import may_land, pools_of, runs_on, workload_names
from auditor.images.platforms import parse_platform
from auditor.kubernetes.manifests import Document
from auditor.scheduling.nodes import ClusterProfile, Taint
from tests.support.reports import (
    EDGE,
    HYBRID,
    LINUX,
    LINUX_ONLY,
    WINDOWS_2022,
    WINDOWS_2025,
    WINDOWS_ONLY,
    audit,
    joined,
    pool,
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


def test_a_namespace_is_named_only_where_it_tells_two_apart() -> None:
    texts = (workload("web", namespace="a"), workload("web", namespace="b"), workload("api"))

    assert workload_names(audit(joined(*texts))) == (
        "Deployment/web in a",
        "Deployment/web in b",
        "Deployment/api",
    )


def test_a_file_is_named_only_where_it_tells_two_apart() -> None:
    paths = ("deploy/a/web.yaml", "deploy/b/web.yaml", "deploy/b/api.yaml")
    names = ("web", "web", "api")
    files = (Document(p, workload(n), "deploy") for p, n in zip(paths, names, strict=True))

    assert workload_names(audit(*files)) == (
        "Deployment/web in a/web.yaml",
        "Deployment/web in b/web.yaml",
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
    assert pools_of(crowd.findings[0].observation, crowd) == "w0, w1, w2, w3, w4 and 4 others"


def _only(report: Report) -> Assessment:
    (assessment,) = report.assessments
    return assessment
