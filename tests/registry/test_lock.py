"""The lock file: the bytes written, what is refused and where, where it is found."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.errors import ConfigurationError
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.images.platforms import parse_platform
from auditor.registry.lock import (
    MAX_LOCK,
    LockConflict,
    LockFile,
    find_lock,
    format_lock,
    lock_beside,
    not_locked,
    parse_lock,
    read_lock,
    write_lock,
)

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
NGINX = ImageReference("docker.io", "library/nginx", "1.27")
APP = ImageReference("localhost:5000", "app", "", B)
WINDOWS = parse_platform("windows(10.0.20348.1970)/amd64")
AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64/v8")
LOCK = LockFile(
    {
        APP: KnownPlatforms((AMD64,), "manifest", B, "registry", ("odd",)),
        NGINX: KnownPlatforms((WINDOWS, ARM64, AMD64), "index", A, "registry"),
    }
)
TEXT = f"""\
{{
  "version": 1,
  "images": {{
    "docker.io/library/nginx:1.27": {{
      "digest": "{A}",
      "kind": "index",
      "platforms": [
        "linux/amd64",
        "linux/arm64/v8",
        "windows(10.0.20348.1970)/amd64"
      ]
    }},
    "localhost:5000/app@{B}": {{
      "digest": "{B}",
      "kind": "manifest",
      "platforms": [
        "linux/amd64"
      ]
    }}
  }}
}}
"""


def test_the_bytes_of_a_lock_file() -> None:
    assert format_lock(LOCK).decode() == TEXT


def test_what_is_written_is_read_back() -> None:
    assert parse_lock(TEXT.encode(), "x").images == {
        NGINX: KnownPlatforms((AMD64, ARM64, WINDOWS), "index", A, "lock file"),
        APP: KnownPlatforms((AMD64,), "manifest", B, "lock file"),
    }


def test_what_decides_a_windows_verdict_is_locked_too() -> None:
    known = KnownPlatforms(
        platforms=(WINDOWS,),
        kind="index",
        digest=A,
        source="lock file",
        completed=((WINDOWS, VersionSource.CONFIG),),
        dangling=(ARM64,),
    )
    text = format_lock(LockFile({NGINX: known}))
    assert json.loads(text)["images"]["docker.io/library/nginx:1.27"] == {
        "digest": A,
        "kind": "index",
        "platforms": ["windows(10.0.20348.1970)/amd64"],
        "completed": {"windows(10.0.20348.1970)/amd64": "config"},
        "dangling": ["linux/arm64/v8"],
    }
    assert parse_lock(text, "x").images == {NGINX: known}


def test_an_empty_lock_file() -> None:
    assert format_lock(LockFile()) == b'{\n  "version": 1,\n  "images": {}\n}\n'
    assert parse_lock(format_lock(LockFile()), "x") == LockFile()


PLATFORMS = st.sampled_from([AMD64, ARM64, WINDOWS])
KNOWN = st.builds(
    KnownPlatforms,
    platforms=st.lists(PLATFORMS, unique=True).map(tuple),
    kind=st.sampled_from(["index", "manifest"]),
    digest=st.just(B),
    source=st.just("lock file"),
    completed=st.lists(
        st.tuples(PLATFORMS, st.sampled_from(VersionSource)), unique_by=lambda item: item[0]
    ).map(tuple),
    dangling=st.lists(PLATFORMS, unique=True).map(tuple),
)
LOCKS = st.dictionaries(st.sampled_from([NGINX, APP]), KNOWN).map(LockFile)


@given(LOCKS)
def test_the_same_content_gives_the_same_bytes(lock: LockFile) -> None:
    content = format_lock(lock)
    again = parse_lock(content, "x")
    assert again.images.keys() == lock.images.keys()
    assert format_lock(again) == content
    assert format_lock(LockFile(dict(reversed(list(again.images.items()))))) == content


def image(**fields: object) -> dict[str, object]:
    return {"digest": A, "kind": "index", "platforms": ["linux/amd64"]} | fields


def locked(images: object, **fields: object) -> str:
    return json.dumps({"version": 1, "images": images} | fields)


NAME = "docker.io/library/nginx:1.27"
AT = f'`.images["{NAME}"]'
WRONG = {
    "": ("not JSON: Expecting value", "f:1:1"),
    "{\n  version: 1}": (
        "not JSON: Expecting property name enclosed in double quotes",
        "f:2:3",
    ),
    "[]": ("`.` must be an object", "f:1:1"),
    "[" * 100_000: ("nested too deep", "f"),
    "{}": ("`.version` must be 1; a newer podfit may support it", "f:1:1"),
    '{\n"version": 2, "images": {}}': (
        "`.version` must be 1; a newer podfit may support it",
        "f:2:12",
    ),
    '{"version": true, "images": {}}': (
        "`.version` must be 1; a newer podfit may support it",
        "f:1:13",
    ),
    '{"version": "1", "images": {}}': (
        "`.version` must be 1; a newer podfit may support it",
        "f:1:13",
    ),
    '{"version": 1}': ("`.images` must be an object", "f:1:1"),
    locked([]): ("`.images` must be an object", "f:1:26"),
    locked({}, extra=1): ("`.extra` is not a known key", "f:1:39"),
    '{"version": 1, "version": 1, "images": {}}': ("`version` is a duplicate key", "f"),
    f'{{"version": {"1" * 5000}, "images": {{}}}}': (
        "it contains a number that is too long",
        "f",
    ),
    locked({"nginx": image()}): (
        "`.images.nginx` must be written in full: docker.io/library/nginx:latest",
        "f:1:36",
    ),
    locked({"Nginx": image()}): (
        (
            '`.images.Nginx` is not an image: invalid image reference "Nginx": the repository must '
            "be lower case"
        ),
        "f:1:36",
    ),
    locked({NAME: []}): (f"{AT}` must be an object", "f:1:59"),
    locked({NAME: image(digest="sha256:abc")}): (
        f"{AT}.digest` must be a digest, such as sha256: and 64 hexadecimal digits",
        "f:1:70",
    ),
    locked({NAME: image(kind="list")}): (f"{AT}.kind` must be `index` or `manifest`", "f:1:153"),
    locked({NAME: {"digest": A, "kind": "index"}}): (
        f"{AT}.platforms` must be a list",
        "f:1:59",
    ),
    locked({NAME: image(platforms=["linux/amd64", "linux"])}): (
        (
            f"{AT}.platforms[1]` `linux` is not a platform; write it as linux/amd64, "
            "linux/arm64/v8 or windows(10.0.20348)/amd64"
        ),
        "f:1:191",
    ),
    locked({NAME: image(platforms=["linux/amd64", 1])}): (
        f"{AT}.platforms[1]` must be a string",
        "f:1:191",
    ),
    locked({NAME: image(completed={"linux/amd64": "guess"})}): (
        f'{AT}.completed["linux/amd64"]` must be one of config, history',
        "f:1:221",
    ),
    locked({NAME: image(fetched="today")}): (f"{AT}.fetched` is not a known key", "f:1:203"),
    locked({f"{NAME}@{B}": image()}): (
        f'`.images["{NAME}@{B}"].digest` must be the digest of the reference',
        "f:1:142",
    ),
}


@pytest.mark.parametrize(
    ("text", "expected"), WRONG.items(), ids=[w[0][:40] for w in WRONG.values()]
)
def test_what_is_wrong_is_named_with_its_place(text: str, expected: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_lock(text.encode(), "f")
    problem = caught.value.problem
    assert (problem.what, problem.where) == (
        f"the lock file is invalid: {expected[0]}",
        expected[1],
    )
    assert problem.hint == "delete it, then run `podfit lock` to write it again"


def test_a_merge_conflict_is_told_from_other_mistakes() -> None:
    text = TEXT.replace('  "version"', '<<<<<<< HEAD\n=======\n>>>>>>> other\n  "version"')
    with pytest.raises(LockConflict) as caught:
        parse_lock(text.encode(), "f")
    problem = caught.value.problem
    assert (problem.what, problem.where) == (
        "the lock file contains a merge conflict",
        "f:2:1",
    )
    assert problem.hint == "run `podfit lock` to write it again"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\xff\xfe\x00", "the lock file is invalid: not UTF-8 text"),
        (b" " * (MAX_LOCK + 1), "the lock file is invalid: larger than 16 MiB"),
    ],
)
def test_bytes_that_are_no_text_or_too_many(content: bytes, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        parse_lock(content, "f")


def test_a_key_cannot_steer_the_terminal() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_lock(locked({}, **{"\x1b[31m\n::error::": 1}).encode(), "f")
    assert str(caught.value).isprintable()


def test_what_yaml_cannot_read_is_refused_without_a_line() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_lock(json.dumps(["\U0001f600"]).encode(), "f")
    assert caught.value.problem.where == "f"


def test_a_very_large_wrong_file_is_refused_without_a_line() -> None:
    text = locked({NAME: image(platforms=["linux/amd64"] * 200_000 + ["x"])})
    with pytest.raises(ConfigurationError) as caught:
        parse_lock(text.encode(), "f")
    assert caught.value.problem.where == "f"


def test_reading_and_writing_a_file(tmp_path: Path) -> None:
    path = tmp_path / "podfit.lock.json"
    assert write_lock(path, LOCK) is True
    assert path.read_bytes() == TEXT.encode()
    assert read_lock(path).images.keys() == {NGINX, APP}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "podfit.lock.json"]


def test_an_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "podfit.lock.json"
    write_lock(path, LOCK)
    os.utime(path, (1, 1))
    assert write_lock(path, LOCK) is False
    assert path.stat().st_mtime == 1
    assert write_lock(path, LockFile({NGINX: LOCK.images[NGINX]})) is True
    assert list(read_lock(path).images) == [NGINX]


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_others_may_read_a_lock_file_as_the_umask_allows(tmp_path: Path) -> None:
    path = tmp_path / "podfit.lock.json"
    before = os.umask(0o027)
    try:
        write_lock(path, LOCK)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target, path = tmp_path / "precious", tmp_path / "podfit.lock.json"
    target.write_text("mine")
    path.symlink_to(target)
    write_lock(path, LOCK)
    assert target.read_text() == "mine"
    assert not path.is_symlink()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "no" / "such" / "podfit.lock.json"
    with pytest.raises(ConfigurationError, match="cannot write the lock file") as caught:
        write_lock(path, LOCK)
    assert caught.value.problem.where == str(path)
    assert caught.value.problem.why == "No such file or directory"
    assert caught.value.problem.hint == "set --lock-file to write to another path"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the lock file") as caught:
        read_lock(tmp_path / "gone.json")
    assert caught.value.problem.why == "No such file or directory"


REDIS = ImageReference("docker.io", "library/redis", "7")


def test_a_lock_file_answers_for_its_images_alone() -> None:
    lock = parse_lock(TEXT.encode(), "f")
    assert lock(NGINX) == KnownPlatforms((AMD64, ARM64, WINDOWS), "index", A, "lock file")
    assert lock(REDIS) is None
    assert not_locked(REDIS) == UnknownPlatforms(
        UnknownReason.NOT_LOCKED, "redis:7 is not in the lock file", "run `podfit lock`"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "outside" / "repository"
    (root / "charts" / "app").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / "charts" / "app" / "pod.yaml").touch()
    (root.parent / "podfit.lock.json").touch()  # another's: never found from within
    return root


def test_the_lock_file_beside_a_source(repository: Path) -> None:
    folder = repository / "charts" / "app"
    (repository / "podfit.lock.json").touch()
    (folder / "podfit.lock.json").touch()
    assert find_lock(folder) == folder / "podfit.lock.json"
    assert find_lock(folder / "pod.yaml") == folder / "podfit.lock.json"
    assert lock_beside(folder) == lock_beside(folder / "pod.yaml") == find_lock(folder)


def test_the_nearest_lock_file_above_a_source(repository: Path) -> None:
    (repository / "podfit.lock.json").touch()
    assert find_lock(repository / "charts" / "app" / "pod.yaml") == repository / "podfit.lock.json"
    (repository / "charts" / "podfit.lock.json").touch()
    assert find_lock(repository / "charts" / "app") == repository / "charts" / "podfit.lock.json"


def test_no_lock_file_is_taken_from_outside_the_repository(repository: Path) -> None:
    assert find_lock(repository / "charts" / "app") is None
    assert find_lock(repository) is None


def test_a_worktrees_git_file_marks_a_repository(repository: Path) -> None:
    (repository / ".git").rmdir()
    (repository / ".git").write_text("gitdir: elsewhere")
    (repository / "podfit.lock.json").touch()
    assert find_lock(repository / "charts" / "app") == repository / "podfit.lock.json"


def test_outside_a_repository_only_the_own_folder_counts(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "a" / "podfit.lock.json").touch()
    assert find_lock(folder) is None
    (folder / "podfit.lock.json").touch()
    assert find_lock(folder / "x.yaml") == folder / "podfit.lock.json"


def test_a_relative_source_is_looked_for_above_the_working_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "podfit.lock.json").touch()
    monkeypatch.chdir(repository / "charts" / "app")
    assert find_lock(Path()) == repository / "podfit.lock.json"
    assert find_lock(Path("pod.yaml")) == repository / "podfit.lock.json"
    assert find_lock(Path("../app")) == repository / "podfit.lock.json"


def test_a_folder_of_that_name_is_no_lock_file(repository: Path) -> None:
    (repository / "podfit.lock.json").mkdir()
    assert find_lock(repository) is None


@pytest.mark.parametrize(
    "target", ["../../../secret.json", ".git/secret.json", "/proc/self/environ"]
)
def test_a_link_that_leads_out_of_the_repository_is_refused(repository: Path, target: str) -> None:
    folder = repository / "charts" / "app"
    (repository.parent / "secret.json").write_text("{}")
    (folder / "podfit.lock.json").symlink_to(
        repository / target if target.startswith(".git") else target
    )
    (repository / "podfit.lock.json").symlink_to("../podfit.lock.json")
    for source in (folder, folder / "pod.yaml", repository / "charts"):
        with pytest.raises(ConfigurationError, match="leads out of the repository"):
            find_lock(source)
        with pytest.raises(ConfigurationError, match="leads out of the repository"):
            lock_beside(source if source.name != "charts" else repository)


def test_a_link_within_the_repository_is_followed(repository: Path) -> None:
    (repository / "podfit.lock.json").touch()
    link = repository / "charts" / "app" / "podfit.lock.json"
    link.symlink_to("../../podfit.lock.json")
    assert find_lock(link.parent) == link


def test_outside_a_repository_a_link_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "other.json").touch()
    (tmp_path / "a" / "podfit.lock.json").symlink_to(tmp_path / "other.json")
    with pytest.raises(ConfigurationError, match="leads out of the repository"):
        find_lock(tmp_path / "a")


def test_a_link_to_itself_is_no_lock_file(repository: Path) -> None:
    (repository / "podfit.lock.json").symlink_to("podfit.lock.json")
    assert find_lock(repository) is None


def test_a_folder_that_may_not_be_entered_has_no_lock_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> bool:
        raise PermissionError(13, "Permission denied")

    for name in ("is_file", "is_dir", "is_symlink"):
        monkeypatch.setattr(Path, name, closed)
    assert find_lock(tmp_path / "closed" / "charts") is None
