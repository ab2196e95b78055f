"""The page of a rule and the list of rules, in Markdown."""

from dataclasses import replace

from auditor.checks.catalog import CHECKS
from auditor.findings import Severity
from auditor.rulebook import Rule
from auditor.rules_page import rule_page, rules_index

RULE = Rule(
    id="company-rule",
    check=CHECKS["mixed-platforms"],
    severity=Severity.WARNING,
    summary="One sentence.",
    why="What happens.",
    fix="What to do.",
    ignore="When not to care.",
    explains=("missing-os-selector", "missing-arch-selector"),
    pedantic=True,
    references=("https://example.com/a", "https://example.com/b"),
)


def test_the_page_of_a_rule() -> None:
    assert (
        rule_page(RULE)
        == """\
# company-rule

One sentence.

| severity | on by default |
|---|---|
| warning | no |

Beside a finding that it explains, it is shown with that finding: `missing-os-selector`, \
`missing-arch-selector`.

## What happens

What happens.

## What to do

What to do.

## When to ignore it

When not to care.

## References

* <https://example.com/a>
* <https://example.com/b>
"""
    )


def test_what_a_rule_does_not_say_has_no_heading() -> None:
    page = rule_page(replace(RULE, ignore="", explains=(), pedantic=False, references=()))

    assert "When to ignore it" not in page
    assert "References" not in page
    assert "Beside" not in page
    assert "| warning | yes |" in page


def test_the_list_begins_with_errors() -> None:
    error = replace(RULE, id="z-rule", severity=Severity.ERROR, pedantic=False)
    first = replace(RULE, id="a-rule")
    rows = [line for line in rules_index([RULE, first, error]).splitlines() if line[:3] == "| ["]

    assert rows == [
        "| [`z-rule`](z-rule.md) | error | yes | One sentence. |",
        "| [`a-rule`](a-rule.md) | warning | no | One sentence. |",
        "| [`company-rule`](company-rule.md) | warning | no | One sentence. |",
    ]
