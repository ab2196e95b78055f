"""The rules as the terminal lists them."""

from __future__ import annotations

from collections.abc import Iterable

from tabulate import tabulate

from auditor.rulebook import Rule


def list_rules(rules: Iterable[Rule]) -> str:
    """One line for each rule: id, severity, and what it says."""
    rows = [
        (rule.id, f"{rule.severity}{' (pedantic)' if rule.pedantic else ''}", rule.summary)
        for rule in rules
    ]
    headers = ("RULE", "SEVERITY", "WHAT IT SAYS")
    return tabulate(rows, headers, tablefmt="plain", disable_numparse=True) + "\n"
