"""Options about what is printed, where, and how; each group holds those of the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import typer

from auditor.cli.completion import complete_format


class ColorMode(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class WatchFlags:
    """What somebody who watches wants to see."""

    no_progress: Annotated[
        bool,
        typer.Option("--no-progress", envvar="PODFIT_NO_PROGRESS", help="Show no progress bar."),
    ] = False
    verbose: Annotated[
        bool,
        typer.Option(
            "-v",
            "--verbose",
            envvar="PODFIT_VERBOSE",
            help="Tell on standard error what is read, rendered, asked and decided.",
        ),
    ] = False


@dataclass(frozen=True)
class TerminalFlags(WatchFlags):
    """The same for a command that prints for people."""

    color: Annotated[
        ColorMode, typer.Option("--color", envvar="PODFIT_COLOR", help="Colour the output.")
    ] = ColorMode.AUTO


@dataclass(frozen=True)
class OutputFlags(TerminalFlags):
    """The same for a command with several formats."""

    output: Annotated[
        list[str],
        typer.Option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="How to report, and where to; repeatable.",
            show_default=False,
        ),
    ] = field(default_factory=list)


@dataclass(frozen=True)
class ReportFlags(OutputFlags):
    """The same for a report of findings."""

    output: Annotated[
        list[str],
        typer.Option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            envvar="PODFIT_OUTPUT",
            help="How to report, and where to; repeatable.",
            show_default="pretty",
            autocompletion=complete_format,
        ),
    ] = field(default_factory=list)
    show_passed: Annotated[
        bool,
        typer.Option(
            "--show-passed", envvar="PODFIT_SHOW_PASSED", help="List what is in order too."
        ),
    ] = False
    quiet: Annotated[
        bool,
        typer.Option(
            "-q",
            "--quiet",
            envvar="PODFIT_QUIET",
            help="Print findings and problems alone, and nothing where there are none.",
        ),
    ] = False
