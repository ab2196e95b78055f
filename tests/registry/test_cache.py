"""The cache on disk: what it keeps, what it never believes, and many processes at once."""

import hashlib
import json
import multiprocessing
import os
import stat
import sys
from pathlib import Path

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
from auditor.registry.cache import MAX_FILE, Cache, Usage, charts_folder, default_root

NGINX = ImageReference("docker.io", "library/nginx", "1.27")
DIGEST = f"sha256:{'a' * 64}"
KNOWN = KnownPlatforms(
    (parse_platform("linux/arm64/v8"), parse_platform("linux/amd64")), "index", DIGEST, "cache"
)
WINDOWS = parse_platform("windows(10.0.20348.1970+win32k)/amd64")
EVERYTHING = KnownPlatforms(
    platforms=(WINDOWS, parse_platform("linux/amd64")),
    kind="index",
    digest=DIGEST,
    source="cache",
    notes=("row 3 of the index was skipped: it has no digest",),
    completed=((WINDOWS, VersionSource.HISTORY),),
    dangling=(parse_platform("linux/s390x"),),
)


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def files(root: Path) -> list[str]:
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def ref_file(root: Path) -> Path:
    (path,) = (root / "v1/refs").rglob("*.json")
    return path


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_content_comes_back(tmp_path: Path, algorithm: str) -> None:
    cache = Cache(tmp_path)
    digest = digest_of(b"{}", algorithm)
    assert cache.get(digest) is None

    cache.put(digest, b"{}")

    assert Cache(tmp_path).get(digest) == b"{}"
    assert files(tmp_path) == [f"v1/blobs/{digest.replace(':', '/')}"]


def test_content_that_is_not_its_digest_is_removed_with_one_note(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for content in (b"one", b"two"):
        cache.put(digest_of(content), content)
        (tmp_path / "v1/blobs" / digest_of(content).replace(":", "/")).write_bytes(b"poison")
        assert cache.get(digest_of(content)) is None

    assert files(tmp_path) == []
    assert cache.notes == ("damaged files in the cache were removed: 2",)


@pytest.mark.parametrize(
    "digest",
    ["sha256:../../../x", "sha256:abc", "../x", "", "md5:" + "a" * 32, "SHA256:" + "a" * 64],
)
def test_what_is_no_digest_names_no_file(tmp_path: Path, digest: str) -> None:
    cache = Cache(tmp_path / "root")
    cache.put(digest, b"x")
    assert cache.get(digest) is None
    assert files(tmp_path) == []


def test_content_too_large_to_be_read_back_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    content = b"x" * (MAX_FILE + 1)
    cache.put(digest_of(content), content)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "answer",
    [
        KNOWN,
        EVERYTHING,
        KnownPlatforms((), "manifest", DIGEST, "cache"),
        UnknownPlatforms(UnknownReason.NOT_FOUND, "tag `1.27` not found", "is it spelt right?"),
    ],
)
def test_an_answer_comes_back_exactly(tmp_path: Path, answer: Platforms) -> None:
    Cache(tmp_path, clock=lambda: 1_700_000_000.5).keep_answer(NGINX, answer)

    entry = Cache(tmp_path).answer_of(NGINX)

    assert entry is not None
    assert entry.answer == answer
    assert entry.checked_at == 1_700_000_000.5


