"""What `podfit config show`, `init` and `schema` do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from auditor.cli.configuring import Flags, given_settings, notices_of, survey
from auditor.cli.output import write_text
from auditor.cli.text import say, tell_notices
from auditor.config.files import find_config, shown_path
from auditor.config.json_schema import schema_text
from auditor.config.shown import entries_of, to_json, to_yaml
from auditor.config.starter import STARTER
from auditor.errors import UsageError
from auditor.formats.escape import json_text
from auditor.repositories import CONFIG_NAMES, Home, find_home, real_path
from auditor.rulebook import load_rulebook


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
