"""Severities, and one cause one finding: what is silenced is silenced with what explains it."""

import pytest
from msgspec.structs import replace

from auditor.checks.findings import Confidence, Finding, Observation, Severity
from auditor.checks.rulebook import CHECKS, Rule, load_builtin_rules
from auditor.policy.policy import Gate, RuleSetting, judge, select_rules
from tests.support import objects
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


def test_parameters_of_the_configuration_come_before_those_of_the_rule() -> None:
    own = replace(rule("own"), parameters={"most": "1", "least": "0"})

    [chosen] = select_rules([own], {"own": RuleSetting(parameters={"most": "2"})}, pedantic=False)
    assert chosen.parameters == {"most": "2", "least": "0"}


def test_pedantic_rules_are_all_on_together() -> None:
    assert len(select_rules(RULES, {}, pedantic=True)) == len(RULES)
    assert len(select_rules(RULES, {}, pedantic=False)) < len(RULES)


def test_an_entry_that_names_two_rules() -> None:
    settings = scope(entry(RULE, "inert-guard", kind=("*",)))

    assert sorted(rule for rule, _, _ in silenced(audit(BELIEVED, scope=settings))) == [
        "inert-guard",
        RULE,
    ]


def rule(name: str, *explains: str) -> Rule:
    return Rule(name, CHECKS["mixed-platforms"], Severity.WARNING, "", "", "", explains=explains)


def judged(*pairs: tuple[Rule, tuple[str, ...]], guessed: bool = False) -> list[Finding]:
    """What becomes of observations in one workload, each of some pools."""
    made = replace(objects.workload(), guessed=guessed)
    seen = [
        (about, Observation(made, about.id, made.location, pools=pools)) for about, pools in pairs
    ]
    return list(judge(seen).findings)


def attached(*pairs: tuple[Rule, tuple[str, ...]]) -> dict[str, list[str]]:
    """Each finding, with the rules that explain it."""
    return {
        found.rule: [explanation.rule for explanation in found.explanations]
        for found in judged(*pairs)
    }


A, B = ("test/a",), ("test/b",)


def test_what_explains_is_attached_where_it_concerns_the_same_pools() -> None:
    main, why = rule("main"), rule("why", "main")

    assert attached((main, A), (why, (*A, *B))) == {"main": ["why"]}
    assert attached((main, A), (why, B)) == {"main": [], "why": []}
    assert attached((main, A), (why, ())) == {"main": [], "why": []}
    assert attached((why, A)) == {"why": []}


def test_what_explains_two_findings_is_shown_with_both() -> None:
    assert attached((rule("one"), A), (rule("two"), B), (rule("why", "one", "two"), A + B)) == {
        "one": ["why"],
        "two": ["why"],
    }


def test_an_explanation_of_an_explanation_belongs_to_the_finding() -> None:
    main, why, deeper = rule("main"), rule("why", "main"), rule("deeper", "why")

    assert attached((main, A), (why, A), (deeper, A)) == {"main": ["deeper", "why"]}
    assert attached((why, A), (deeper, A)) == {"why": ["deeper"]}


def test_rules_that_explain_each_other_hide_nothing() -> None:
    assert attached((rule("one", "two"), A), (rule("two", "one"), A)) == {"one": [], "two": []}
    assert attached((rule("one", "one"), A)) == {"one": []}


@pytest.mark.timeout(20)
def test_a_rule_that_explains_rules_that_explain_each_other() -> None:
    one, two, why = rule("one", "two"), rule("two", "one"), rule("why", "one")
    assert attached((one, A), (two, A), (why, A)) == {"one": [], "two": [], "why": []}


def test_another_workload_is_another_matter() -> None:
    first, second = objects.workload(), objects.workload()
    pairs = [
        (rule("main"), Observation(first, "m", first.location, pools=A)),
        (rule("why", "main"), Observation(second, "w", second.location, pools=A)),
    ]
    assert sorted(item.rule for item in judge(pairs).findings) == ["main", "why"]


def test_nothing_is_surer_than_a_guessed_workload() -> None:
    (sure,), (guess,) = (judged((rule("main"), A), guessed=each) for each in (False, True))

    assert sure.observation.confidence is Confidence.HIGH
    assert guess.observation.confidence is Confidence.LOW
