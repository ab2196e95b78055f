"""Words that observations share."""

import pytest
from msgspec.structs import replace

from auditor.checks.findings import Guard
from auditor.checks.wording import (
    built_for,
    guard_text,
    listed,
    only_for,
    outcome,
    pool_names,
    reasons_by_pool,
)
from auditor.images.platforms import parse_platform
from auditor.kubernetes.pod_spec import Requirement
from auditor.scheduling.compatibility import Failure
from tests.support.assessments import HYBRID, assessed, image
from tests.support.objects import workload


@pytest.mark.parametrize(
    ("items", "last", "limit", "expected"),
    [
        ([], "and", 0, ""),
        (["a"], "and", 0, "a"),
        (["a", "b"], "or", 0, "a or b"),
        (["a", "b", "c"], "and", 0, "a, b and c"),
        (["a", "b", "c"], "and", 2, "a, b and c"),
        (["a", "b", "c", "d"], "and", 2, "a, b and 2 others"),
    ],
)
def test_listed(items: list[str], last: str, limit: int, expected: str) -> None:
    assert listed(items, last, limit) == expected


def test_platforms_in_a_sentence() -> None:
    rows = [
        "linux/amd64",
        "linux/arm64/v8",
        "linux/arm64",
        "windows(10.0.20348.1)/amd64",
        "windows/amd64",
    ]
    platforms = list(map(parse_platform, rows))

    assert built_for(platforms) == "linux/amd64, linux/arm64, Windows 10.0.20348 and windows/amd64"
    assert built_for([]) == "no platform"
    assert only_for(platforms) == "for Linux and Windows only"
    assert only_for(platforms[:2]) == "Linux-only"


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (Failure.PULL, "the pull fails with “x” (ImagePullBackOff)"),
        (Failure.CREATE, "the image is pulled, then the container cannot be created with “x”"),
        (Failure.EXEC_FORMAT, "the image is pulled, then the container crashes with “x”"),
        (Failure.KUBELET, "the kubelet rejects the pod with “x”"),
        (Failure.PENDING, "it stays Pending"),
    ],
)
def test_outcome(failure: Failure, text: str) -> None:
    assert outcome(failure, "x") == text
    assert "with" not in outcome(failure, "")


def test_a_guard_as_an_instruction() -> None:
    guard = Guard(
        (
            Requirement("kubernetes.io/os", "In", ("windows",)),
            Requirement("node.kubernetes.io/windows-build", "In", ("10.0.20348",)),
            Requirement("kubernetes.io/arch", "In", ("amd64", "arm64")),
        )
    )
    assert guard_text(guard, workload()) == (
        'nodeSelector: {kubernetes.io/os: windows, node.kubernetes.io/windows-build: "10.0.20348"}'
        " and required node affinity: kubernetes.io/arch In [amd64, arm64]"
    )


def test_pools_with_their_cluster_where_there_are_several() -> None:
    single, several = (
        assessed("", image("linux/amd64"), clusters=[replace(HYBRID) for _ in range(number)])
        for number in (1, 2)
    )
    assert pool_names(single.fits[:1], single) == "linux/amd64"
    assert pool_names(several.fits[:1], several) == "test/linux/amd64"


def test_reasons_stand_together() -> None:
    found = assessed("nodeSelector: {kubernetes.io/os: linux}", image("linux/amd64"))

    assert reasons_by_pool(found.fits, found) == (
        "linux/arm64: container c0: it is not built for linux/arm64; windows(10.0.20348)/amd64 and "
        "windows(10.0.26100)/amd64: nodeSelector kubernetes.io/os=linux: the nodes have windows"
    )
