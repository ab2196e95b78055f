"""Severities, and one cause one finding: what is silenced is silenced with what explains it."""

from dataclasses import replace

import pytest

from auditor.findings import Severity
from auditor.policy import Gate, RuleSetting, select_rules
from auditor.rulebook import load_builtin_rules
from tests.support.ignores import audit, entry, finding, rules_of, scope, silenced
from tests.support.reports import workload

RULE = "missing-os-selector"
BELIEVED = workload(spec="tolerations: [{key: os, value: linux}]")
RULES = load_builtin_rules()


def explanations(report: object) -> list[str]:
    found = [*report.findings, *(item.finding for item in report.suppressed)]  # type: ignore[attr-defined]
    (head,) = [item for item in found if item.rule == RULE]
    return [item.rule for item in head.explanations]


def test_what_explains_vanishes_with_what_it_explains() -> None:
    assert explanations(audit(BELIEVED)) == ["inert-guard"]

    report = audit(BELIEVED + f"# podfit: ignore[{RULE}] why\n")
    assert (rules_of(report), silenced(report)) == ([], [(RULE, "comment", "why")])
    assert explanations(report) == ["inert-guard"]


def test_what_explains_can_be_silenced_alone() -> None:
    report = audit(BELIEVED + "# podfit: ignore[inert-guard] we know\n")

    assert rules_of(report) == [RULE]
    assert explanations(report) == []
    assert silenced(report) == [("inert-guard", "comment", "we know")]


def test_nothing_is_silenced_without_ignores() -> None:
    report = audit(workload() + f"# podfit: ignore[{RULE}] why\n", ignores=False)

    assert (rules_of(report), report.suppressed) == ([RULE], ())


def test_third_parties_are_judged_less_severely() -> None:
    vendored = scope(caps=(("deploy", Severity.WARNING), ("**", Severity.INFO)))
    report = audit(workload(), scope=vendored)

    assert finding(report, RULE).severity is Severity.WARNING
    assert report.exit_code == 0


def test_a_cap_raises_nothing() -> None:
    low = scope(caps=(("deploy", Severity.ERROR),))
    report = audit(workload(image="registry.corp/x:1"), scope=low)

    assert finding(report, "image-unresolved").severity is Severity.WARNING


def test_a_cap_counts_below_its_glob() -> None:
    report = audit(workload(), scope=scope(caps=(("vendor/**", Severity.INFO),)))

    assert finding(report, RULE).severity is Severity.ERROR


@pytest.mark.parametrize(
    ("fail_on", "failing"),
    [(Severity.ERROR, {Severity.ERROR}), (Severity.INFO, set(Severity)), (None, set())],
)
def test_the_gate(fail_on: Severity | None, failing: set[Severity]) -> None:
    assert {severity for severity in Severity if Gate(fail_on).fails(severity)} == failing


def test_rules_are_turned_off_and_on_and_given_a_severity() -> None:
    plain = {rule.id: rule for rule in select_rules(RULES, {}, pedantic=False)}
    pedantic = next(rule.id for rule in RULES if rule.pedantic)

    chosen = select_rules(
        RULES,
        {
            RULE: RuleSetting(on=False),
            "image-unresolved": RuleSetting(severity=Severity.ERROR),
            pedantic: RuleSetting(on=True),
        },
        pedantic=False,
    )
    by_id = {rule.id: rule for rule in chosen}
    assert set(by_id) == set(plain) - {RULE} | {pedantic}
    unresolved = plain["image-unresolved"]
    assert by_id["image-unresolved"] == replace(unresolved, severity=Severity.ERROR)


def test_pedantic_rules_are_all_on_together() -> None:
    assert len(select_rules(RULES, {}, pedantic=True)) == len(RULES)
    assert len(select_rules(RULES, {}, pedantic=False)) < len(RULES)


def test_an_entry_that_names_two_rules() -> None:
    settings = scope(entry(RULE, "inert-guard", kind=("*",)))

    assert sorted(rule for rule, _, _ in silenced(audit(BELIEVED, scope=settings))) == [
        "inert-guard",
        RULE,
    ]
