"""Where a path is at home."""

import os
from pathlib import Path

import pytest

from auditor.files.paths import Home, find_home, real_path


def test_the_repository_around_a_path(tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / ".podfit.yaml").touch()
    (tmp_path / "repo" / "charts").mkdir()

    assert find_home(tmp_path / "repo" / "charts" / "not-there.yaml") == Home(
        tmp_path / "repo", is_repository=True
    )


def test_a_worktree_has_a_file_called_git(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: elsewhere")

    assert find_home(tmp_path) == Home(tmp_path, is_repository=True)


def test_the_nearest_repository_counts(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "sub"):
        (folder / ".git").mkdir(parents=True)

    assert find_home(tmp_path / "sub" / "x") == Home(tmp_path / "sub", is_repository=True)


def test_outside_of_repositories_the_nearest_configuration(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".podfit.yaml").touch()
    (tmp_path / "a" / ".podfit.yaml").touch()

    assert find_home(tmp_path / "a" / "b") == Home(tmp_path / "a", is_repository=False)


def test_a_name_that_is_too_long_is_at_home_nowhere(tmp_path: Path) -> None:
    assert find_home(tmp_path / ("x" * 300) / "y") is None


def test_nowhere(tmp_path: Path) -> None:
    assert find_home(tmp_path) is None


@pytest.mark.parametrize(
    ("is_repository", "found"),
    [(True, [".podfit.yaml", ".github/.podfit.yaml"]), (False, [".podfit.yaml"])],
)
def test_configurations(tmp_path: Path, is_repository: bool, found: list[str]) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".podfit.yaml").touch()
    (tmp_path / ".github" / ".podfit.yaml").touch()
    home = Home(tmp_path, is_repository=is_repository)

    assert [home.relative(path) for path in home.configurations()] == found


def test_a_path_relative_to_its_home(tmp_path: Path) -> None:
    home = Home(tmp_path, is_repository=True)

    assert home.relative(tmp_path) == "."
    assert home.relative(tmp_path / "a" / "b.yaml") == "a/b.yaml"
    assert home.relative(Path("/elsewhere/x")) == "/elsewhere/x"


def test_a_link_to_itself_and_what_is_no_path_lead_to_themselves(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")

    assert real_path(loop) == Path(os.path.realpath(tmp_path)) / "loop"
    assert real_path(tmp_path / "a\0b") == tmp_path / "a\0b"
    assert find_home(loop / "a\0b") == find_home(tmp_path)
