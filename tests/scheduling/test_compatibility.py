"""Whether a pool runs an image: the tables of scheduling.md sections 5 and 6.3 to 6.4."""

from typing import Literal

import pytest

from auditor.images.images import KnownPlatforms
from auditor.images.platforms import parse_platform
from auditor.scheduling.compatibility import (
    Compatibility,
    Failure,
    Mismatch,
    Runnable,
    compatibility,
    lacking_platforms,
    row_mismatch,
)
from auditor.scheduling.nodes import CONTAINERD, NodePool, Runtime
from tests.support.objects import pool

YES, NO, UNKNOWN = Runnable.YES, Runnable.NO, Runnable.UNKNOWN
OLD, NEW = "containerd://2.0.4", "containerd://2.1.0"


def image(*platforms: str, kind: Literal["index", "manifest"] = "index") -> KnownPlatforms:
    return KnownPlatforms(tuple(map(parse_platform, platforms)), kind, "sha256:0")


def index(row: str, node: NodePool, *, host_process: bool = False) -> Compatibility:
    return compatibility(image(row), node, host_process=host_process)


def bare(platform: str, node: NodePool, *, host_process: bool = False) -> Compatibility:
    return compatibility(image(platform, kind="manifest"), node, host_process=host_process)


# One line per index row; then what it is on amd64, arm64, arm/v7: y, n, or f for the fallback to
# 32 bits, which the old pull has and the new one has not.
TABLE = [
    ("linux/amd64", "y n n"),
    ("linux/amd64/v1", "y n n"),
    ("linux/amd64/v2", "n n n"),
    ("linux/amd64/v3", "n n n"),
    ("linux/386", "f n n"),
    ("linux/arm64", "n y n"),
    ("linux/arm64/v8", "n y n"),
    ("linux/arm64/v8.1", "n n n"),
    ("linux/arm64/v9", "n n n"),
    ("linux/arm/v7", "n u y"),
    ("linux/arm", "n u y"),
    ("linux/arm/v6", "n u f"),
    ("linux/arm/v5", "n u f"),
    ("linux/arm/v8", "n u n"),
    ("windows/amd64", "n n n"),
    ("linux/s390x", "n n n"),
]
NODES = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7")
LEGEND = {
    "y": {OLD: YES, NEW: YES, "docker://28.0.0": YES},
    "n": {OLD: NO, NEW: NO, "docker://28.0.0": NO},
    "f": {OLD: YES, NEW: NO, "docker://28.0.0": YES},
    "u": {OLD: UNKNOWN, NEW: NO, "docker://28.0.0": UNKNOWN},
}


@pytest.mark.parametrize("runtime", [OLD, NEW, "docker://28.0.0"])
@pytest.mark.parametrize(("row", "cells"), TABLE)
def test_an_index_row_on_linux(row: str, cells: str, runtime: str) -> None:
    answers = [index(row, pool(node, runtime=runtime)).runnable for node in NODES]

    assert answers == [LEGEND[cell][runtime] for cell in cells.split()]


def test_a_pool_that_names_no_runtime_has_the_new_pull() -> None:
    assert index("linux/386", pool()).runnable is NO
    assert index("linux/arm/v6", pool("linux/arm/v7")).runnable is NO


@pytest.mark.parametrize(
    ("row", "node", "mismatch"),
    [
        ("linux/amd64", "linux/amd64", None),
        ("linux/amd64/v2", "linux/amd64", Mismatch.VARIANT),
        ("linux/386", "linux/amd64", Mismatch.ARCHITECTURE),
        ("linux/arm64/v8", "linux/arm64", None),
        ("linux/arm64", "linux/arm64/v8", None),
        ("linux/arm64/v9", "linux/arm64/v8", Mismatch.VARIANT),
        ("linux/arm/v7", "linux/arm64", Mismatch.ARCHITECTURE),
        ("linux/arm/v8", "linux/arm/v7", Mismatch.VARIANT),
        ("linux/arm/v7", "linux/arm/v7", None),
        ("linux/arm/v6", "linux/arm/v7", None),
        ("linux/arm/v5", "linux/arm/v6", None),
        ("linux/arm/v7", "linux/arm/v6", Mismatch.VARIANT),
        ("linux/arm", "linux/arm/v5", None),
        ("linux/arm/v4", "linux/arm/v4", None),
        ("linux/arm/v5", "linux/arm/v4", Mismatch.VARIANT),
        ("linux(+feature)/amd64", "linux/amd64", None),
        ("windows/amd64", "linux/amd64", Mismatch.OS),
    ],
)
def test_an_index_row_under_cri_o(row: str, node: str, mismatch: Mismatch | None) -> None:
    assert row_mismatch(parse_platform(row), pool(node, runtime="cri-o://1.34.0")) is mismatch


