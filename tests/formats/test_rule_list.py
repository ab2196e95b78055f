"""The list of rules, as `podfit rules` prints it."""

from auditor.checks.rulebook import find_rule, load_builtin_rules
from auditor.formats.listings import list_rules


def test_a_rule_is_one_line() -> None:
    rule = find_rule("missing-os-selector", load_builtin_rules())

    lines = list_rules([rule]).splitlines()

    assert lines[0].split() == ["RULE", "SEVERITY", "SUMMARY"]
    assert lines[1].split(maxsplit=2) == ["missing-os-selector", "error", rule.summary]
    assert len(lines) == 2
