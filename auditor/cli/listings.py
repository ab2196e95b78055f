"""The commands `podfit rules` and `podfit clusters`."""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli.commands import complete_cluster, complete_rule
from auditor.cli.options import RuleFolderFlags


def rules(
    folders: RuleFolderFlags,
    *,
    rule: Annotated[
        str,
        typer.Argument(
            metavar="[RULE]",
            help="Show the documentation of this rule.",
            show_default=False,
            autocompletion=complete_rule,
        ),
    ] = "",
) -> int:
    """List the rules, or show the documentation of one."""
    import sys

    from auditor.checks.rulebook import find_rule, load_rulebook
    from auditor.checks.rules_page import rule_page
    from auditor.cli.options import ColorMode
    from auditor.cli.terminal import style
    from auditor.formats.html import write_page, write_source
    from auditor.formats.listings import list_rules

    known = load_rulebook(folders.rule_folders)
    look = style(ColorMode.AUTO)
    watched = sys.stdout.isatty()
    if not rule:
        text = list_rules(known, look.width if watched else None)
    else:
        page = rule_page(find_rule(rule, known))
        text = write_page(page, look) if watched else write_source(page)
    typer.echo(text, nl=False)
    return 0


def clusters(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="Show the node pools of this cluster.",
            show_default=False,
            autocompletion=complete_cluster,
        ),
    ] = "",
) -> int:
    """List the built-in clusters, or show the node pools of one."""
    from auditor.cli.options import ColorMode
    from auditor.cli.terminal import style
    from auditor.clusters.profiles import BUILT_IN, load_cluster
    from auditor.formats.listings import list_profiles, show_profile

    if name:
        typer.echo(show_profile(load_cluster(name), style(ColorMode.AUTO)), nl=False)
    else:
        typer.echo(list_profiles([load_cluster(item) for item in BUILT_IN]), nl=False)
    return 0