@pytest.mark.parametrize(
    ("row", "node", "runtime", "mismatch"),
    [
        ("linux(+erofs)/amd64", "linux/amd64", "containerd://2.2.0", None),
        ("linux(+erofs)/amd64", "linux/amd64", "containerd://2.3.0", Mismatch.FEATURES),
        ("linux(+erofs)/amd64", "linux(+erofs)/amd64", "containerd://2.3.0", None),
        ("linux(+win32k)/amd64", "linux/amd64", "containerd://2.3.0", Mismatch.FEATURES),
        (
            "windows(10.0.20348+win32k)/amd64",
            "windows(10.0.20348)/amd64",
            "containerd://2.3.0",
            None,
        ),
        (
            "windows(10.0.20348+other)/amd64",
            "windows(10.0.20348)/amd64",
            "containerd://2.3.0",
            Mismatch.FEATURES,
        ),
    ],
)
def test_os_features_count_from_containerd_2_3_on(
    row: str, node: str, runtime: str, mismatch: Mismatch | None
) -> None:
    assert row_mismatch(parse_platform(row), pool(node, runtime=runtime)) is mismatch


def test_an_index_runs_where_one_of_its_rows_does() -> None:
    both = image("linux/amd64", "linux/arm64/v8", "windows(10.0.17763.1)/amd64")

    assert compatibility(both, pool("linux/arm64")).runnable is YES
    assert compatibility(both, pool("windows(10.0.17763)/amd64")).runnable is YES
    assert compatibility(both, pool("linux/s390x")).runnable is NO


def test_one_row_that_may_run_beside_others_that_cannot() -> None:
    answer = compatibility(
        image("windows(10.0.17763.1)/amd64", "windows/amd64"), pool("windows(10.0.20348)/amd64")
    )

    assert answer == Compatibility(UNKNOWN, "windows/amd64 has no Windows build (os.version)")


@pytest.mark.parametrize(
    "rows",
    [
        ("windows/amd64", "windows(10.0.20348.1)/amd64"),
        ("windows(10.0.20348.1)/amd64", "windows/amd64"),
    ],
)
def test_a_row_that_runs_counts_before_one_that_may_run(rows: tuple[str, str]) -> None:
    assert compatibility(image(*rows), pool("windows(10.0.20348)/amd64")).runnable is YES


@pytest.mark.parametrize(
    ("rows", "node", "mismatch", "message"),
    [
        (["windows/amd64", "linux/s390x"], "linux/amd64", Mismatch.ARCHITECTURE, "linux/amd64"),
        (["linux/amd64/v3", "linux/s390x"], "linux/amd64", Mismatch.VARIANT, "CPU variant"),
        (["linux/amd64", "linux/arm64"], "windows(10.0.20348)/amd64", Mismatch.OS, "for windows"),
        (
            ["linux/amd64", "windows(10.0.17763.1)/amd64", "windows/arm64"],
            "windows(10.0.20348)/amd64",
            Mismatch.WINDOWS_BUILD,
            "its Windows build 10.0.17763 does not run on 10.0.20348",
        ),
        (["linux(+a)/amd64", "linux/s390x"], "linux/amd64", Mismatch.FEATURES, "OS features"),
    ],
)
def test_the_nearest_row_explains_a_no(
    rows: list[str], node: str, mismatch: Mismatch, message: str
) -> None:
    answer = compatibility(image(*rows), pool(node, runtime="containerd://2.3.0"))

    assert (answer.runnable, answer.mismatch) == (NO, mismatch)
    assert message in answer.message


def test_an_index_without_platforms_runs_nowhere() -> None:
    answer = compatibility(image(), pool())

    assert (answer.runnable, answer.mismatch) == (NO, Mismatch.OS)
    assert answer.message == "it has no runnable platform"
    assert answer.failure is Failure.PULL


@pytest.mark.parametrize(
    ("runtime", "event"),
    [
        ("", "no match for platform in manifest: not found"),
        ("containerd://1.7.27", "no match for platform in manifest: not found"),
        ("cri-o://1.34.0", "no image found in manifest list for architecture"),
        ("docker://28.0.0", "no matching manifest for linux/amd64 in the manifest list"),
    ],
)
def test_a_pull_that_fails_says_so_in_the_words_of_the_runtime(runtime: str, event: str) -> None:
    answer = index("linux/arm64", pool(runtime=runtime))

    assert (answer.failure, answer.event) == (Failure.PULL, event)


