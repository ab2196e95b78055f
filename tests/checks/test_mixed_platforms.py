"""Pods whose images have no platform in common."""

from auditor.checks.findings import Consequence
from auditor.checks.platforms import MIXED_PLATFORMS
from tests.support.assessments import UNKNOWN, assessed, image

MULTI = image("linux/amd64", "linux/arm64")
IIS = image("windows(10.0.20348.1)/amd64")


def test_mixed_images_are_each_said() -> None:
    (seen,) = MIXED_PLATFORMS.observe(assessed("", MULTI, IIS, UNKNOWN), {})

    assert (
        seen.message
        == "Deployment/app cannot run on any node: its images have no platform in common"
    )
    assert seen.why == (
        "all containers of a pod run on one node; container `c0` is built for linux/amd64 and "
        "linux/arm64; container `c1` is built for Windows 10.0.20348"
    )
    assert [subject.container for subject in seen.subjects] == ["c0", "c1"]
    assert seen.consequence is Consequence.CERTAIN


def test_images_with_a_common_platform() -> None:
    assert list(MIXED_PLATFORMS.observe(assessed("", MULTI, image("linux/arm64")), {})) == []
