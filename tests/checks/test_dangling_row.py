"""Rows of an index whose manifest is missing."""

import pytest

from auditor.checks.findings import Consequence
from auditor.checks.images import DANGLING_ROW
from tests.support.assessments import ARM, LINUX, UNKNOWN, WINDOWS_2022, assessed, image
from tests.support.objects import cluster

MULTI = image("linux/amd64", "linux/arm64")


def test_a_dangling_row_concerns_the_pools_that_would_take_it() -> None:
    broken = image("linux/amd64", dangling=["linux/arm64", "linux/s390x"])
    found = assessed("", broken, clusters=[cluster(LINUX, ARM, WINDOWS_2022)])
    (seen,) = DANGLING_ROW.observe(found, {})

    assert seen.pools == (f"test/{ARM.name}",)
    assert seen.consequence is Consequence.POSSIBLE
    assert "lists linux/arm64 and linux/s390x, but" in seen.message


@pytest.mark.parametrize(
    ("spec", "clusters"),
    [("nodeSelector: {kubernetes.io/arch: amd64}", cluster(LINUX, ARM)), ("", cluster(LINUX))],
)
def test_a_dangling_row_that_no_node_takes(spec: str, clusters: object) -> None:
    broken = image("linux/amd64", dangling=["linux/arm64"])
    found = assessed(spec, broken, clusters=[clusters])  # type: ignore[list-item]
    (seen,) = DANGLING_ROW.observe(found, {})

    assert (seen.pools, seen.consequence) == ((), Consequence.NONE)


def test_a_whole_index_has_no_dangling_row() -> None:
    assert list(DANGLING_ROW.observe(assessed("", MULTI, UNKNOWN), {})) == []


def test_an_index_of_dangling_rows_alone_is_another_finding() -> None:
    assert list(DANGLING_ROW.observe(assessed("", image(dangling=["linux/amd64"])), {})) == []
