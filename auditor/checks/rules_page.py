"""Render rules as Markdown: a page for each rule and an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.checks.interface import IGNORE_LAPSE
from auditor.checks.rulebook import Rule

_NEVER: Final = "Never"
"""Start of the `ignore` text of rules that should not be ignored."""
_SILENCE: Final = """\
Write a comment with the reason above the workload, in the manifest or the template:

```yaml
# podfit: ignore[{rule}] the reason
```

Or add an entry to `.podfit.yaml` if you cannot change the file:

```yaml
version: 1
ignore:
  - rules: [{rule}]
    match: {{kind: Deployment, name: web}}
    reason: the reason
    expires: 2027-12-31
```"""


def rule_page(rule: Rule) -> str:
    """Return the page of a rule, for `docs/rules` and the terminal."""
    return "\n\n".join(_sections(rule)) + "\n"


def rules_index(rules: Iterable[Rule]) -> str:
    """Return the page that lists the rules, errors first, then by name."""
    ordered = sorted(rules, key=lambda rule: (-rule.severity, rule.id))
    rows = "\n".join(_row(rule) for rule in ordered)
    return (
        "# Rules\n\n"
        "Rules that are not on by default are enabled with `--pedantic`.\n"
        "See also [Writing rules](../writing-rules.md).\n\n"
        f"| rule | severity | on by default | summary |\n|---|---|---|---|\n{rows}\n"
    )


def _sections(rule: Rule) -> Iterator[str]:
    yield f"# {rule.id}"
    yield rule.summary
    yield f"| severity | on by default |\n|---|---|\n| {rule.severity} | {_default(rule)} |"
    if rule.explains:
        others = ", ".join(f"`{other}`" for other in rule.explains)
        yield f"If the same pod has one of these findings, it is shown as part of it: {others}."
    yield f"## What happens\n\n{rule.why}"
    yield f"## What to do\n\n{rule.fix}"
    if rule.ignore:
        yield f"## When to ignore it\n\n{rule.ignore}"
        if rule.check is not IGNORE_LAPSE and not rule.ignore.startswith(_NEVER):
            yield _SILENCE.format(rule=rule.id)
    if rule.references:
        links = "\n".join(f"* <{link}>" for link in rule.references)
        yield f"## References\n\n{links}"


def _row(rule: Rule) -> str:
    cells = (f"[`{rule.id}`]({rule.id}.md)", rule.severity, _default(rule), rule.summary)
    return f"| {' | '.join(map(str, cells))} |"


def _default(rule: Rule) -> str:
    return "no" if rule.pedantic else "yes"
