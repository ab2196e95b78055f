"""Images whose platforms nobody could tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment, ImageUse
from auditor.checks.interface import Check, Parameters
from auditor.findings import Confidence, Consequence, Observation, Subject
from auditor.images import UnknownPlatforms, UnknownReason
from auditor.phrases import consequence, unique

_BROKEN: Final = {
    UnknownReason.NOT_FOUND: "missing",
    UnknownReason.INVALID_REFERENCE: "invalid",
    UnknownReason.NOT_AN_IMAGE: "invalid",
    UnknownReason.DIGEST_MISMATCH: "invalid",
}


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """One observation for each image text, with the containers that use it."""
    wanted = parameters["reason"]
    workload = assessment.workload
    groups: dict[str, list[ImageUse]] = {}
    for use in assessment.unresolved:
        if isinstance(use.platforms, UnknownPlatforms) and _group(use.platforms) == wanted:
            groups.setdefault(use.container.image, []).append(use)
    for image, uses in groups.items():
        answer = uses[0].platforms
        if not isinstance(answer, UnknownPlatforms):
            continue
        names = " and ".join(unique(f"`{use.container.name}`" for use in uses))
        yield Observation(
            workload=workload,
            message=f"{workload}: {_problem(wanted)} {image or '(empty)'} of container {names}",
            location=uses[0].container.location,
            subjects=tuple(
                Subject(u.container.name, u.container.role.value, image, problem=answer.message)
                for u in uses
            ),
            why=answer.message,
            fix=answer.hint,
            consequence=Consequence.NONE if wanted == "unknown" else consequence(workload),
            confidence=Confidence.LOW if wanted == "unknown" else Confidence.HIGH,
        )


def _group(answer: UnknownPlatforms) -> str:
    return _BROKEN.get(answer.reason, "unknown")


def _problem(wanted: str) -> str:
    return {
        "missing": "there is no image",
        "invalid": "no node can pull the image",
        "unknown": "could not tell the platforms of image",
    }[wanted]


CHECK: Final = Check(_observe, parameters={"reason": ("invalid", "missing", "unknown")})
