"""Images that a pod only names for others."""

from auditor.checks.findings import Confidence, Consequence, Observation
from auditor.checks.images import REFERENCED_IMAGE
from auditor.images.images import Platforms
from auditor.kubernetes.workloads import Role
from tests.support.assessments import UNKNOWN, assessed, image

MULTI = image("linux/amd64", "linux/arm64")
AMD64 = image("linux/amd64")
ANYWHERE = image("linux/amd64", "linux/arm64", "windows(10.0.20348.1)/amd64")


def referenced(*images: Platforms) -> list[Observation]:
    found = assessed("", *images, role=Role.REFERENCED)
    return list(REFERENCED_IMAGE.observe(found, {}))


def test_an_image_for_others() -> None:
    (seen,) = referenced(ANYWHERE, AMD64)

    assert seen.message == (
        "Deployment/app names image image1:1, which cannot run on linux/arm64, "
        "windows(10.0.20348)/amd64 and windows(10.0.26100)/amd64"
    )
    assert (seen.consequence, seen.confidence) == (Consequence.NONE, Confidence.LOW)


def test_an_image_for_others_that_runs_everywhere_or_is_unknown() -> None:
    assert referenced(MULTI, ANYWHERE) == []
    assert referenced(MULTI, UNKNOWN) == []
