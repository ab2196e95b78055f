"""Digests that name one row of what their tag names."""

import dataclasses

import pytest
from msgspec.structs import replace

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Consequence
from auditor.checks.images import PINNED_ROW
from auditor.images.images import KnownPlatforms
from tests.support.assessments import ARM, HYBRID, LINUX, assessed, image
from tests.support.objects import cluster

ROW = f"sha256:{'1' * 64}"
INDEX = dataclasses.replace(image("linux/amd64", "linux/arm64"), digest="sha256:index", rows=(ROW,))
PINNED = dataclasses.replace(image("linux/amd64", kind="manifest"), digest=ROW)


def pinned(known: KnownPlatforms, tagged: KnownPlatforms | None, spec: str = "") -> Assessment:
    found = assessed(spec, known, clusters=[cluster(LINUX, ARM)])
    (use,) = found.uses
    container = replace(use.container, image=f"quay.io/acme/web:3@{known.digest}")
    return replace(found, uses=(replace(use, container=container, tagged=tagged),))


def test_a_row_of_several() -> None:
    (seen,) = PINNED_ROW.observe(pinned(PINNED, INDEX), {})

    assert seen.message == (
        "Deployment/app: the digest after quay.io/acme/web:3 pins linux/amd64, one of several "
        "platforms of the tag"
    )
    assert seen.fix == "pin the index instead: quay.io/acme/web:3@sha256:index"
    assert seen.pools == (f"test/{ARM.name}",)
    assert seen.consequence is Consequence.POSSIBLE


def test_where_no_other_row_is_needed() -> None:
    (seen,) = PINNED_ROW.observe(
        pinned(PINNED, INDEX, "nodeSelector: {kubernetes.io/arch: amd64}"), {}
    )

    assert (seen.pools, seen.consequence) == ((), Consequence.NONE)


@pytest.mark.parametrize(
    ("known", "tagged"),
    [
        (PINNED, None),
        (PINNED, dataclasses.replace(INDEX, rows=("sha256:other",))),
        (PINNED, dataclasses.replace(INDEX, platforms=INDEX.platforms[:1])),
        (INDEX, INDEX),
    ],
    ids=["nobody can tell", "the tag has moved", "the only platform", "the index itself"],
)
def test_what_is_not_said(known: KnownPlatforms, tagged: KnownPlatforms | None) -> None:
    assert list(PINNED_ROW.observe(pinned(known, tagged), {})) == []


def test_a_pool_that_the_image_does_not_support_at_all_is_none() -> None:
    found = assessed("", PINNED, clusters=[HYBRID])
    (use,) = found.uses
    (seen,) = PINNED_ROW.observe(replace(found, uses=(replace(use, tagged=INDEX),)), {})

    assert seen.pools == (f"test/{ARM.name}",)
