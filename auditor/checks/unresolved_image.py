"""Images that no node can pull, or whose platforms nobody could tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.assessment import Assessment, ImageUse
from auditor.checks.interface import Check, Parameters
from auditor.findings import Confidence, Consequence, Observation, Subject
from auditor.images import UnknownPlatforms, UnknownReason
from auditor.phrases import built_for, consequence, container_text, listed
from auditor.workloads import Role

_BROKEN: Final = {
    UnknownReason.NOT_FOUND: "missing",
    UnknownReason.INVALID_REFERENCE: "invalid",
    UnknownReason.NOT_AN_IMAGE: "invalid",
    UnknownReason.DIGEST_MISMATCH: "invalid",
}
_HINTS: Final = {
    "missing": "correct the name or the tag, or push the image",
    "invalid": "correct the image",
    "unknown": "`podfit inspect IMAGE -v` shows what the registry answers",
}
_REPUSH: Final = "push the image again; `podfit inspect` shows what the registry holds"


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """One observation for each image text, with the containers that use it."""
    wanted = parameters["reason"]
    groups: dict[tuple[str, UnknownPlatforms], list[ImageUse]] = {}
    for use in assessment.judged:
        answer = _trouble(use)
        if answer is not None and _group(use, answer) == wanted:
            groups.setdefault((use.container.image, answer), []).append(use)
    for (image, answer), uses in groups.items():
        yield _observation(assessment, wanted, image, answer, uses)


def _group(use: ImageUse, answer: UnknownPlatforms) -> str:
    """CRI-O mounts any artifact as a volume (KEP-4639), where containerd takes images alone."""
    is_artifact = answer.reason is UnknownReason.NOT_AN_IMAGE and use.known is None
    if is_artifact and use.container.role is Role.IMAGE_VOLUME:
        return "unknown"
    return _BROKEN.get(answer.reason, "unknown")


def _trouble(use: ImageUse) -> UnknownPlatforms | None:
    """Why nobody can tell, or why there is nothing to run."""
    if isinstance(use.platforms, UnknownPlatforms):
        return use.platforms
    if use.platforms.platforms:
        return None
    missing = built_for(use.platforms.dangling)
    why = (
        f"the index lists {missing}, but the registry has no manifest for it"
        if use.platforms.dangling
        else "the index lists no manifest that a node could run"
    )
    return UnknownPlatforms(UnknownReason.NOT_AN_IMAGE, why, _REPUSH)


def _observation(
    assessment: Assessment,
    wanted: str,
    image: str,
    answer: UnknownPlatforms,
    uses: Sequence[ImageUse],
) -> Observation:
    workload = assessment.workload
    unknown = wanted == "unknown"
    owners = listed(container_text(use.container) for use in uses)
    return Observation(
        workload=workload,
        message=f"{workload}: {_problem(wanted, image or '(empty)', owners)}",
        location=uses[0].container.location,
        subjects=tuple(
            Subject(u.container.name, u.container.role.value, image, problem=answer.message)
            for u in uses
        ),
        why=answer.message,
        fix=answer.hint or _HINTS[wanted],
        consequence=Consequence.NONE if unknown else consequence(workload, certain=True),
        confidence=Confidence.LOW if unknown else Confidence.HIGH,
    )


def _problem(wanted: str, image: str, owners: str) -> str:
    match wanted:
        case "missing":
            return f"image {image} of {owners} does not exist"
        case "invalid":
            return f"no node can pull image {image} of {owners}"
        case _:
            return f"could not tell the platforms of image {image} of {owners}"


CHECK: Final = Check(_observe, parameters={"reason": ("invalid", "missing", "unknown")})
