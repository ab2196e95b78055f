"""The rule that remedies find: charts with `# expect: <id>` at the line of each finding."""

import dataclasses
import re
from pathlib import Path

import pytest

from auditor.audit.audit import Auditor
from auditor.checks.rulebook import load_builtin_rules
from auditor.clusters.profiles import load_cluster
from auditor.fixes.finder import RemedyFinder
from tests.support.remedies import chart_source
from tests.support.tools import ROOT
from tests.test_rules import FixtureInspector

FIXTURES = ROOT / "tests" / "rules" / "selector-not-configurable"
_EXPECTED = re.compile(r"# expect: (?P<rules>[a-z, -]+)$", re.MULTILINE)


def found(path: Path) -> list[tuple[int, str]]:
    source = dataclasses.replace(
        chart_source(path), shown=str(path)
    )  # where the templates are read
    rules = tuple(rule for rule in load_builtin_rules() if not rule.pedantic)
    auditor = Auditor(
        FixtureInspector(),
        (load_cluster("hybrid"),),
        rules,
        remedies=RemedyFinder(lambda: (source,)),
    )
    report = auditor.audit([source])
    assert (report.problems, report.notices) == ((), ())
    return sorted((item.observation.location.file_line, item.rule) for item in report.findings)


@pytest.mark.parametrize("name", ["bad", "good"])
def test_fixtures(name: str) -> None:
    text = (FIXTURES / name / "templates" / "all.yaml").read_text(encoding="utf-8")
    expected = [
        (text.count("\n", 0, match.start()) + 1, rule)
        for match in _EXPECTED.finditer(text)
        for rule in match["rules"].split(", ")
    ]

    assert found(FIXTURES / name) == sorted(expected)
    assert ("selector-not-configurable" in {rule for _, rule in expected}) == (name == "bad")
