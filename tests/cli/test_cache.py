"""`podfit cache`: where answers are, and getting rid of them."""

from pathlib import Path

from tests.support.command import podfit
from tests.support.registry import Registry


def test_where_the_cache_is(tmp_path: Path) -> None:
    assert podfit("cache", "dir").out == f"{tmp_path / 'podfit-cache'}\n"
    assert podfit("cache", "dir", "--cache-dir", tmp_path / "x").out == f"{tmp_path / 'x'}\n"


def test_an_empty_cache(tmp_path: Path) -> None:
    assert podfit("cache", "clear").out == "removed 0 files, 0.0 MiB\n"
    assert podfit("cache", "prune").out == "removed 0 files, 0.0 MiB\n"
    assert not (tmp_path / "podfit-cache").exists()


def test_what_an_inspection_leaves_can_be_cleared(registry: Registry) -> None:
    registry.push_image("cache/app", "1")
    image = f"{registry.host}/cache/app:1"
    assert podfit("inspect", image).code == 0
    assert podfit("inspect", image, "--offline").code == 0

    cleared = podfit("cache", "clear")

    assert cleared.out == "removed 2 files, 0.0 MiB\n"
    offline = podfit("inspect", image, "--offline")
    assert offline.code == 3
    assert "is not in the cache" in offline.out


def test_pruning_keeps_what_fits(registry: Registry) -> None:
    registry.push_image("cache/pruned", "1")
    assert podfit("inspect", f"{registry.host}/cache/pruned:1").code == 0

    assert podfit("cache", "prune").out == "removed 0 files, 0.0 MiB\n"
    assert podfit("cache", "prune", "--max-size", "0").out == "removed 2 files, 0.0 MiB\n"


def test_a_poisoned_cache_is_found_out(registry: Registry, tmp_path: Path) -> None:
    registry.push_image("cache/poisoned", "1")
    image = f"{registry.host}/cache/poisoned:1"
    assert podfit("inspect", image).code == 0
    for path in (tmp_path / "podfit-cache").rglob("*.json"):
        path.write_text("{}")

    done = podfit("inspect", image)

    assert done.code == 0
    assert done.err == "note: damaged files in the cache were removed: 1\n"
