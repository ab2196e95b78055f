"""Modules and functions stay small enough to be read, and packages stay empty shells."""

import pytest

from tests.guards.modules import PACKAGE, Module, all_modules, functions

LONGEST_MODULE = 600
LONGEST_FUNCTION = 60

LONG_MODULES: dict[str, str] = {}
"""Path of a module that may be longer: why."""

LONG_FUNCTIONS: dict[str, str] = {}
"""`path:function` that may be longer: why."""


@pytest.mark.parametrize("module", all_modules(), ids=lambda module: module.name)
def test_a_module_is_short(module: Module) -> None:
    lines = len(module.text.splitlines())

    assert (lines > LONGEST_MODULE) == (module.relative in LONG_MODULES), lines


@pytest.mark.parametrize("module", all_modules(), ids=lambda module: module.name)
def test_functions_are_short(module: Module) -> None:
    long = {
        f"{module.relative}:{function.name}"
        for function in functions(module.tree)
        if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION
    }

    assert long == {name for name in LONG_FUNCTIONS if name.startswith(f"{module.relative}:")}


def test_packages_are_empty_shells() -> None:
    shells = [module for module in all_modules() if module.path.name == "__init__.py"]

    told = [module.relative for module in shells if module.text.strip()]
    assert told == ["auditor/__init__.py"]


def test_the_root_says_the_pipeline_in_one_line() -> None:
    lines = (PACKAGE / "__init__.py").read_text(encoding="utf-8").strip().splitlines()

    assert len(lines) <= 3
    assert lines[0].count("->") >= 4