@pytest.mark.parametrize(
    ("platform", "node", "expected"),
    [
        ("linux/amd64", "linux/amd64", YES),
        ("linux/amd64/v3", "linux/amd64", YES),
        ("linux/arm64/v8", "linux/arm64", YES),
        ("linux/arm64", "linux/amd64", NO),
        ("linux/amd64", "linux/arm64", NO),
        ("linux/386", "linux/amd64", UNKNOWN),
        ("linux/arm/v7", "linux/arm64", UNKNOWN),
        ("linux/386", "linux/arm64", NO),
        ("linux/arm", "linux/amd64", NO),
        ("windows/amd64", "linux/amd64", NO),
        ("linux/amd64", "windows(10.0.20348)/amd64", NO),
        ("windows(10.0.20348.1)/amd64", "windows(10.0.20348)/amd64", YES),
        ("windows(10.0.20348.1)/amd64", "windows(10.0.26200)/amd64", YES),
        ("windows(10.0.17763.1)/amd64", "windows(10.0.20348)/amd64", NO),
        ("windows/amd64", "windows(10.0.20348)/amd64", UNKNOWN),
        ("windows(10.0.20348.1)/amd64", "windows/amd64", UNKNOWN),
    ],
)
def test_a_bare_manifest_goes_by_its_config(platform: str, node: str, expected: Runnable) -> None:
    assert bare(platform, pool(node)).runnable is expected


@pytest.mark.parametrize(
    ("platform", "node", "runtime", "failure", "event"),
    [
        ("linux/arm64", "linux/amd64", "", Failure.EXEC_FORMAT, "exec format error"),
        ("windows/amd64", "linux/amd64", "", Failure.EXEC_FORMAT, "exec format error"),
        ("linux/amd64", "windows/amd64", "", Failure.PULL, "failed to extract layer"),
        ("linux/amd64", "windows/amd64", "containerd://2.2.0", Failure.PULL, "failed to extract"),
        ("linux/amd64", "windows/amd64", "containerd://2.3.0", Failure.CREATE, "failed to create"),
        ("linux/amd64", "windows/amd64", "docker://28.0.0", Failure.PULL, '"linux" cannot be used'),
        ("windows/amd64", "linux/amd64", "docker://28.0.0", Failure.PULL, '"windows" cannot be'),
        (
            "windows(10.0.17763.1)/amd64",
            "windows(10.0.20348)/amd64",
            "",
            Failure.CREATE,
            "(0xc0370101)",
        ),
    ],
)
def test_a_bare_manifest_fails_after_the_pull(
    platform: str, node: str, runtime: str, failure: Failure, event: str
) -> None:
    answer = bare(platform, pool(node, runtime=runtime))

    assert (answer.runnable, answer.failure) == (NO, failure)
    assert event in answer.event


def test_emulation_helps_bare_manifests_and_no_index() -> None:
    node = pool("linux/amd64", emulation=frozenset({"arm64"}))

    assert bare("linux/arm64/v8", node).runnable is YES
    assert bare("linux/s390x", node).runnable is NO
    assert index("linux/arm64", node).runnable is NO


def test_a_windows_image_of_another_architecture_runs_nowhere_else() -> None:
    node = pool("windows(10.0.20348)/amd64")

    assert bare("windows(10.0.20348.1)/arm64", node).mismatch is Mismatch.ARCHITECTURE
    assert index("windows(10.0.20348.1)/arm64", node).mismatch is Mismatch.ARCHITECTURE


@pytest.mark.parametrize(
    ("row", "runtime", "expected"),
    [
        ("windows(10.0.20348.1970)/amd64", "", YES),
        ("windows(10.0.17763.1)/amd64", "", NO),
        ("windows/amd64", "", UNKNOWN),
        ("windows/amd64", "containerd://1.6.8", NO),
        ("windows/386", OLD, UNKNOWN),
        ("windows/386", NEW, NO),
    ],
)
def test_an_index_row_on_windows(row: str, runtime: str, expected: Runnable) -> None:
    assert index(row, pool("windows(10.0.20348)/amd64", runtime=runtime)).runnable is expected


@pytest.mark.parametrize("runtime", [OLD, NEW])
def test_a_newer_arm64_or_amd64_is_like_any_other(runtime: str) -> None:
    """containerd's `getCPUVariant` knows v8 alone on 64 bits, and nothing of amd64."""
    for row, node in (("linux/arm64", "linux/arm64/v9"), ("linux/amd64", "linux/amd64/v3")):
        newer = pool(node, runtime=runtime)

        assert index(row, newer).runnable is YES
        assert index(node, newer).runnable is NO
    assert index("linux/arm64/v8.2", pool("linux/arm64/v9", runtime=runtime)).runnable is NO


def test_a_row_on_windows_nodes_whose_build_nobody_knows() -> None:
    answer = index("windows(10.0.20348.1)/amd64", pool("windows/amd64"))

    assert answer == Compatibility(UNKNOWN, "the Windows build of the pool is unknown")


