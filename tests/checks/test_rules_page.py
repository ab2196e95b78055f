"""The page of a rule and the list of rules, in Markdown."""

import re
from pathlib import Path

from msgspec.structs import replace

from auditor.checks.findings import Severity
from auditor.checks.rulebook import CHECKS, Rule, find_rule, load_builtin_rules
from auditor.checks.rules_page import rule_page, rules_index
from auditor.config.files import read_config
from tests.support.ignores import audit, silenced
from tests.support.reports import workload

_FENCE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)

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

If the same pod has one of these findings, it is shown as part of it: `missing-os-selector`, \
`missing-arch-selector`.

## What happens

What happens.

## What to do

What to do.

## When to ignore it

When not to care.

Write a comment with the reason above the workload, in the manifest or the template:

```yaml
# podfit: ignore[company-rule] the reason
```

Or add an entry to `.podfit.yaml` if you cannot change the file:

```yaml
version: 1
ignore:
  - rules: [company-rule]
    match: {kind: Deployment, name: web}
    reason: the reason
    expires: 2027-12-31
```

## References

* <https://example.com/a>
* <https://example.com/b>
"""
    )


def test_a_rule_that_is_never_to_be_ignored_does_not_show_how() -> None:
    page = rule_page(replace(RULE, ignore="Never: it runs nowhere."))
    lapse = rule_page(replace(RULE, check=CHECKS["ignore-lapse"], ignore="Turn it off."))

    assert "Never: it runs nowhere.\n\n## References" in page
    assert "Turn it off.\n\n## References" in lapse


def test_the_ignores_of_a_page_are_those_that_podfit_reads(tmp_path: Path) -> None:
    rule = find_rule("missing-os-selector", load_builtin_rules())
    comment, config = _FENCE.findall(rule_page(rule).partition("## When to ignore it")[2])
    written = tmp_path / ".podfit.yaml"
    written.write_text(config, encoding="utf-8")

    assert silenced(audit(workload() + comment)) == [(rule.id, "comment", "the reason")]
    read = read_config(written, load_builtin_rules(), within=None, trusted=False)
    assert [entry.rules for entry in read.settings.ignore] == [(rule.id,)]


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