def test_an_answer_proves_nothing_of_another_reference(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep_answer(NGINX, KNOWN)
    assert cache.answer_of(ImageReference("docker.io", "library/nginx", "1.28")) is None
    assert cache.answer_of(ImageReference("docker.io", "me/nginx", "1.27")) is None
    assert cache.answer_of(ImageReference("quay.io", "library/nginx", "1.27")) is None


def test_references_lie_under_registry_and_repository(tmp_path: Path) -> None:
    reference = ImageReference("[::1]:5000", "a/b", "1")
    Cache(tmp_path).keep_answer(reference, KNOWN)
    name = hashlib.sha256(b"[::1]:5000/a/b:1").hexdigest()
    assert files(tmp_path) == [f"v1/refs/%5B%3A%3A1%5D%3A5000/a/b/{name}.json"]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"reference": "docker.io/library/nginx:1.27"}',
        json.dumps({"reference": "docker.io/library/nginx:1.28", "checked_at": 1, "answer": {
            "digest": DIGEST, "kind": "index", "platforms": [], "notes": []}}).encode(),
    ],
)  # fmt: skip
def test_a_damaged_answer_counts_as_absent_and_is_removed(tmp_path: Path, damage: bytes) -> None:
    cache = Cache(tmp_path)
    cache.keep_answer(NGINX, KNOWN)
    ref_file(tmp_path).write_bytes(damage)

    assert cache.answer_of(NGINX) is None
    assert files(tmp_path) == []
    assert cache.notes == ("damaged files in the cache were removed: 1",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("digest", "sha256:abc"),
        ("digest", None),
        ("kind", "list"),
        ("kind", []),
        ("platforms", "linux/amd64"),
        ("platforms", ["linux"]),
        ("platforms", [1]),
        ("platforms", {}),
        ("notes", None),
        ("completed", {"linux/amd64": "guess"}),
        ("completed", []),
        ("dangling", ["*"]),
        ("more", 1),
        ("reason", "no-such-reason"),
        ("reason", "not-found"),  # without message and hint
    ],
)
def test_each_field_of_an_answer_is_checked(tmp_path: Path, key: str, value: object) -> None:
    cache = Cache(tmp_path)
    cache.keep_answer(NGINX, KNOWN)
    document = json.loads(ref_file(tmp_path).read_bytes())
    document["answer"][key] = value
    ref_file(tmp_path).write_text(json.dumps(document))

    assert cache.answer_of(NGINX) is None
    assert files(tmp_path) == []


@pytest.mark.parametrize("checked_at", ["1", None, -1, 1e300, 10**400])
def test_a_time_that_is_none_damages_the_answer(tmp_path: Path, checked_at: object) -> None:
    cache = Cache(tmp_path)
    cache.keep_answer(NGINX, KNOWN)
    document = json.loads(ref_file(tmp_path).read_bytes())
    ref_file(tmp_path).write_text(json.dumps(document | {"checked_at": checked_at}))
    assert cache.answer_of(NGINX) is None


