"""The GitHub Action: its own steps, read from action.yml, executed as a runner would.

The steps that use other actions (Python, cache, upload) are not: what they would give is given.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command import write_lock
from tests.support.tools import ROOT, require_tool

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
POD = """apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  template:
    spec:
      containers: [{name: agent, image: "nginx:1"}]
"""
GUARDED = POD.replace(
    "spec:\n      ", "spec:\n      nodeSelector: {kubernetes.io/os: linux}\n      "
)


@dataclass(frozen=True)
class Run:
    """What a job sees of the action. code: of its last step."""

    code: int
    outputs: Mapping[str, str]
    log: str
    summary: str


class Runner:
    """Executes the `run` steps of action.yml with bash and a runner's environment files."""

    def __init__(self, workspace: Path, temporary: Path) -> None:
        self.workspace, self.temporary = workspace, temporary
        self.contexts: dict[str, str] = {
            "runner.temp": str(temporary),
            "runner.os": "Linux",
            "github.action_path": str(ROOT),
            "github.run_id": "1",
            "github.run_attempt": "1",
            "steps.python.outputs.python-path": sys.executable,
            "steps.install.outputs.python": sys.executable,
        }
        self.summary = temporary / "summary.md"

    def run(self, **inputs: str) -> Run:
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        for name, declared in ACTION["inputs"].items():
            self.contexts[f"inputs.{name}"] = given.pop(name, declared.get("default", ""))
        assert not given, "an input that action.yml does not declare"
        log, code = "", 0
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or step.get("id") == "install":
                continue
            done = self._step(step)
            log, code = log + done.stdout, done.returncode
        return Run(
            code,
            {name: self._expand(item["value"]) for name, item in ACTION["outputs"].items()},
            log,
            self.summary.read_text(encoding="utf-8") if self.summary.exists() else "",
        )

    def _step(self, step: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        assert "${{" not in step["run"], "inputs reach a shell through the environment alone"
        output = self.temporary / "output"
        output.write_text("")
        environment = {name: self._expand(text) for name, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.temporary),
                "PYTHONPATH": str(ROOT),
                "RUNNER_TEMP": str(self.temporary),
                "GITHUB_ACTIONS": "true",
                "CI": "true",
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_WORKSPACE": str(self.workspace),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
        )
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.contexts[f"steps.{step['id']}.outputs.{name}"] = value
        return done

    def _expand(self, text: str) -> str:
        return re.sub(
            r"\$\{\{\s*([\w.-]+)\s*\}\}", lambda match: self.contexts.get(match[1], ""), text
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    if shutil.which("bash") is None:
        require_tool("bash")
    workspace, temporary = tmp_path / "work", tmp_path / "temp"
    (workspace / ".git").mkdir(parents=True)
    temporary.mkdir()
    write_lock(workspace, {"docker.io/library/nginx:1": ("linux/amd64",)})
    return Runner(workspace, temporary)


def test_findings_annotate_report_and_fail_the_job(runner: Runner) -> None:
    (runner.workspace / "agent.yaml").write_text(POD)
    run = runner.run(extra_args="--locked")
    assert (run.code, run.outputs["exit-code"], run.outputs["findings"]) == (1, "1", "1")
    assert ",file=agent.yaml,line=7,col=7::agent.yaml:7:7: DaemonSet/agent" in run.log
    assert "DaemonSet/agent" in run.summary
    assert json.loads(Path(run.outputs["json-file"]).read_text())["summary"]["errors"] == 1
    sarif = json.loads(Path(run.outputs["sarif-file"]).read_text())
    assert sarif["runs"][0]["results"][0]["ruleId"] == "missing-os-selector"


def test_a_clean_repository_passes(runner: Runner) -> None:
    (runner.workspace / "agent.yaml").write_text(GUARDED)
    run = runner.run(extra_args="--locked")
    assert (run.code, run.outputs["findings"]) == (0, "0")
    assert "::error" not in run.log


def test_a_broken_repository_is_incomplete_and_still_reported(runner: Runner) -> None:
    (runner.workspace / "agent.yaml").write_text("apiVersion: v1\nkind: Pod\nspec: [\n")
    run = runner.run(extra_args="--locked")
    assert (run.code, run.outputs["exit-code"]) == (3, "3")
    assert Path(run.outputs["sarif-file"]).exists()
    assert "agent.yaml" in run.summary


def test_policy_ref_takes_the_policy_from_the_base(runner: Runner) -> None:
    folder = runner.workspace
    (folder / ".git").rmdir()
    for arguments in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "base")):
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.test")
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, timeout=60)
    (folder / "agent.yaml").write_text(POD)
    (folder / ".podfit.yaml").write_text(
        "version: 1\nrules: {missing-os-selector: {severity: info}}\n"
    )
    assert runner.run(extra_args="--locked").code == 0
    assert runner.run(extra_args="--locked", policy_ref="main").code == 1
    assert runner.run(extra_args="--locked", policy_ref="no-such-revision").code == 2


