"""`podfit doctor`: what it finds, and what it says where something is missing or broken."""

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

import auditor
from auditor.registry.auth.credentials import DockerKeychain
from auditor.registry.cache import Cache
from auditor.sources import renderers
from auditor.sources.processes import programs
from tests.support.command import podfit
from tests.support.tools import require_tool

posix = pytest.mark.skipif(sys.platform == "win32", reason="scripts as programs")
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel filter is of Linux")
SECRET = "hunter2"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without programs, logins and proxies; returns its only folder of programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("DOCKER_AUTH_CONFIG", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(renderers, "is_installed", lambda: False)
    return folder


def program(folder: Path, name: str, output: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


def lines(name: str, *arguments: str | Path) -> list[str]:
    """The lines of a part, without the column of names, and joined where they are wrapped."""
    joined = re.sub(r"\n {6,}(?! *= help)", " ", podfit("doctor", *arguments).out)
    return [
        re.sub(rf"^(.) {name} +", r"\1 ", line)
        for line in joined.splitlines()
        if line[2:].startswith(name)
    ]


def test_a_machine_with_nothing_is_ready_and_says_what_it_lacks(tmp_path: Path) -> None:
    done = podfit("doctor")

    assert done.code == 0
    assert done.out.endswith("\n\npodfit is ready\n")
    assert lines("podfit") == [f"✓ {auditor.__version__}, {Path(auditor.__file__).parent}"]
    assert sys.executable in lines("Python")[0]
    assert lines("helm program")[0].startswith("○ not found on PATH; without Helm, charts are not")
    assert lines("kustomize")[0].startswith("○ not found on PATH, nor kubectl")
    assert lines("git") == ["○ not found on PATH; only `--policy-from REVISION` needs it"]
    assert lines("cache") == [f"✓ {tmp_path / 'podfit-cache'}, 0.0 MiB in 0 files"]
    assert lines("credentials")[0].startswith("○ no logins of Docker or Podman found")
    assert lines("proxy") == []


@posix
def test_programs_are_shown_with_version_and_path(machine: Path) -> None:
    git = program(machine, "git", "git version 2.39.5")
    kubectl = program(machine, "kubectl", "Client Version: v1.35.0")

    assert lines("git") == [f"✓ 2.39.5, {git}"]
    assert lines("kubectl") == [f"✓ 1.35.0, {kubectl}"]
    assert lines("kustomize") == [f"✓ `{kubectl} kustomize` builds kustomizations"]


@posix
def test_a_program_that_does_not_work_is_not_shown_as_working(machine: Path) -> None:
    git = program(machine, "git", "no version")

    assert lines("git")[0].startswith(f"○ {git} does not print its version")


def test_helm_that_renders(machine: Path) -> None:
    helm = require_tool("helm")
    (machine / "helm").symlink_to(helm)

    (found,) = lines("helm program")
    assert re.fullmatch(rf"✓ v[34]\.\d+.*, {machine / 'helm'}; renders charts", found)


@posix
def test_helm_that_is_too_old_fails_where_it_is_the_only_one(machine: Path) -> None:
    helm = program(machine, "helm", "v3.1.0")

    done = podfit("doctor")

    assert done.code == 1
    assert done.out.endswith("\n\ndoes not work: helm program\n")
    assert lines("helm program")[0] == (
        f"✗ charts cannot be rendered with {helm}: it is version v3.1"
    )
    assert "= help: install helm 3.8 or later" in done.out


@posix
def test_helm_that_is_too_old_is_not_needed_beside_the_library(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("helm_python")
    monkeypatch.setattr(renderers, "is_installed", lambda: True)
    program(machine, "helm", "v3.1.0")

    done = podfit("doctor")

    assert done.code == 0
    assert re.search(r"✓ Helm library +v4\.\d+.*, helm-python-sdk [\d.]+; renders charts", done.out)
    assert lines("helm program")[0].startswith("○ charts cannot be rendered")


def test_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "work" / ".podfit.yaml"
    assert lines("configuration")[0].startswith("○ no .podfit.yaml")

    file.write_text("version: 1\ncluster: aks\n")
    assert lines("configuration") == ["✓ .podfit.yaml"]

    file.write_text("version: 1\nclusters: aks\n")
    done = podfit("doctor")
    assert done.code == 1
    assert lines("configuration")[0].startswith("✗ .podfit.yaml:2:1: ")
    assert podfit("doctor", "--no-config").code == 0


def test_registries_that_are_not_trusted(tmp_path: Path) -> None:
    text = "version: 1\nregistries: {docker.io: {mirrors: [mirror.test]}}\n"
    (tmp_path / "work" / ".podfit.yaml").write_text(text)

    trusted, ignored = "✓ .podfit.yaml", "○ .podfit.yaml:2:1: `registries` is ignored"
    assert lines("configuration", "--trust-config") == [trusted]
    assert [line[: len(ignored)] for line in lines("configuration")] == [trusted, ignored]


def test_the_configuration_of_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.yaml").write_text("version: 1\ncluster: aks\n")
    monkeypatch.setenv("PODFIT_CONFIG", str(tmp_path / "other.yaml"))

    assert lines("configuration") == ["✓ ../other.yaml"]


def test_the_cache(tmp_path: Path) -> None:
    folder, blob = tmp_path / "cache", b" " * 2**19
    Cache(folder).put(f"sha256:{hashlib.sha256(blob).hexdigest()}", blob)
    assert lines("cache", "--cache-dir", folder) == [f"✓ {folder}, 0.5 MiB in 1 file"]

    (tmp_path / "file").write_text("")
    (found,) = lines("cache", "--cache-dir", tmp_path / "file" / "cache")
    assert found.startswith(f"○ {tmp_path / 'file' / 'cache'} cannot be written: Not a directory")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (f"http://me:{SECRET}@proxy.test:3128", "http://***@proxy.test:3128"),
        (f"me:{SECRET}@proxy.test:3128", "***@proxy.test:3128"),
        (f"http://me:a@{SECRET}@proxy.test", "http://***@proxy.test"),
        (f"http://me:a/{SECRET}@proxy.test", "http://***@proxy.test"),
        ("http://proxy.test:3128", "http://proxy.test:3128"),
    ],
)
def test_the_credentials_of_a_proxy_are_masked(
    monkeypatch: pytest.MonkeyPatch, value: str, shown: str
) -> None:
    monkeypatch.setenv("https_proxy", value)
    monkeypatch.setenv("HTTPS_PROXY", "http://other.test")
    monkeypatch.setenv("NO_PROXY", "localhost,.example.com")

    assert lines("proxy") == [f"✓ HTTPS_PROXY={shown}", "✓ NO_PROXY=localhost,.example.com"]
    assert SECRET not in podfit("doctor").out


@posix
def test_logins_and_their_helpers(machine: Path, tmp_path: Path) -> None:
    file = tmp_path / ".docker" / "config.json"
    file.parent.mkdir()
    secret = {"registry.test": {"username": "me", "password": SECRET}}
    file.write_text(
        json.dumps({"auths": secret, "credsStore": "desktop", "credHelpers": {"a.test": "ecr"}})
    )
    ecr = program(machine, "docker-credential-ecr", "{}")

    done = podfit("doctor")

    assert done.code == 1
    assert SECRET not in done.out
    assert lines("credentials") == [
        "✓ ~/.docker/config.json",
        "✗ docker-credential-desktop, named in ~/.docker/config.json, not found on PATH",
        f"✓ {ecr}, named in ~/.docker/config.json",
    ]


def test_logins_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("{")

    done = podfit("doctor")

    assert done.code == 1
    assert "✗ credentials    ~/.docker/config.json cannot be read" in done.out


def test_logins_run_no_helper() -> None:
    def ask(name: str, server: str) -> None:
        raise AssertionError(name, server)

    environment = {"DOCKER_AUTH_CONFIG": json.dumps({"credsStore": "pass"})}
    logins = DockerKeychain(environment, None, ask).logins()

    assert logins.stores == {"DOCKER_AUTH_CONFIG": ("pass",)}


@linux
def test_the_kernel_filter_is_tried() -> None:
    assert programs.network_is_blocked()
    assert lines("sandbox") == ["✓ the kernel blocks network access of charts"]


@posix
def test_a_kernel_without_the_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = programs.bounded
    monkeypatch.setattr(
        programs,
        "bounded",
        lambda command, output, *, online: bounded(command, output, online=True),
    )

    assert not programs.network_is_blocked()
    assert lines("sandbox")[0].startswith("○ charts can access the network: ")