def test_an_answer_for_a_digest_has_that_digest(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    other = ImageReference("docker.io", "library/nginx", "", f"sha256:{'b' * 64}")
    cache.keep_answer(other, KNOWN)
    assert cache.answer_of(other) is None


def test_a_link_or_a_huge_file_is_not_read(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "root")
    cache.keep_answer(NGINX, KNOWN)
    path = ref_file(tmp_path / "root")
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.answer_of(NGINX) is None

    cache.keep_answer(NGINX, KNOWN)
    with path.open("ab") as file:
        file.truncate(MAX_FILE + 1)
    assert cache.answer_of(NGINX) is None
    assert (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_the_cache_is_for_the_user_alone(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new" / "root")
    cache.put(digest_of(b"x"), b"x")
    cache.keep_answer(NGINX, KNOWN)
    modes = {
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (tmp_path / "new").rglob("*")
    }
    assert modes == {(True, 0o700), (False, 0o600)}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_disk_that_cannot_be_written_is_noted_once(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file, not a folder")
    cache = Cache(tmp_path / "root")

    cache.put(digest_of(b"x"), b"x")
    cache.keep_answer(NGINX, KNOWN)
    cache.tidy()

    assert cache.get(digest_of(b"x")) is None
    assert cache.answer_of(NGINX) is None
    assert cache.notes == (f"the cache at {cache.root} cannot be written: Not a directory",)


def test_a_root_that_leads_nowhere_is_noted_after_some_tries(tmp_path: Path) -> None:
    (tmp_path / "root").symlink_to(tmp_path / "gone" / "too")
    cache = Cache(tmp_path / "root" / "deep")
    cache.put(digest_of(b"x"), b"x")
    assert cache.notes == (
        f"the cache at {cache.root} cannot be written: No such file or directory",
    )


def test_clear_takes_what_is_podfits_and_nothing_else(tmp_path: Path) -> None:
    foreign = [tmp_path / "notes.txt", tmp_path / "v1/blobs/sha256/README"]
    cache = Cache(tmp_path)
    cache.put(digest_of(b"12345"), b"12345")
    cache.put(digest_of(b"678"), b"678")
    cache.tidy()
    for path in foreign:
        path.write_text("mine")

    assert cache.usage() == Usage(2, 8)
    assert cache.clear() == Usage(2, 8)
    assert files(tmp_path) == sorted(p.relative_to(tmp_path).as_posix() for p in foreign)

    foreign[1].unlink()
    assert cache.clear() == Usage()
    assert not (tmp_path / "v1").exists()


def test_clear_takes_charts_too(tmp_path: Path) -> None:
    archive = charts_folder(tmp_path) / "a" / f"{'0' * 64}.tgz"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"chart")

    assert Cache(tmp_path).clear() == Usage(1, 5)
    assert not (tmp_path / "v1").exists()


def test_pruning_takes_the_least_recently_used_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, clock=lambda: 1_000_000.0)
    contents = [bytes([letter]) * 10 for letter in b"abc"]
    for age, content in enumerate(contents):
        cache.put(digest_of(content), content)
        path = tmp_path / "v1/blobs" / digest_of(content).replace(":", "/")
        os.utime(path, (900_000 + age, 900_000 + age))
    assert cache.get(digest_of(contents[0])) == contents[0]  # used just now

    assert cache.prune(25) == Usage(1, 10)
    assert [cache.get(digest_of(content)) is None for content in contents] == [False, True, False]
    assert cache.prune(25) == Usage()
    assert cache.prune(0) == Usage(2, 20)


def test_pruning_takes_abandoned_files_and_leaves_those_in_the_making(tmp_path: Path) -> None:
    cache = Cache(tmp_path, clock=lambda: 1_000_000.0)
    cache.put(digest_of(b"x"), b"x")
    folder = tmp_path / "v1/blobs/sha256"
    for name, time in ((".podfit-old", 1_000_000 - 3601), (".podfit-new", 1_000_000 - 3599)):
        (folder / name).write_bytes(b"part")
        os.utime(folder / name, (time, time))

    assert cache.prune() == Usage(1, 4)
    assert (folder / ".podfit-new").exists()


def test_tidying_prunes_at_most_once_an_hour(tmp_path: Path) -> None:
    now = 2_000_000_000.0
    cache = Cache(tmp_path, clock=lambda: now)
    abandoned = tmp_path / "v1/refs/.podfit-old"
    abandoned.parent.mkdir(parents=True)
    left = []
    for age in (None, 3599, 3600):
        abandoned.touch()
        os.utime(abandoned, (1, 1))
        if age is not None:
            os.utime(tmp_path / "v1/pruned", (now - age, now - age))
        cache.tidy()
        left.append(abandoned.exists())
    assert left == [False, True, False]


def test_the_root_is_chosen_or_the_systems(tmp_path: Path) -> None:
    assert default_root({"PODFIT_CACHE_DIR": str(tmp_path)}) == tmp_path
    found = default_root({})
    assert found.name in ("podfit", "Cache")
    assert str(Path.home()) in str(found)


CONTENTS = [letter.encode() * 50_000 for letter in "abcdef"]


def _work(arguments: tuple[str, int]) -> str:
    """Writes, reads, prunes and clears; says what it saw that was not whole."""
    root, number = arguments
    cache = Cache(Path(root))
    for turn in range(60):
        content = CONTENTS[(turn + number) % len(CONTENTS)]
        cache.put(digest_of(content), content)
        found = cache.get(digest_of(CONTENTS[turn % len(CONTENTS)]))
        if found not in (None, CONTENTS[turn % len(CONTENTS)]):
            return "content of another digest"
        answer = KnownPlatforms((WINDOWS,) * (number + 1), "index", DIGEST, "cache")
        cache.keep_answer(NGINX, answer)
        entry = cache.answer_of(NGINX)
        if entry and not (
            isinstance(entry.answer, KnownPlatforms) and set(entry.answer.platforms) == {WINDOWS}
        ):
            return f"a broken answer: {entry}"
        if turn % 10 == number:
            cache.clear()
        if turn % 10 == number + 3:
            cache.prune(100_000)
    return "; ".join(cache.notes)


def test_many_processes_share_one_cache(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        complaints = pool.map_async(_work, [(str(tmp_path), number) for number in range(4)]).get(90)

    assert complaints == [""] * 4
    assert [name for name in files(tmp_path) if ".podfit-" in name] == []


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> Path:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.setattr("platformdirs.user_cache_path", nobody)
    cache = Cache(default_root({}))
    content = b"{}"
    cache.put(digest_of(content), content)
    cache.keep_answer(NGINX, KNOWN)
    assert cache.get(digest_of(content)) is None
    assert cache.answer_of(NGINX) is None
    assert len(cache.notes) == 1
