"""The layers of pyproject.toml hold: upper may import lower, never the reverse."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guards.modules import Module, all_modules, imported_roots
from tests.support.tools import ROOT, missing

EDGES = (
    "auditor/cli/",
    "auditor/config/",
    "auditor/files/paths.py",
    "auditor/registry/",
    "auditor/sources/",
)
"""Where files, processes, sockets and the environment may be touched."""

CHECKS = {
    f"auditor.checks.{name}"
    for name in ("images", "kubelet_rejection", "platforms", "selectors", "taints")
}
"""The modules that hold checks."""


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.exists():
        missing("import-linter is not installed; `make lint` installs it")

    done = subprocess.run(
        [linter, "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_checks_do_not_know_each_other() -> None:
    found = [module for module in _modules_of("auditor/checks/") if module.name in CHECKS]
    assert {module.name for module in found} == CHECKS
    for module in found:
        assert CHECKS & set(_imports(module, "auditor.checks")) == set()


@pytest.mark.parametrize("package", ["auditor.registry", "auditor.sources"])
def test_the_audit_knows_sources_and_registries_by_their_interfaces(package: str) -> None:
    (module,) = (module for module in all_modules() if module.name == "auditor.audit.audit")

    assert set(_imports(module, package)) <= {f"{package}.interface"}


def test_formats_do_not_set_policy() -> None:
    for module in _modules_of("auditor/formats/"):
        assert CHECKS & set(_imports(module, "auditor.checks")) == set()


def test_only_the_edges_touch_the_outside() -> None:
    outside = {"http", "multiprocessing", "os", "shutil", "socket", "subprocess", "tempfile"}

    touching = {
        module.relative
        for module in all_modules()
        if outside & set(imported_roots(module.tree)) and not module.relative.startswith(EDGES)
    }
    assert touching == set()


def test_links_are_followed_by_one_function() -> None:
    """`Path.resolve` raises for links that lead in a circle and for names that are no paths."""
    calling = {module.relative for module in all_modules() if ".resolve(" in module.text}

    assert calling == {"auditor/files/paths.py"}


def _modules_of(folder: str) -> list[Module]:
    return [module for module in all_modules() if module.relative.startswith(folder)]


def _imports(module: Module, package: str) -> list[str]:
    imports = [node for node in ast.walk(module.tree) if isinstance(node, ast.ImportFrom)]
    names = [node.module for node in imports if node.module]
    return [name for name in names if name == package or name.startswith(f"{package}.")]
