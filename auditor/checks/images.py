"""Checks of image references: dangling rows, pinned platforms, referenced and unresolved images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from auditor.checks.assessment import Assessment, ImageUse, PoolFit, use_compatibility
from auditor.checks.findings import Confidence, Consequence, Observation, Subject
from auditor.checks.interface import Check, Parameters
from auditor.checks.wording import (
    built_for,
    consequence,
    container_text,
    listed,
    pool_ids,
    pool_names,
    subject,
)
from auditor.images.images import KnownPlatforms, UnknownPlatforms, UnknownReason
from auditor.kubernetes.workloads import Role
from auditor.scheduling.compatibility import Runnable, lacking_platforms
from auditor.scheduling.placement import Verdict


def _dangling_row(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find index rows whose manifest the registry does not have.

    Reports the pools whose nodes would select a missing row. An image without any manifest is
    left to the `unresolved-image` check.
    """
    del parameters
    workload = assessment.workload
    for use in assessment.judged:
        if use.known is None or not use.known.dangling or not use.known.platforms:
            continue
        affected = [fit for fit in assessment.fits if _needs_missing_row(use, fit)]
        yield Observation(
            workload=workload,
            message=f"{workload}: image {use.container.image} lists "
            f"{built_for(use.known.dangling)}, but the registry has no manifest for it",
            location=use.container.location,
            subjects=(subject(use),),
            pools=pool_ids(affected),
            why="a node of that platform selects this row of the index but cannot pull it",
            fix="push the image again, or mirror all of its platforms",
            consequence=consequence(workload) if affected else Consequence.NONE,
        )


def _needs_missing_row(use: ImageUse, fit: PoolFit) -> bool:
    if use.known is None or fit.placement.verdict is Verdict.REFUSED:
        return False
    missing = replace(use, platforms=dataclasses.replace(use.known, platforms=use.known.dangling))
    return (
        use_compatibility(use, fit.pool).runnable is Runnable.NO
        and use_compatibility(missing, fit.pool).runnable is not Runnable.NO
    )


DANGLING_ROW: Final = Check(_dangling_row)


