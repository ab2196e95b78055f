"""Options that say what counts: rules, ignores, the configuration. Groups as in `flags.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

RULES_OPTION: Final = typer.Option(
    "--rules",
    metavar="DIR",
    envvar="PODFIT_RULES",
    help="A folder of rules of your own, beside podfit's; repeatable.",
)


@dataclass(frozen=True)
class RuleFlags:
    """Which rules are applied."""

    pedantic: Annotated[
        bool,
        typer.Option(
            "--pedantic/--no-pedantic",
            envvar="PODFIT_PEDANTIC",
            help="Apply the pedantic rules too.",
        ),
    ] = False
    remedies: Annotated[
        bool,
        typer.Option(
            "--remedies/--no-remedies",
            envvar="PODFIT_REMEDIES",
            help="Look for the values of charts that resolve findings; charts are rendered a few "
            "times more.",
        ),
    ] = True


@dataclass(frozen=True)
class IgnoreFlags:
    """What is silenced."""

    no_ignores: Annotated[
        bool,
        typer.Option("--no-ignores", envvar="PODFIT_NO_IGNORES", help="Silence no finding at all."),
    ] = False
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            envvar="PODFIT_BASELINE",
            help="Findings that are silenced because they were there before.",
            show_default=".podfit-baseline.json in the repository of each SOURCE",
        ),
    ] = None


@dataclass(frozen=True)
class ConfigFlags:
    """Which configuration counts. given: each option that was given, by parameter, and how."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="PODFIT_CONFIG",
            help="The configuration.",
            show_default=".podfit.yaml in the repository of each SOURCE",
        ),
    ] = None
    no_config: Annotated[
        bool,
        typer.Option(
            "--no-config", envvar="PODFIT_NO_CONFIG", help="Read no configuration at all."
        ),
    ] = False
    trust_config: Annotated[
        bool,
        typer.Option(
            "--trust-config",
            envvar="PODFIT_TRUST_CONFIG",
            help="Heed what the configuration says of registries: nobody but you can change it.",
        ),
    ] = False
    rule_folders: Annotated[list[Path], RULES_OPTION] = field(default_factory=list)
    given: Mapping[str, str] = field(default_factory=dict)
