"""Programs are found on a trusted part of PATH, and nowhere else."""

import os
from pathlib import Path

import pytest

from auditor.files.paths import find_program


def _program(folder: Path, name: str = "helm") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with a folder in it, which is the working directory."""
    folder = tmp_path / "checkout"
    (folder / ".git").mkdir(parents=True)
    (folder / "charts").mkdir()
    monkeypatch.chdir(folder / "charts")
    return folder


def _set_path(monkeypatch: pytest.MonkeyPatch, *entries: Path | str) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, entries)))


def test_the_first_entry_that_has_the_program_counts(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = _program(tmp_path / "a"), _program(tmp_path / "b")
    _set_path(monkeypatch, tmp_path / "none", tmp_path / "a", tmp_path / "b")
    assert find_program("helm") == first
    Path(first).chmod(0o644)
    assert find_program("helm") == second
    assert find_program("kubectl") is None


@pytest.mark.parametrize("entry", ["", ".", "bin", "./bin", "..", "../bin"])
def test_a_relative_entry_is_skipped(
    entry: str, tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (".", "bin", "..", "../bin"):
        _program(Path(folder))
    _set_path(monkeypatch, entry, tmp_path / "safe")
    assert find_program("helm") is None
    safe = _program(tmp_path / "safe")
    assert find_program("helm") == safe


@pytest.mark.parametrize("entry", ["charts", "charts/bin", ".", "bin", ".venv/bin"])
def test_an_entry_inside_the_repository_is_skipped(
    entry: str, tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(checkout / entry)
    _set_path(monkeypatch, checkout / entry)
    assert find_program("helm") is None


def test_an_entry_that_links_into_the_repository_is_skipped(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(checkout / "bin")
    (tmp_path / "link").symlink_to(checkout / "bin")
    _set_path(monkeypatch, tmp_path / "link")
    assert find_program("helm") is None


def test_without_a_repository_the_working_directory_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    _program(tmp_path / "work" / "bin")
    beside = _program(tmp_path / "beside")
    _set_path(monkeypatch, tmp_path / "work" / "bin", tmp_path / "beside")
    assert find_program("helm") == beside