def _pinned_row(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find digests that name one row of the index that the tag names.

    Reports the pools that another row of the index runs on.
    """
    del parameters
    workload = assessment.workload
    for use in assessment.judged:
        if use.known is None or use.tagged is None or not _is_one_of_several(use.known, use.tagged):
            continue
        affected = [fit for fit in assessment.fits if _needs_another_row(use, fit)]
        text = use.container.image.partition("@")[0]
        yield Observation(
            workload=workload,
            message=f"{workload}: the digest after {text} pins {built_for(use.known.platforms)}, "
            "one of several platforms of the tag",
            location=use.container.location,
            subjects=(subject(use),),
            pools=pool_ids(affected),
            why=f"the tag names an index of {built_for(use.tagged.platforms)}; with the digest of "
            "one manifest, every node pulls that manifest without a check of its platform",
            fix=f"pin the index instead: {text}@{use.tagged.digest}",
            consequence=consequence(workload) if affected else Consequence.NONE,
        )


def _is_one_of_several(pinned: KnownPlatforms, tagged: KnownPlatforms) -> bool:
    """Return whether the digest is one of several platforms; attestations do not count."""
    return pinned.digest in tagged.rows and len(tagged.platforms) > 1


def _needs_another_row(use: ImageUse, fit: PoolFit) -> bool:
    if use.tagged is None or fit.placement.verdict is Verdict.REFUSED:
        return False
    pinned = use_compatibility(use, fit.pool).runnable
    whole = use_compatibility(replace(use, platforms=use.tagged), fit.pool).runnable
    return pinned is Runnable.NO and whole is not Runnable.NO


PINNED_ROW: Final = Check(_pinned_row)


def _referenced_image(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find images in arguments and environment variables that cannot run on some pool."""
    del parameters
    workload = assessment.workload
    for use in assessment.referenced:
        fits = [
            fit
            for fit in assessment.fits
            if use_compatibility(use, fit.pool).runnable is Runnable.NO
        ]
        if not fits or use.known is None:
            continue
        yield Observation(
            workload=workload,
            message=f"{workload} names image {use.container.image}, which cannot run on "
            f"{pool_names(fits, assessment)}",
            location=use.container.location,
            subjects=(subject(use),),
            pools=pool_ids(fits),
            why=f"the image is built for {built_for(use.known.platforms)}; it is not one of the "
            "pod's own containers, so another component decides which nodes it runs on",
            fix="make sure that the pods that use it select nodes that can run it",
            consequence=Consequence.NONE,
            confidence=Confidence.LOW,
        )


REFERENCED_IMAGE: Final = Check(_referenced_image)


_BROKEN: Final = {
    UnknownReason.NOT_FOUND: "missing",
    UnknownReason.INVALID_REFERENCE: "invalid",
    UnknownReason.NOT_AN_IMAGE: "invalid",
    UnknownReason.DIGEST_MISMATCH: "invalid",
}
_HINTS: Final = {
    "missing": "correct the name or the tag, or push the image",
    "invalid": "correct the image",
    "unknown": "`podfit inspect IMAGE -v` shows the registry's responses",
}
_REPUSH: Final = "push the image again; `podfit inspect` shows what the registry has"


def _unresolved_image(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find images that no node can pull or whose platforms are unknown.

    Yields one observation per image text, with the containers that use it.
    """
    wanted = parameters["reason"]
    groups: dict[tuple[str, UnknownPlatforms], list[ImageUse]] = {}
    for use in assessment.judged:
        problem = _problem(use)
        if problem is not None and _group(use, problem) == wanted:
            groups.setdefault((use.container.image, problem), []).append(use)
    for (image, problem), uses in groups.items():
        yield _unresolved(assessment, wanted, image, problem, uses)


def _group(use: ImageUse, problem: UnknownPlatforms) -> str:
    """Return the value of the `reason` parameter for a problem.

    An artifact in an image volume is "unknown": CRI-O mounts any artifact (KEP-4639), containerd
    only images.
    """
    is_artifact = problem.reason is UnknownReason.NOT_AN_IMAGE and use.known is None
    if is_artifact and use.container.role is Role.IMAGE_VOLUME:
        return "unknown"
    return _BROKEN.get(problem.reason, "unknown")


def _problem(use: ImageUse) -> UnknownPlatforms | None:
    """Return why the platforms are unknown or why the index has nothing to run, if so."""
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


def _unresolved(
    assessment: Assessment,
    wanted: str,
    image: str,
    problem: UnknownPlatforms,
    uses: Sequence[ImageUse],
) -> Observation:
    workload = assessment.workload
    unknown = wanted == "unknown"
    owners = listed(container_text(use.container) for use in uses)
    name = image or "(empty)"
    messages = {
        "missing": f"image {name} of {owners} does not exist",
        "invalid": f"no node can pull image {name} of {owners}",
        "unknown": f"could not determine the platforms of image {name} of {owners}",
    }
    return Observation(
        workload=workload,
        message=f"{workload}: {messages[wanted]}",
        location=uses[0].container.location,
        subjects=tuple(
            Subject(u.container.name, u.container.role.value, image, problem=problem.message)
            for u in uses
        ),
        why=problem.message,
        fix=problem.hint or _HINTS[wanted],
        consequence=Consequence.NONE if unknown else consequence(workload, certain=True),
        confidence=Confidence.LOW if unknown else Confidence.HIGH,
    )


def _missing_platform(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Yield one observation for each image that lacks a required platform."""
    del parameters
    groups: dict[str, list[ImageUse]] = {}
    for use in assessment.uses:
        if use.required and use.known is not None:
            groups.setdefault(use.container.image, []).append(use)
    for image, uses in groups.items():
        known = uses[0].known
        lacking = lacking_platforms(known, uses[0].required) if known else ()
        if not known or not lacking:
            continue
        workload, owners = assessment.workload, listed(container_text(u.container) for u in uses)
        yield Observation(
            workload=workload,
            message=f"{workload}: image {image} of {owners} does not support "
            f"{listed(map(str, lacking))}",
            location=uses[0].container.location,
            subjects=tuple(map(subject, uses)),
            why=f"the configuration requires {listed(map(str, uses[0].required))}; the image is "
            f"built for {built_for(known.platforms) or 'no platform'}",
            fix=f"build and push the image for {listed(map(str, lacking))} too, or use another",
            aspect=image,
        )


MISSING_PLATFORM: Final = Check(_missing_platform)

UNRESOLVED_IMAGE: Final = Check(
    _unresolved_image, parameters={"reason": ("invalid", "missing", "unknown")}
)
