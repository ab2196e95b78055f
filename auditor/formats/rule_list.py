"""The rules as the terminal lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tabulate import tabulate

from auditor.formats.escape import terminal
from auditor.formats.pen import MAX_TEXT
from auditor.rulebook import Rule

_HEADERS: Final = ("RULE", "SEVERITY", "WHAT IT SAYS")
_GAPS: Final = 4
_LEAST: Final = 20
"""Columns for what a rule says, however narrow the terminal is."""


def list_rules(rules: Iterable[Rule], width: int | None = None) -> str:
    """Id, severity and what it says of each rule: a line each, wrapped where there is a width."""
    rows = [
        (
            rule.id,
            f"{rule.severity}{' (pedantic)' if rule.pedantic else ''}",
            terminal(rule.summary[:MAX_TEXT]),
        )
        for rule in rules
    ]
    limit = None
    if width is not None:
        taken = (max(map(len, column)) for column in list(zip(_HEADERS, *rows, strict=True))[:2])
        limit = [None, None, max(width - sum(taken) - _GAPS, _LEAST)]
    table = tabulate(
        rows,
        _HEADERS,
        tablefmt="plain",
        disable_numparse=True,
        maxcolwidths=limit,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(line.rstrip() for line in table.splitlines()) + "\n"
