"""The commands of the recipes run, on the example, and their files are valid."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.tools import ROOT, missing

SCRIPTING = (ROOT / "docs" / "scripting.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, int]]:
    """The commands of the page in order, each with the exit code that its comment states."""
    joined = [re.sub(r"\n  ", " ", block) for block in blocks(SCRIPTING, "sh")]
    lines = [line for block in joined for line in block.splitlines()]
    stated = [(line, re.search(r"# exit (\d)$", line)) for line in lines]
    return [(line, int(code[1]) if code else 0) for line, code in stated]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example as `charts`, and podfit as a program."""
    made = tmp_path_factory.mktemp("recipes")
    shutil.copytree(ROOT / "examples", made / "charts")
    shutil.copy(ROOT / "examples" / "podfit.lock.json", made)
    (made / "bin").mkdir()
    program = made / "bin" / "podfit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
    program.chmod(0o755)
    return made


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    settings = {"PATH": path, "PYTHONPATH": str(ROOT), "PODFIT_LOCKED": "true"}
    environment = {**os.environ, **settings}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100
    )


@pytest.mark.skipif(sys.platform == "win32", reason="a shell is needed")
def test_the_commands_of_the_page_on_scripting(folder: Path) -> None:
    if shutil.which("jq") is None:
        missing("jq is not installed; `apt-get install jq`")
    printed = []
    for command, code in commands():
        done = run(folder, "sh", "-c", command)
        assert (done.returncode, command) == (code, command), done.stderr
        printed.append(done.stdout)

    text = "".join(printed)
    assert "Deployment/dns-cache\tregistry.k8s.io/coredns/coredns:v1.14.3\n" in text
    assert "Deployment/dns-cache\tlinux-arm64\tCrashLoopBackOff\n" in text
    assert '"fix": "values: web.nodeSelector: {kubernetes.io/os: linux}"' in text
    assert "ghcr.io/example/sales-report:${GIT_SHA}" in text
    assert "web:" in (folder / "fixes.yaml").read_text(encoding="utf-8")
    assert printed[-1] == "", "a change that resolves a finding adds none"


def test_the_program_of_the_page_on_scripting(folder: Path) -> None:
    (program,) = blocks(SCRIPTING, "python")

    done = run(folder, sys.executable, "-c", program)

    assert done.returncode == 0, done.stderr
    assert "shop/templates/web.yaml missing-os-selector values: web.nodeSelector" in done.stdout


@pytest.mark.parametrize(
    ("page", "language", "holding", "schema"),
    [
        (SCRIPTING, "json", "postUpgradeTasks", "vendor.renovate"),
        (RECIPES, "yaml", "codequality", "vendor.gitlab-ci"),
    ],
)
def test_files_for_other_programs_are_valid(
    tmp_path: Path, page: str, language: str, holding: str, schema: str
) -> None:
    (block,) = (block for block in blocks(page, language) if holding in block)
    file = tmp_path / f"file.{language}"
    file.write_text(block, encoding="utf-8")

    done = run(
        tmp_path, sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["WorkflowTemplate", "Task"])
def test_podfit_reads_the_objects_of_the_recipes(folder: Path, kind: str) -> None:
    (block,) = (text for text in blocks(RECIPES, "yaml") if f"kind: {kind}\n" in text)
    assert yaml.safe_load(block)["metadata"]["name"] == "podfit"
    file = folder / f"{kind}.yaml"
    file.write_text(block, encoding="utf-8")

    done = run(folder, "podfit", "audit", file.name, "-o", "json")

    report: dict[str, Any] = json.loads(done.stdout)
    images = {image["image"].lower() for image in report["images"]}
    assert "ghcr.io/owner/podfit:0.1.0" in images


def test_the_problem_matcher_of_visual_studio_code(folder: Path) -> None:
    (block,) = (text for text in blocks(RECIPES, "json") if "problemMatcher" in text)
    (task,) = json.loads(block)["tasks"]
    pattern = task["problemMatcher"]["pattern"]

    done = run(folder, task["command"], *task["args"])

    assert done.returncode == 1
    found = [re.match(pattern["regexp"], line) for line in done.stdout.splitlines()]
    assert len(found) > 3
    assert all(found)
    assert {(match[pattern["file"]], match[pattern["code"]]) for match in found if match} >= {
        ("charts/shop/templates/web.yaml", "missing-os-selector")
    }
