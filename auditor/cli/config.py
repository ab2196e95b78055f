"""The command group `podfit config`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.commands import add_command
from auditor.cli.options import (
    ClusterFlags,
    ConfigFlags,
    GateFlags,
    IgnoreFlags,
    ImageFlags,
    RuleFlags,
    RuleFolderFlags,
    SourceFlags,
)

app = typer.Typer(
    help="Show or create the configuration, or print its schema.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


class ShowFormat(StrEnum):
    JSON = "json"
    YAML = "yaml"


def show(
    sources: SourceFlags,
    clusters: ClusterFlags,
    rules: RuleFlags,
    ignores: IgnoreFlags,
    images: ImageFlags,
    gate: GateFlags,
    config: ConfigFlags,
    *,
    output: Annotated[
        ShowFormat, typer.Option("-o", "--output", help="Output format.")
    ] = ShowFormat.YAML,
) -> int:
    """Show the effective settings and where each comes from."""
    from auditor.cli.configuration import Flags, show_settings

    flags = Flags(sources, images, config, clusters, gate, rules, ignores)
    show_settings(flags, as_yaml=output is ShowFormat.YAML)
    return 0


def init(
    *,
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[FOLDER]",
            help="A folder of the repository.",
            show_default="current folder",
            exists=True,
            file_okay=False,
        ),
    ] = Path(),
) -> int:
    """Write a starter .podfit.yaml at the root of the repository."""
    from auditor.cli.configuration import begin

    begin(folder)
    return 0


def schema(folders: RuleFolderFlags) -> int:
    """Print the JSON Schema of .podfit.yaml, for editors.

    With --rules, the schema includes your own rules.
    """
    from auditor.cli.configuration import print_schema

    print_schema(folders.rule_folders)
    return 0


add_command(app, "show", show)
add_command(app, "init", init)
add_command(app, "schema", schema)
