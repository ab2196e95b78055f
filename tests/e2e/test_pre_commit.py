"""The pre-commit hooks, run by the real `pre-commit try-repo` on a temporary repository."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.command import write_lock
from tests.support.tools import ROOT, missing
from tests.support.traps import set_traps

POD = """apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  {selector}
  containers: [{{name: web, image: "nginx:1"}}]
"""
GUARD = "nodeSelector: {kubernetes.io/os: linux}"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.test"]
    subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=60
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environments that it builds: once for all tests here."""
    return tmp_path_factory.mktemp("pre-commit-home")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a chart of one pod, and its lock file."""
    folder = tmp_path / "repository"
    (folder / "chart" / "templates").mkdir(parents=True)
    (folder / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.0.0\n")
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64",)})
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True, timeout=60)
    return folder


def try_hook(repository: Path, home: Path, hook: str) -> subprocess.CompletedProcess[str]:
    git(repository, "add", ".")
    return subprocess.run(
        [sys.executable, "-I", "-m", "pre_commit", "try-repo", str(ROOT), hook, "--all-files"],
        cwd=repository,
        env={
            **os.environ,
            "PRE_COMMIT_HOME": str(home),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PIP_REPORT": str(home / "pip.json"),
        },
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )


@pytest.mark.timeout(900)
def test_a_chart_is_rendered_once_for_all_of_its_changed_files(
    repository: Path, home: Path, tmp_path: Path
) -> None:
    """In a repository full of traps, of which none is touched."""
    if not (ROOT / ".git").exists():
        missing("pre-commit clones the repository, and this is no clone")
    set_traps(repository, tmp_path / "touched")
    shutil.rmtree(repository / ".git" / "hooks")  # the git of this test would run them
    templates = repository / "chart" / "templates"
    for name in ("a", "b"):
        (templates / f"{name}.yaml").write_text(POD.format(selector=""))
    done = try_hook(repository, home, "podfit-locked")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("error[missing-os-selector]: Pod/web") == 2
    assert "2 workloads" in done.stdout
    for name in ("a", "b"):
        (templates / f"{name}.yaml").write_text(POD.format(selector=GUARD))
    done = try_hook(repository, home, "podfit-locked")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed(home / "pip.json") == locked()
    assert list((tmp_path / "touched").iterdir()) == []


def installed(report: Path) -> set[str]:
    """What pip's report says that it installed beside podfit, as `name==version`."""
    found = [item["metadata"] for item in json.loads(report.read_text("utf-8"))["install"]]
    pins = {canonicalize_name(item["name"]): item["version"] for item in found}
    del pins[canonicalize_name("podfit")]
    return {f"{name}=={version}" for name, version in pins.items()}


def locked() -> set[str]:
    """The versions that are tested, without those for other systems."""
    lines = (ROOT / "requirements" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    requirements = map(Requirement, lines)
    return {
        f"{canonicalize_name(item.name)}{item.specifier}"
        for item in requirements
        if item.marker is None or item.marker.evaluate()
    }
