"""`podfit config`: what is configured, where it is said, and what could be said.

What `podfit config show`, `init` and `schema` do.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from auditor.checks.rulebook import load_rulebook
from auditor.cli.commands import add_command
from auditor.cli.configuration import Flags, given_settings, notices_of, survey
from auditor.cli.console import say, tell_notices, write_text
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
from auditor.config.files import find_config, shown_path
from auditor.config.show import STARTER, entries_of, schema_text, to_json, to_yaml
from auditor.errors import UsageError
from auditor.files.paths import CONFIG_NAMES, Home, find_home, real_path
from auditor.formats.escape import json_text


def show_settings(flags: Flags, *, as_yaml: bool) -> None:
    """Prints the settings of every area: a YAML document each, or one JSON value."""
    found = survey(flags)
    given = given_settings(found.flags)
    shown = [(area, entries_of(area, found.resolved, given)) for area in found.areas]
    if as_yaml:
        typer.echo("---\n".join(to_yaml(*item) for item in shown), nl=False)
    else:
        areas_json = [to_json(*item) for item in shown]
        typer.echo(json_text({"areas": areas_json}))
    tell_notices(notices_of(found.areas))


def begin(folder: Path) -> None:
    """Writes the starter. Raises `UsageError` where there is a configuration already."""
    home = find_home(folder) or Home(real_path(folder), is_repository=False)
    there = find_config(home)
    if there is not None:
        raise UsageError(
            f"there is a configuration already: {shown_path(there)}", hint="edit that one"
        )
    path = home.root / CONFIG_NAMES[0]
    write_text(STARTER, path)
    say(f"wrote {shown_path(path)}")


def print_schema(rule_folders: Iterable[Path]) -> None:
    """Prints the JSON Schema of a configuration for which these rules are known too."""
    typer.echo(schema_text(load_rulebook(rule_folders)), nl=False)


app = typer.Typer(
    help="Show, begin or describe the configuration.",
    no_args_is_help=True,
    rich_markup_mode=None,
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
        ShowFormat, typer.Option("-o", "--output", help="How to show it.")
    ] = ShowFormat.YAML,
) -> int:
    """Show every setting that counts, and where each is from."""
    from auditor.cli.configuration import Flags

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
            show_default="the current one",
            exists=True,
            file_okay=False,
        ),
    ] = Path(),
) -> int:
    """Write a .podfit.yaml to begin with, at the root of the repository."""
    begin(folder)
    return 0


def schema(folders: RuleFolderFlags) -> int:
    """Print the JSON Schema of .podfit.yaml, for editors.

    With --rules, it knows the rules of your own too.
    """
    print_schema(folders.rule_folders)
    return 0


add_command(app, "show", show)
add_command(app, "init", init)
add_command(app, "schema", schema)
