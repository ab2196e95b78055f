"""What `podfit lock` writes and what `podfit lock --check` reports."""

import pytest

from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.images.platforms import parse_platform
from auditor.registry.lock import Change, LockComparison, LockFile, compare, pinned, update

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
NGINX = ImageReference("docker.io", "library/nginx", "1.27")
APP = ImageReference("quay.io", "x/app", "1")
GONE = ImageReference("quay.io", "x/gone", "1")
DOWN = UnknownPlatforms(UnknownReason.UNREACHABLE, "registry docker.io unreachable")


def known(*platforms: str, digest: str = A, source: str = "registry") -> KnownPlatforms:
    return KnownPlatforms(tuple(map(parse_platform, platforms)), "index", digest, source)


LOCK = LockFile(
    {
        NGINX: known("linux/amd64", "linux/arm64/v8", source="lock file"),
        APP: known("linux/amd64", source="lock file"),
    }
)


def test_a_lock_file_that_says_what_was_found_is_current() -> None:
    answers = {NGINX: known("linux/arm64/v8", "linux/amd64"), APP: known("linux/amd64")}
    assert compare(LOCK, answers) == LockComparison()
    assert compare(LOCK, answers) == LockComparison()


def test_a_moved_digest_and_the_platforms_lost_and_gained() -> None:
    found = known("linux/amd64", "linux/s390x", digest=B)
    comparison = compare(LOCK, {NGINX: found, APP: known("linux/amd64")})
    (change,) = comparison.changes
    assert change == Change(NGINX, LOCK.images[NGINX], found)
    assert change.moved
    assert change.lost == (parse_platform("linux/arm64/v8"),)
    assert change.gained == (parse_platform("linux/s390x"),)
    assert str(change) == (
        f"nginx:1.27: digest moved from {A} to {B}; platforms lost: linux/arm64/v8; "
        "platforms gained: linux/s390x"
    )


@pytest.mark.parametrize(
    ("locked", "found"),
    [
        ("windows(10.0.20348.1)/amd64", "windows(10.0.20348.2)/amd64"),
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm", "linux/arm/v7"),
    ],
)
def test_another_spelling_or_windows_revision_is_no_loss(locked: str, found: str) -> None:
    lock = LockFile({NGINX: known(locked)})
    (change,) = compare(lock, {NGINX: known(found, digest=B)}).changes
    assert (change.lost, change.gained) == ((), ())
    assert str(change) == f"nginx:1.27: digest moved from {A} to {B}"


def test_another_windows_build_is_a_loss() -> None:
    lock = LockFile({NGINX: known("windows(10.0.17763.1)/amd64")})
    (change,) = compare(lock, {NGINX: known("windows(10.0.20348.1)/amd64", digest=B)}).changes
    assert [str(platform) for platform in change.lost] == ["windows(10.0.17763.1)/amd64"]
    assert [str(platform) for platform in change.gained] == ["windows(10.0.20348.1)/amd64"]


def test_an_index_that_became_a_manifest() -> None:
    found = KnownPlatforms((parse_platform("linux/amd64"),), "manifest", B)
    (change,) = compare(LOCK, {APP: found, NGINX: LOCK.images[NGINX]}).changes
    assert str(change) == f"quay.io/x/app:1: digest moved from {A} to {B}; kind manifest, was index"


def test_the_same_digest_read_differently_is_a_change() -> None:
    windows = parse_platform("windows(10.0.20348.1)/amd64")
    found = KnownPlatforms((windows,), "index", A, completed=((windows, VersionSource.CONFIG),))
    lock = LockFile({NGINX: KnownPlatforms((windows,), "index", A)})
    (change,) = compare(lock, {NGINX: found}).changes
    assert not change.moved
    assert str(change) == "nginx:1.27: same digest, read differently"


def test_images_added_dropped_and_unresolved() -> None:
    answers: dict[ImageReference, Platforms] = {NGINX: DOWN, GONE: known("linux/amd64")}
    assert compare(LOCK, answers) == LockComparison(
        added=(GONE,), dropped=(APP,), unresolved=((NGINX, DOWN),)
    )


def test_comparisons_are_in_order() -> None:
    answers = {image: known("linux/s390x", digest=B) for image in (GONE, APP, NGINX)}
    assert [change.image for change in compare(LOCK, answers).changes] == [NGINX, APP]


def test_updating_takes_what_was_found_and_drops_what_is_not_used() -> None:
    found = known("linux/s390x", digest=B)
    assert update(LOCK, {NGINX: found}) == LockFile({NGINX: found})


def test_updating_keeps_what_nobody_could_tell_now() -> None:
    answers: dict[ImageReference, Platforms] = {NGINX: DOWN, GONE: DOWN}
    assert update(LOCK, answers) == LockFile({NGINX: LOCK.images[NGINX]})


def test_what_a_user_states_is_not_locked() -> None:
    stated = known("linux/amd64", digest="", source="override")
    answers = {NGINX: LOCK.images[NGINX], APP: stated, GONE: stated}
    assert update(LOCK, answers) == LockFile({NGINX: LOCK.images[NGINX]})
    assert compare(LOCK, answers) == LockComparison(dropped=(APP,))


def test_an_entry_is_asked_for_by_the_digest_that_its_reference_names() -> None:
    by_digest = ImageReference("quay.io", "x/app", "1", B)
    lock = LockFile({APP: known("linux/amd64"), by_digest: known("linux/amd64")})

    assert pinned(lock) == {
        APP: ImageReference("quay.io", "x/app", "", A),
        by_digest: ImageReference("quay.io", "x/app", "", B),
    }
