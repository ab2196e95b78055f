"""Images that are missing, broken or unknown."""

import pytest
from msgspec.structs import replace

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Confidence, Consequence, Observation
from auditor.checks.images import UNRESOLVED_IMAGE
from auditor.images.images import Platforms, UnknownPlatforms, UnknownReason
from auditor.kubernetes.workloads import Role
from tests.support.assessments import HYBRID, UNKNOWN, assessed, image, reassessed

MULTI = image("linux/amd64", "linux/arm64")


def unresolved(found: Assessment, reason: str) -> list[Observation]:
    return list(UNRESOLVED_IMAGE.observe(found, {"reason": reason}))


@pytest.mark.parametrize(
    ("reason", "group"),
    [
        (UnknownReason.NOT_FOUND, "missing"),
        (UnknownReason.INVALID_REFERENCE, "invalid"),
        (UnknownReason.NOT_AN_IMAGE, "invalid"),
        (UnknownReason.DIGEST_MISMATCH, "invalid"),
        (UnknownReason.NOT_FOUND_OR_DENIED, "unknown"),
        (UnknownReason.UNRESOLVED_TEMPLATE, "unknown"),
        (UnknownReason.RATE_LIMITED, "unknown"),
    ],
)
def test_each_reason_belongs_to_one_rule(reason: UnknownReason, group: str) -> None:
    found = assessed("", UnknownPlatforms(reason, "why", "how"))
    groups = [name for name in UNRESOLVED_IMAGE.parameters["reason"] if unresolved(found, name)]

    assert groups == [group]


@pytest.mark.parametrize(
    ("answer", "group"),
    [
        (UnknownPlatforms(UnknownReason.NOT_AN_IMAGE, "an artifact", ""), "unknown"),
        (UnknownPlatforms(UnknownReason.DIGEST_MISMATCH, "forged", ""), "invalid"),
        (image(dangling=["linux/amd64"]), "invalid"),
    ],
)
def test_a_volume_may_be_no_image(answer: Platforms, group: str) -> None:
    found = assessed("", MULTI, answer, role=Role.IMAGE_VOLUME)
    groups = [name for name in UNRESOLVED_IMAGE.parameters["reason"] if unresolved(found, name)]

    assert groups == [group]


def test_an_image_that_does_not_exist() -> None:
    gone = UnknownPlatforms(UnknownReason.NOT_FOUND, "no such tag", "correct it")
    (seen,) = unresolved(assessed("", MULTI, gone, role=Role.INIT), "missing")

    assert seen.message == ("Deployment/app: image image1:1 of init container `c1` does not exist")
    assert (seen.why, seen.fix) == ("no such tag", "correct it")
    assert (seen.consequence, seen.confidence) == (Consequence.CERTAIN, Confidence.HIGH)


def test_what_nobody_knows_is_not_sure_to_fail() -> None:
    (seen,) = unresolved(assessed("", UNKNOWN), "unknown")

    assert (seen.consequence, seen.confidence) == (Consequence.NONE, Confidence.LOW)


@pytest.mark.parametrize(
    ("dangling", "why"),
    [
        ((), "the index lists no manifest that a node could run"),
        (("linux/amd64",), "the index lists linux/amd64, but the registry has no manifest for it"),
    ],
)
def test_an_index_without_anything_to_run(dangling: tuple[str, ...], why: str) -> None:
    (seen,) = unresolved(assessed("", image(dangling=dangling)), "invalid")

    assert seen.why == why


def test_an_image_used_twice_is_said_once() -> None:
    found = assessed("", UNKNOWN, UNKNOWN)
    same = tuple(replace(item, image="same:1") for item in found.workload.containers)
    made = replace(found.workload, containers=same)
    (seen,) = unresolved(reassessed(made, [UNKNOWN, UNKNOWN], [HYBRID]), "unknown")

    assert seen.message.endswith("image same:1 of container `c0` and container `c1`")
    assert [subject.container for subject in seen.subjects] == ["c0", "c1"]


def test_an_empty_text_is_shown_as_such() -> None:
    found = assessed("", UNKNOWN)
    (item,) = found.workload.containers
    made = replace(found.workload, containers=(replace(item, image=""),))
    (seen,) = unresolved(reassessed(made, [UNKNOWN], [HYBRID]), "unknown")

    assert "image (empty) of container `c0`" in seen.message


def test_a_referenced_image_is_not_missed() -> None:
    found = assessed("", MULTI, UNKNOWN, role=Role.REFERENCED)

    assert unresolved(found, "unknown") == []
