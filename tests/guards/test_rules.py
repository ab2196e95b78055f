"""One name everywhere: a rule's file, fixtures and page, and catalogs in alphabetical order."""

import ast

import pytest

from auditor.checks.rulebook import CHECKS, load_builtin_rules
from auditor.clusters.profiles import BUILT_IN
from tests.guards.modules import PACKAGE, Module, all_modules
from tests.support.tools import ROOT

RULES = sorted(path.stem for path in (ROOT / "rules").glob("*.yaml"))
CATALOGS = [module for module in all_modules() if module.path.name == "catalog.py"]


def test_there_are_rules() -> None:
    assert len(RULES) >= 4


def test_every_rule_has_fixtures_and_no_fixture_lacks_a_rule() -> None:
    folders = {path.parent.name for path in (ROOT / "tests" / "rules").glob("*/bad*")}

    assert sorted(folders) == RULES


def test_every_rule_has_a_page_and_no_page_lacks_a_rule() -> None:
    pages = sorted(path.stem for path in (ROOT / "docs" / "rules").glob("*.md"))

    assert [name for name in pages if name != "index"] == RULES


def test_every_rule_is_loaded() -> None:
    assert [rule.id for rule in load_builtin_rules()] == RULES


def test_every_check_is_used_by_a_rule() -> None:
    used = [rule.check for rule in load_builtin_rules()]

    assert [name for name, check in CHECKS.items() if check not in used] == []


@pytest.mark.parametrize("catalog", CATALOGS, ids=lambda module: module.name)
def test_a_catalog_is_alphabetical(catalog: Module) -> None:
    listings = [keys for statement in catalog.tree.body if (keys := _listing(statement))]

    assert listings, "a catalog lists its entries in a constant"
    assert all(keys == sorted(keys) for keys in listings)


def test_built_in_clusters_are_listed() -> None:
    files = sorted(path.stem for path in (PACKAGE / "clusters").glob("*.yaml"))

    assert list(BUILT_IN) == files


def _listing(statement: ast.stmt) -> list[str]:
    """The keys of a dict constant, or the texts of a tuple constant."""
    value = statement.value if isinstance(statement, ast.AnnAssign | ast.Assign) else None
    entries: list[ast.expr | None] = []
    if isinstance(value, ast.Dict):
        entries = value.keys
    elif isinstance(value, ast.Tuple):
        entries = list(value.elts)
    return [str(entry.value) for entry in entries if isinstance(entry, ast.Constant)]
