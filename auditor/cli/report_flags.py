"""Options about what is printed, where, and how; each group holds those of the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar

import typer

from auditor.cli.commands import option
from auditor.cli.completion import complete_format


class ColorMode(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class WatchFlags:
    """What somebody who watches wants to see."""

    title: ClassVar[str] = "Output"

    no_progress: Annotated[bool, option("--no-progress", help="Show no progress bar.")] = False
    verbose: Annotated[
        bool,
        option(
            "-v",
            "--verbose",
            help="Tell on standard error what is read, asked and decided.",
        ),
    ] = False


@dataclass(frozen=True)
class TerminalFlags(WatchFlags):
    """The same for a command that prints for people."""

    color: Annotated[ColorMode, option("--color", help="Colour the output.")] = ColorMode.AUTO


@dataclass(frozen=True)
class OutputFlags(TerminalFlags):
    """The same for a command with several formats, of which each has its own."""

    output: Annotated[
        list[str],
        typer.Option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="How to report, and where to; repeatable.",
        ),
    ] = field(default_factory=list)


@dataclass(frozen=True)
class ReportFlags(OutputFlags):
    """The same for a report of findings."""

    output: Annotated[
        list[str],
        option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="How to report, and where to; repeatable.",
            autocompletion=complete_format,
        ),
    ] = field(default_factory=lambda: ["pretty"])
    show_passed: Annotated[bool, option("--show-passed", help="List what is in order too.")] = False
    quiet: Annotated[
        bool,
        option(
            "-q",
            "--quiet",
            help="Print findings and problems alone; nothing where there are none.",
        ),
    ] = False
