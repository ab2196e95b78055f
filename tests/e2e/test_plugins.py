"""podfit as a plugin of Helm and kubectl, run by the real programs."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import auditor
from tests.support.tools import ROOT, find_tool, require_tool

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts as programs")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program with podfit on PATH, under all names that the package installs."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name in PROJECT["scripts"]:
        script = bin_folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
        script.chmod(0o755)
    homes = {f"HELM_{name}_HOME": str(folder) for name in ("CACHE", "CONFIG", "DATA")}
    path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
    settings = {"PYTHONPATH": str(ROOT), "PATH": path, "HELM_PLUGINS": str(folder / "plugins")}
    return subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        env={**os.environ, **homes, **settings},
        capture_output=True,
        text=True,
        timeout=100,
    )


def helm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    plugin = folder / "plugins" / "podfit"
    plugin.mkdir(parents=True)
    shutil.copy(ROOT / "plugin.yaml", plugin)
    return run(folder, str(require_tool("helm")), "podfit", *arguments)


def test_helm_runs_an_audit(tmp_path: Path) -> None:
    done = helm(tmp_path, "examples/shop", "--locked", "--cluster=hybrid", "--no-remedies")

    assert done.returncode == 1
    assert "error[missing-os-selector]: Deployment/shop-web can land on Windows" in done.stdout


def test_helm_passes_its_namespace(tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 0.1.0\n")
    pod = "spec: {containers: [{name: c, image: x}]}\nkind: Pod\napiVersion: v1\n"
    named = 'metadata: {name: "in-{{ .Release.Namespace }}"}\n'
    (chart / "templates" / "pod.yaml").write_text(pod + named)

    done = helm(tmp_path, str(chart), "--locked", "-n", "prod")

    assert "Pod/in-prod" in done.stdout


def test_the_version_of_the_plugin() -> None:
    plugin = (ROOT / "plugin.yaml").read_text(encoding="utf-8")

    assert f"\nversion: {auditor.__version__}\n" in plugin


def test_kubectl_finds_podfit(tmp_path: Path) -> None:
    assert set(PROJECT["scripts"].values()) == {"auditor.cli.app:main"}
    kubectl = find_tool("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")

    done = run(tmp_path, str(kubectl), "podfit", "--version")

    assert re.fullmatch(rf"podfit {auditor.__version__}\n", done.stdout)
