"""Nothing of an audited checkout runs: neither its modules, nor its programs, nor its settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_action import ACTION, POD, Runner
from tests.support.charts import require_library, write_chart
from tests.support.command import write_lock
from tests.support.tools import require_tool
from tests.support.traps import set_traps

NGINX = "docker.io/library/nginx:1"


class Checkout:
    """A checkout with traps, a manifest, a chart, a kustomization and a lock file."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self.touched = tmp_path / "work", tmp_path / "touched"
        self.folder.mkdir()
        self.traps = set_traps(self.folder, self.touched)
        (self.folder / "agent.yaml").write_text(POD)
        base = self.folder / "base"
        base.mkdir()
        (base / "agent.yaml").write_text(POD)
        (base / "kustomization.yaml").write_text("resources: [agent.yaml]\n")
        write_chart(self.folder / "chart", {"agent.yaml": POD})
        write_lock(self.folder, {NGINX: ("linux/amd64",)})

    @property
    def run(self) -> list[str]:
        """The traps that ran."""
        return sorted(path.name for path in self.touched.iterdir())


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def path_with_traps(checkout: Checkout) -> str:
    """PATH as a careless runner sets it: relative entries and the checkout come first."""
    helm = str(Path(require_tool("helm")).parent)
    entries = ["", ".", "bin", str(checkout.folder), str(checkout.folder / "bin"), helm]
    return os.pathsep.join([*entries, os.environ["PATH"]])


COMMANDS = (
    ("audit", ".", "--locked"),
    ("audit", "chart", "--locked", "--renderer=cli"),
    ("audit", "chart", "--locked", "--dependency-update"),
    ("audit", "base", "--locked"),
    ("audit", "agent.yaml", "--offline"),
    ("baseline", ".", "--locked"),
    ("cache", "dir"),
    ("clusters",),
    ("config", "show"),
    ("explain", "DaemonSet/agent", "agent.yaml", "--locked"),
    ("images", "."),
    ("inspect", "127.0.0.1:9/private/image:1"),
    ("lock", ".", "--offline"),
    ("matrix", ".", "--locked"),
    ("rules",),
    ("--version",),
)


def test_there_are_enough_traps(checkout: Checkout) -> None:
    assert checkout.traps >= 100


def test_a_trap_leaves_a_file_where_it_runs(checkout: Checkout) -> None:
    """The traps themselves work: `python -m` in the checkout runs them."""
    subprocess.run(
        [sys.executable, "-m", "auditor"], cwd=checkout.folder, capture_output=True, timeout=60
    )
    assert checkout.run


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_no_command_runs_a_trap(checkout: Checkout, arguments: tuple[str, ...]) -> None:
    require_library()
    program = Path(sys.executable).with_name("podfit")
    done = subprocess.run(
        [program, *arguments],
        cwd=checkout.folder,
        env={**os.environ, "PATH": path_with_traps(checkout)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode in (0, 1, 2, 3), done.stderr
    assert "internal error" not in done.stderr
    assert checkout.run == []


def test_no_step_of_the_action_runs_a_trap(checkout: Checkout, tmp_path: Path) -> None:
    temporary = tmp_path / "temp"
    temporary.mkdir()
    runner = Runner(checkout.folder, temporary)
    run = runner.run(extra_args="--locked")
    assert (run.outputs["exit-code"], checkout.run) == ("1", [])


def test_the_install_step_of_the_action_runs_no_trap(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to the first request: tests reach no package index, so pip ends with an error."""
    temporary = tmp_path / "temp"
    temporary.mkdir()
    runner = Runner(checkout.folder, temporary)
    (step,) = (step for step in ACTION["runs"]["steps"] if step.get("id") == "install")
    step = {**step, "env": {**step["env"], "PIP_NO_INDEX": "1"}}
    done = runner._step(step)
    assert (temporary / "podfit-venv").is_dir()
    assert done.returncode != 0
    assert checkout.run == []