def test_host_process_containers_have_no_version_rule_but_the_matchers() -> None:
    node = pool("windows(10.0.20348)/amd64")

    assert bare("windows/amd64", node, host_process=True).runnable is YES
    assert bare("windows(10.0.17763.1)/amd64", node, host_process=True).runnable is YES
    assert bare("linux/amd64", node, host_process=True).runnable is NO
    assert index("windows/amd64", node, host_process=True).runnable is YES
    assert index("windows(10.0.17763.1)/amd64", node, host_process=True).runnable is NO


@pytest.mark.parametrize(
    ("platform", "kind", "node", "expected"),
    [
        ("linux/amd64", "index", "linux/amd64", YES),
        ("linux/amd64", "index", "linux/arm64", NO),
        ("linux/amd64", "manifest", "linux/amd64", YES),
        ("linux/amd64", "manifest", "linux/arm64", UNKNOWN),
        ("linux/amd64", "manifest", "windows(10.0.20348)/amd64", NO),
        ("windows/amd64", "manifest", "linux/amd64", NO),
        ("windows(10.0.17763.1)/amd64", "manifest", "windows(10.0.20348)/amd64", YES),
        ("windows(10.0.17763.1)/amd64", "index", "windows(10.0.20348)/amd64", NO),
    ],
)
def test_a_volume_is_pulled_and_not_run(
    platform: str, kind: Literal["index", "manifest"], node: str, expected: Runnable
) -> None:
    answer = compatibility(image(platform, kind=kind), pool(node), mounted=True)

    assert answer.runnable is expected


def test_the_files_of_a_volume_may_be_programs() -> None:
    answer = compatibility(image("linux/amd64", kind="manifest"), pool("linux/arm64"), mounted=True)

    assert answer.message == "it is built for linux/amd64, which matters if it contains executables"


@pytest.mark.parametrize(
    ("platforms", "required", "supported"),
    [
        (["linux/amd64", "linux/arm64/v8"], "linux/arm64", True),
        (["linux/amd64"], "linux/arm64", False),
        (["linux/arm/v6"], "linux/arm64", False),
        ([], "linux/amd64", False),
        (["windows(10.0.20348.1)/amd64"], "windows(10.0.20348)/amd64", True),
        (["windows(10.0.17763.1)/amd64"], "windows(10.0.20348)/amd64", False),
        (["windows(10.0.17763.1)/amd64"], "windows/amd64", True),
        (["windows(10.0.17763.1)/arm64"], "windows/amd64", False),
        (["linux/amd64"], "windows/amd64", False),
    ],
)
def test_required_platforms(platforms: list[str], required: str, *, supported: bool) -> None:
    platform = parse_platform(required)

    lacking = () if supported else (platform,)
    assert lacking_platforms(image(*platforms), [platform]) == lacking
    for one in platforms[:1] if len(platforms) == 1 else []:
        assert lacking_platforms(image(one, kind="manifest"), [platform]) == lacking


@pytest.mark.parametrize(
    ("host", "variant", "selected"),
    [
        ("linux/arm/v7", "v5", True),
        ("linux/arm/v7", "v2", False),
        ("linux/arm64", "v6", True),
        ("linux/arm64", "v1", False),
        ("linux/arm64", "v8.0", False),
    ],
)
def test_the_arm_variants_that_an_old_containerd_tries(
    host: str, variant: str, selected: bool
) -> None:
    nodes = NodePool("arm", parse_platform(host), {}, runtime=Runtime(CONTAINERD, (2, 0, 5)))

    mismatch = row_mismatch(parse_platform(f"linux/arm/{variant}"), nodes)
    assert mismatch is (None if selected else Mismatch.VARIANT)


@pytest.mark.parametrize(
    ("row", "node", "runtime", "mismatch"),
    [
        ("linux/arm/v1", "linux/arm64", "containerd://2.0.4", Mismatch.VARIANT),
        ("linux/arm/v5", "linux/arm64", "containerd://2.0.4", None),
        ("linux/arm/v2", "linux/arm/v7", "containerd://1.7.29", Mismatch.VARIANT),
        ("linux/386/v2", "linux/amd64", "containerd://1.7.29", Mismatch.VARIANT),
        ("linux/arm64/v8.0", "linux/arm64", "containerd://1.7.29", Mismatch.VARIANT),
        ("linux/arm64/v8.0", "linux/amd64", "containerd://1.7.29", Mismatch.ARCHITECTURE),
        ("linux/arm64/v8.0", "linux/arm64", "containerd://2.0.4", None),
    ],
)
def test_variants_that_the_matcher_does_not_know(
    row: str, node: str, runtime: str, mismatch: Mismatch | None
) -> None:
    assert row_mismatch(parse_platform(row), pool(node, runtime=runtime)) is mismatch
