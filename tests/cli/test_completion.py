"""Completion, as a real bash asks for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tools import ROOT, missing

SCRIPT = """\
eval "$(_PODFIT_COMPLETE=source_bash podfit)"
complete -p podfit
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_podfit_completion podfit "" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(words: str, cwd: Path) -> list[str]:
    """What bash offers after the tab key: the line is split, the last word is not yet complete."""
    bash = shutil.which("bash") or missing("bash is not installed")
    program = cwd / "bin" / "podfit"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "--norc", "-c", SCRIPT.format(words=words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
        timeout=60,
    )
    assert done.stderr == ""
    declared, *offered = done.stdout.splitlines()
    assert declared == "complete -o default -F _podfit_completion podfit"
    return [word for word in offered if word]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("podfit ma", ["matrix"]),
        ("podfit rules missing-p", ["missing-platform"]),
        ("podfit audit -o s", ["sarif"]),
        ("podfit audit --output json", ["json", "json-v1"]),
        ("podfit audit --cluster hybrid", ["hybrid", "hybrid-arm64"]),
        ("podfit matrix -c op", ["openshift"]),
        ("podfit clusters e", ["eks"]),
        ("podfit audit --fail-on w", ["warning"]),
        ("podfit audit --baseline ''", []),
    ],
)
def test_names_are_completed(words: str, offered: list[str], tmp_path: Path) -> None:
    assert complete(words, tmp_path) == offered


def test_options_are_completed(tmp_path: Path) -> None:
    assert complete("podfit audit --no-", tmp_path) == [
        "--no-ci-values",
        "--no-pedantic",
        "--no-remedies",
        "--no-ignores",
        "--no-strict",
        "--no-progress",
        "--no-config",
    ]


def test_company_rules_are_completed(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    text = "{id: our-rule, check: taint-dependence, severity: info, summary: A., why: b, fix: c}\n"
    (tmp_path / "policy" / "our-rule.yaml").write_text(text)
    assert complete("podfit rules --rules policy our", tmp_path) == ["our-rule"]
    assert complete("podfit rules --rules nowhere unused", tmp_path) == ["unused-ignore"]


def test_workloads_are_completed(tmp_path: Path) -> None:
    folder = tmp_path / "deploy"
    folder.mkdir()
    for kind in ("Deployment", "DaemonSet"):
        spec = "spec: {template: {spec: {containers: [{name: a, image: a.test/b}]}}}"
        text = f"{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: web}}, {spec}}}\n"
        (folder / f"{kind}.yaml").write_text(text)

    assert complete("podfit explain De", tmp_path) == ["Deployment/web"]
    assert complete("podfit explain w", tmp_path) == ["web"]
    (folder / "broken.yaml").write_text("kind: [")
    assert complete("podfit explain Da", tmp_path) == ["DaemonSet/web"]
    (tmp_path / ".podfit.yaml").write_text("version: 2\n")
    assert complete("podfit explain Da", tmp_path) == []
