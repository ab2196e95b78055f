"""`podfit lock`: writing, checking and updating against a real registry."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import podfit
from tests.support.registry import Registry

BOTH = ["linux/amd64", "linux/arm64"]


@pytest.fixture
def pod(tmp_path: Path, registry: Registry, request: pytest.FixtureRequest) -> Path:
    """A folder with a pod of two images, `:one` and `:two`, of a repository of the test's own."""
    repository = repository_of(request)
    for tag in ("one", "two"):
        registry.push_image(repository, tag, [*BOTH, f"linux/{tag}"])
    folder = tmp_path / "manifests"
    folder.mkdir()
    images = [f"{registry.host}/{repository}:{tag}" for tag in ("one", "two")]
    containers = [{"name": f"c{index}", "image": image} for index, image in enumerate(images)]
    value: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}
    (folder / "pod.json").write_text(json.dumps({**value, "spec": {"containers": containers}}))
    return folder


def repository_of(request: pytest.FixtureRequest) -> str:
    name: str = request.node.name
    return f"lock/{name.replace('_', '-')}"


def locked(folder: Path) -> dict[str, Any]:
    images: dict[str, Any] = json.loads((folder / "podfit.lock.json").read_text())["images"]
    return {name.rpartition(":")[2]: entry for name, entry in images.items()}


def test_lock_and_check(pod: Path) -> None:
    done = podfit("lock", pod)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"wrote {pod / 'podfit.lock.json'} (2 images)\n"
    assert locked(pod)["one"]["platforms"] == [*BOTH, "linux/one"]

    again, check = podfit("lock", pod), podfit("lock", pod, "--check")
    assert again.out == f"unchanged: {pod / 'podfit.lock.json'} (2 images)\n"
    assert (check.code, check.out) == (0, f"{pod / 'podfit.lock.json'} is up to date (2 images)\n")


def test_check_tells_what_moved_and_what_was_lost(
    pod: Path, registry: Registry, request: pytest.FixtureRequest
) -> None:
    podfit("lock", pod)
    before = (pod / "podfit.lock.json").read_text()
    registry.push_image(repository_of(request), "one", ["linux/amd64", "linux/s390x"])

    check = podfit("lock", pod, "--check")

    assert check.code == 1
    assert f"{repository_of(request)}:one" in check.out
    assert "linux/arm64" in check.out
    assert "linux/s390x" in check.out
    assert (pod / "podfit.lock.json").read_text() == before


def test_update_asks_for_the_named_image_alone(
    pod: Path, registry: Registry, request: pytest.FixtureRequest
) -> None:
    podfit("lock", pod)
    repository = repository_of(request)
    for tag in ("one", "two"):
        registry.push_image(repository, tag, ["linux/amd64"])

    done = podfit("lock", pod, "--update", f"{registry.host}/{repository}:one")

    assert done.code == 0
    assert f"{repository}:one: digest moved from sha256:" in done.out
    assert "; platforms lost: linux/arm64, linux/one\nwrote " in done.out
    assert locked(pod)["one"]["platforms"] == ["linux/amd64"]
    assert locked(pod)["two"]["platforms"] == [*BOTH, "linux/two"]


def test_update_of_what_is_no_image(pod: Path) -> None:
    done = podfit("lock", pod, "--update", "a/UPPER")

    assert done.code == 2
    assert done.err.startswith("error: --update a/UPPER: ")


def test_update_of_what_no_source_uses(pod: Path) -> None:
    done = podfit("lock", pod, "--update", "nginx:1.27")

    assert done.code == 2
    assert done.err.startswith("error: --update nginx:1.27: no source uses this image\n")
    assert not (pod / "podfit.lock.json").exists()


def test_a_merge_conflict_is_written_anew(pod: Path) -> None:
    path = pod / "podfit.lock.json"
    podfit("lock", pod)
    good = path.read_text()
    path.write_text(f"<<<<<<< HEAD\n=======\n>>>>>>> other\n{good}")

    for more in ("--check",), ("--update", "nginx:1.27"):
        done = podfit("lock", pod, *more)
        assert (done.code, "contains a merge conflict" in done.err) == (2, True)
    assert podfit("lock", pod).code == 0
    assert path.read_text() == good


def test_a_damaged_lock_file_is_not_overwritten(pod: Path) -> None:
    path = pod / "podfit.lock.json"
    for text in ('{"name": "a package"}', '{"version": 2, "images": {}}', "{"):
        path.write_text(text)
        assert podfit("lock", pod).code == 2
        assert path.read_text() == text


def test_an_image_that_is_gone_keeps_the_lock_incomplete(pod: Path, registry: Registry) -> None:
    (pod / "more.yaml").write_text(
        "{apiVersion: v1, kind: Pod, metadata: {name: more}, spec: {containers: "
        f"[{{name: a, image: '{registry.host}/lock/none:1'}}]}}}}\n"
    )

    done = podfit("lock", pod)

    assert done.code == 3
    assert "(2 images, 1 unresolved)" in done.out
    assert "lock/none:1" in done.err


def test_what_could_not_be_read_keeps_its_entries(pod: Path) -> None:
    assert podfit("lock", pod).code == 0
    before = locked(pod)
    (pod / "pod.json").write_text("{")

    check, again = podfit("lock", pod, "--check"), podfit("lock", pod)

    assert (check.code, "not used" in check.out) == (3, False)
    assert (again.code, again.out) == (
        3,
        f"unchanged: {pod / 'podfit.lock.json'} (2 images)\n",
    )
    assert locked(pod) == before


def test_no_lock_file_is_written_where_nothing_could_be_read(tmp_path: Path) -> None:
    done = podfit("lock", tmp_path / "nope")

    path = tmp_path / "podfit.lock.json"
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith(f"{path} was not written: no source could be read\n")
    assert not path.exists()


def test_locked_without_a_lock_file_says_so(pod: Path) -> None:
    done = podfit("images", pod, "--locked")

    assert "unknown: there is no lock file" in done.out
    assert done.code == 3


def test_lock_with_locked_makes_no_sense(pod: Path) -> None:
    assert podfit("lock", pod, "--locked").code == 2


def test_verify_compares_each_entry_with_its_digest(
    pod: Path, registry: Registry, request: pytest.FixtureRequest
) -> None:
    podfit("lock", pod)
    path = pod / "podfit.lock.json"
    honest = path.read_text()
    registry.push_image(repository_of(request), "one", ["linux/amd64", "linux/s390x"])  # it moved

    done = podfit("lock", pod, "--verify")
    assert (done.code, done.out) == (0, f"{path} is verified (2 images)\n")
    assert path.read_text() == honest

    path.write_text(honest.replace('"linux/one"', '"linux/one",\n "windows(10.0.20348)/amd64"'))
    lying = podfit("lock", pod, "--verify")
    assert lying.code == 1
    assert f"{repository_of(request)}:one: same digest, read differently" in lying.out
    assert "platforms lost: windows(10.0.20348)/amd64" in lying.out


def test_verify_says_what_it_cannot_verify(pod: Path) -> None:
    podfit("lock", pod)
    path = pod / "podfit.lock.json"
    content = json.loads(path.read_text())
    for entry in content["images"].values():
        entry["digest"] = f"sha256:{'0' * 64}"
    path.write_text(json.dumps(content))

    done = podfit("lock", pod, "--verify")
    assert (done.code, done.out) == (3, "")
    assert done.err.count("not verified: ") == 2
