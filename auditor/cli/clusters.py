"""`podfit clusters`: the built-in cluster profiles, and what is in one."""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli.commands import complete_cluster


def clusters(
    *,
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME|FILE]",
            help="Show the pools of this one.",
            show_default=False,
            autocompletion=complete_cluster,
        ),
    ] = "",
) -> int:
    """List the cluster profiles, or show the pools of one."""
    from auditor.cli.console import style
    from auditor.cli.options import ColorMode
    from auditor.clusters.profiles import BUILT_IN, load_cluster
    from auditor.formats.listings import list_profiles, show_profile

    if name:
        typer.echo(show_profile(load_cluster(name), style(ColorMode.AUTO)), nl=False)
    else:
        typer.echo(list_profiles([load_cluster(item) for item in BUILT_IN]), nl=False)
    return 0
