"""Rules as people read them, in Markdown: the page of one, and the list of all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.checks.interface import IGNORE_LAPSE
from auditor.checks.rulebook import Rule

_NEVER: Final = "Never"
"""What the words of a rule begin with that nobody should ignore."""
_SILENCE: Final = """\
Write the reason where the next reader finds it: at the workload, in the manifest or the template,

```yaml
# podfit: ignore[{rule}] the reason
```

or in `.podfit.yaml`, for what you cannot change yourself:

```yaml
version: 1
ignore:
  - rules: [{rule}]
    match: {{kind: Deployment, name: web}}
    reason: the reason
    expires: 2027-12-31
```"""


def rule_page(rule: Rule) -> str:
    """The page of a rule, from its file alone: the same in `docs/rules` and in the terminal."""
    return "\n\n".join(_sections(rule)) + "\n"


def rules_index(rules: Iterable[Rule]) -> str:
    """The page that lists the rules: errors first, then by name, with a link to each page."""
    ordered = sorted(rules, key=lambda rule: (-rule.severity, rule.id))
    rows = "\n".join(_row(rule) for rule in ordered)
    return (
        "# Rules\n\n"
        "What podfit finds. A rule that is not on by default is applied with `--pedantic`.\n"
        "[How a rule is written](../writing-rules.md).\n\n"
        f"| rule | severity | on by default | what it says |\n|---|---|---|---|\n{rows}\n"
    )


def _sections(rule: Rule) -> Iterator[str]:
    yield f"# {rule.id}"
    yield rule.summary
    yield f"| severity | on by default |\n|---|---|\n| {rule.severity} | {_default(rule)} |"
    if rule.explains:
        others = ", ".join(f"`{other}`" for other in rule.explains)
        yield f"Beside a finding that it explains, it is shown with that finding: {others}."
    yield f"## What happens\n\n{rule.why}"
    yield f"## What to do\n\n{rule.fix}"
    if rule.ignore:
        yield f"## When to ignore it\n\n{rule.ignore}"
        if _can_be_silenced(rule):
            yield _SILENCE.format(rule=rule.id)
    if rule.references:
        links = "\n".join(f"* <{link}>" for link in rule.references)
        yield f"## References\n\n{links}"


def _can_be_silenced(rule: Rule) -> bool:
    """What is said of ignores themselves is not silenced by another one."""
    return rule.check is not IGNORE_LAPSE and not rule.ignore.startswith(_NEVER)


def _row(rule: Rule) -> str:
    cells = (f"[`{rule.id}`]({rule.id}.md)", rule.severity, _default(rule), rule.summary)
    return f"| {' | '.join(map(str, cells))} |"


def _default(rule: Rule) -> str:
    return "no" if rule.pedantic else "yes"
