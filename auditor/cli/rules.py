"""`podfit rules`: what podfit looks for, and the whole page of one rule."""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli.completion import complete_rule


def rules(
    *,
    rule: Annotated[
        str,
        typer.Argument(
            metavar="[RULE]",
            help="Show the page of this rule.",
            show_default=False,
            autocompletion=complete_rule,
        ),
    ] = "",
) -> int:
    """List the rules, or show the whole page of one."""
    from auditor.formats.rule_list import list_rules
    from auditor.rulebook import find_rule, load_builtin_rules
    from auditor.rules_page import rule_page

    known = load_builtin_rules()
    text = rule_page(find_rule(rule, known)) if rule else list_rules(known)
    typer.echo(text, nl=False)
    return 0
