"""Messages outside of reports, escaped for terminals and build logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import typer

from auditor.errors import Problem
from auditor.formats.escape import lines, log, terminal

_LEAD = len("   = help: ")


def say(text: str) -> None:
    """Print a line on standard output."""
    typer.echo(log(terminal(text)))


def tell(text: str) -> None:
    """Print a line on standard error."""
    typer.echo(log(terminal(text)), err=True)


def tell_notices(notices: Iterable[str]) -> None:
    """Print notices on standard error."""
    for notice in notices:
        tell(f"note: {notice}")


def tell_problems(problems: Iterable[Problem]) -> None:
    """Print problems on standard error."""
    for problem in problems:
        typer.echo(log("\n".join(_lines(problem))), err=True)


def _lines(problem: Problem) -> Iterator[str]:
    yield f"error: {terminal(problem.what)}"
    if problem.where:
        yield f"  --> {terminal(problem.where)}"
    for label, text in (("why", problem.why), ("help", problem.hint)):
        lead = f"   = {label}:"
        for line in lines(text):
            yield f"{lead:<{_LEAD}}{terminal(line)}"
            lead = ""