def commit(folder: Path, message: str) -> None:
    for arguments in (("add", "-A"), ("commit", "-q", "-m", message)):
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.test")
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, timeout=60)


def test_base_limits_the_job_to_what_a_pull_request_changes(runner: Runner) -> None:
    folder = runner.workspace
    (folder / ".git").rmdir()
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, check=True, timeout=60)
    (folder / "agent.yaml").write_text(POD)
    commit(folder, "base")
    (folder / "other.yaml").write_text(GUARDED.replace("agent", "other"))
    run = runner.run(extra_args="--locked", base="main")
    assert (run.code, run.outputs["findings"]) == (0, "0")
    assert "::error" not in run.log
    assert "Nothing got worse" in run.summary
    assert "missing-os-selector" not in run.summary
    assert json.loads(Path(run.outputs["json-file"]).read_text())["summary"]["errors"] == 1
    assert Path(run.outputs["sarif-file"]).exists()

    (folder / "other.yaml").write_text(POD.replace("agent", "other"))
    run = runner.run(extra_args="--locked", base="main")
    assert (run.code, run.outputs["exit-code"], run.outputs["findings"]) == (1, "1", "1")
    assert "file=other.yaml" in run.log
    assert "file=agent.yaml" not in run.log
    assert "DaemonSet/other" in run.summary
    diff = json.loads(Path(run.outputs["diff-file"]).read_text())
    assert [item["workload"]["name"] for item in diff["appearing"]] == ["other"]

    run = runner.run(extra_args="--locked", base="main", policy_ref="main")
    assert (run.code, run.outputs["findings"]) == (1, "1")


def test_a_base_that_is_not_there_is_a_usage_error(runner: Runner) -> None:
    (runner.workspace / "agent.yaml").write_text(POD)
    run = runner.run(extra_args="--locked", base="no-such-revision")
    assert (run.code, run.outputs["exit-code"], run.outputs["diff-file"]) == (2, "2", "")


def test_fail_on_never_lets_findings_pass(runner: Runner) -> None:
    (runner.workspace / "agent.yaml").write_text(POD)
    run = runner.run(extra_args="--locked", fail_on="never", annotations="false", summary="false")
    assert (run.code, run.outputs["findings"], run.summary) == (0, "1", "")
    assert run.log.startswith("error[missing-os-selector]")


def test_a_usage_error_fails_with_its_own_code_and_leaves_no_stale_report(runner: Runner) -> None:
    (runner.workspace / "agent.yaml").write_text(POD)
    runner.run(extra_args="--locked")
    run = runner.run(extra_args="--no-such-option")
    assert (run.code, run.outputs["exit-code"], run.outputs["json-file"]) == (2, "2", "")


@pytest.mark.parametrize(
    "paths",
    ["$(touch injected)", "; touch injected", "`touch injected`", '"; touch injected; "', "*"],
)
def test_inputs_are_never_code(runner: Runner, paths: str) -> None:
    (runner.workspace / "agent.yaml").write_text(POD)
    run = runner.run(paths=paths, extra_args="--locked")
    assert run.code == 3
    assert not (runner.workspace / "injected").exists()


@pytest.mark.parametrize(
    "inputs", [{"paths": "--locked"}, {"strict": "perhaps"}, {"annotations": ""}]
)
def test_inputs_that_make_no_sense_are_usage_errors(runner: Runner, inputs: dict[str, str]) -> None:
    run = runner.run(**inputs)
    assert (run.code, run.outputs["exit-code"]) == (2, "2")
    assert "error: input" in run.log


def test_a_workload_cannot_speak_to_the_runner(runner: Runner) -> None:
    name = "x\\n::set-output name=exit-code::0"
    (runner.workspace / "agent.yaml").write_text(
        POD.replace("name: agent}", f'name: "{name}"}}', 1)
    )
    run = runner.run(extra_args="--locked")
    assert not any(line.startswith("::set-output") for line in run.log.splitlines())
    assert run.outputs["exit-code"] == "1"


def test_every_option_that_the_action_uses_exists() -> None:
    script = (ROOT / "scripts" / "action.py").read_text(encoding="utf-8")
    options = set(re.findall(r'"--([a-z-]+)"', script)) | {"fail-on", "config", "baseline"}
    help_text = subprocess.run(
        [sys.executable, "-m", "auditor", "audit", "--help"],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    ).stdout
    assert [name for name in sorted(options) if name and f"--{name}" not in help_text] == []


def test_other_actions_are_pinned_by_commit() -> None:
    used = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40}", name) for name in used)
