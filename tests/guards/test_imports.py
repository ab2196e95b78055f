"""Every module imports on its own, and starting podfit loads nothing slow."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.guards.modules import Module, all_modules, imported_roots
from tests.support.tools import ROOT

SLOW = {"helm_python", "pydantic", "requests", "rich", "ruamel", "tabulate", "urllib3"}
"""At 20 to 80 ms each; a user who asks for the version or the help needs none of them."""

UNNEEDED = {
    "auditor.fixes.finder",
    "auditor.registry.client",
    "auditor.registry.network.transport",
    "auditor.registry.node_config",
    "auditor.sources.fetching.proxy",
    "email.message",
    "http.client",
    "ssl",
    "tomllib",
    "urllib.request",
}
"""Modules that a locked audit of one manifest without findings does not need."""

PROXY = """
apiVersion: v1
kind: Pod
metadata: {name: proxy}
spec: {containers: [{name: proxy, image: "caddy:2.11.4"}]}
"""

HOMES = {
    "helm_python": ("auditor/sources/",),
    "msgspec": ("auditor/",),
    "platformdirs": ("auditor/registry/cache.py",),
    "requests": ("auditor/registry/",),
    "rich": ("auditor/cli/", "auditor/formats/"),
    "ruamel": ("auditor/files/yaml_writing.py",),
    "tabulate": ("auditor/formats/",),
    "typer": ("auditor/cli/",),
    "urllib3": ("auditor/registry/",),
    "yaml": (
        "auditor/files/yaml_editing.py",
        "auditor/files/yaml_nodes.py",
        "auditor/files/yaml_reading.py",
    ),
}
"""Where each third-party library may be imported (docs/dependencies.md)."""

DISTRIBUTIONS = {"helm_python": "helm-python-sdk", "ruamel": "ruamel.yaml", "yaml": "PyYAML"}
"""Names on the package index that differ from the name that is imported."""


def test_every_module_imports() -> None:
    names = [module.name for module in all_modules() if module.path.stem != "__main__"]

    done = _python("-W", "error", "-c", "\n".join(f"import {name}" for name in names))

    assert done.returncode == 0, done.stderr


def test_every_module_imports_first() -> None:
    """Where no import leads back, a module finds the same whether it is loaded first or last."""
    names = {module.name for module in all_modules()}

    imports = {module.name: names & set(_first_imports(module, names)) for module in all_modules()}
    assert sum(map(len, imports.values())) > len(names)
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the modules


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["audit", "--help"]])
def test_start_up_loads_nothing_slow(arguments: list[str]) -> None:
    done = _python("-c", _PROBE, *arguments)

    loaded = set(json.loads(done.stderr))
    assert "auditor.cli.app" in loaded
    assert SLOW & {name.partition(".")[0] for name in loaded} == set()
    assert done.stdout.strip()


def test_a_locked_audit_of_a_manifest_loads_what_it_needs(tmp_path: Path) -> None:
    """Neither the network, nor fixes, nor charts: none of them is needed for a clean manifest."""
    manifest = tmp_path / "proxy.yaml"
    manifest.write_text(PROXY)
    lock = str(ROOT / "examples" / "podfit.lock.json")
    arguments = ["audit", str(manifest), "--locked", "--lock-file", lock]
    done = _python("-c", _PROBE, *arguments)

    loaded = set(json.loads(done.stderr))
    assert "✓ No problems in" in done.stdout
    assert UNNEEDED & loaded == set()
    assert SLOW & {name.partition(".")[0] for name in loaded} == set()


@pytest.mark.parametrize("module", all_modules(), ids=lambda module: module.name)
def test_a_library_is_imported_where_it_lives(module: Module) -> None:
    foreign = set(imported_roots(module.tree)) - {"auditor"} - set(sys.stdlib_module_names)

    misplaced = {name for name in foreign if not module.relative.startswith(HOMES.get(name, ()))}
    assert misplaced == set(), "declare its home above and in docs/dependencies.md, or move it"


def test_the_libraries_that_are_declared_are_those_that_are_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["helm"]]
    declared = {re.split(r"[<>=~!;\[ ]", requirement)[0] for requirement in wanted}
    used = {name for module in all_modules() for name in imported_roots(module.tree)}

    assert declared == {DISTRIBUTIONS.get(name, name) for name in HOMES}
    assert used >= HOMES.keys()


@pytest.mark.parametrize(("name", "homes"), HOMES.items(), ids=HOMES)
def test_the_page_on_dependencies_says_where_a_library_lives(
    name: str, homes: tuple[str, ...]
) -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = [row.rsplit(" | ", 1) for row in page.splitlines() if row.startswith("| [")]
    (where,) = (w for row, w in rows if f"[{DISTRIBUTIONS.get(name, name)}](" in row)

    assert re.findall(r"`([^`]+)`", where) == list(homes)
    for home in homes:
        inside = [module for module in all_modules() if module.relative.startswith(home)]
        assert any(name in imported_roots(module.tree) for module in inside), (
            "nobody needs it there"
        )


_PROBE = """
import json, sys
from auditor.cli.app import main
try:
    main()
finally:
    json.dump(sorted(sys.modules), sys.stderr)
"""


def _first_imports(module: Module, names: set[str]) -> Iterator[str]:
    """What a module imports while it is loaded itself: not in functions, nor for types alone."""
    for node in _loaded(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            full = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in names else str(node.module) for name in full)


def _loaded(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from _loaded(node)


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter; coverage is kept out, as it loads modules of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={name: text for name, text in os.environ.items() if not name.startswith("COVERAGE_")},
        timeout=60,
    )
