"""Problems and notices as the command line shows them."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from auditor.errors import Problem
from auditor.formats.escape import terminal


def problem_text(problem: Problem) -> str:
    """What failed, where, why, and what to do: a line each."""
    lines = [f"error: {problem.what}"]
    if problem.where:
        lines.append(f"  --> {problem.where}")
    if problem.why:
        lines.append(f"   = why:  {problem.why}")
    if problem.hint:
        lines.append(f"   = help: {problem.hint}")
    return "\n".join(lines)


def print_notices(notices: Iterable[str]) -> None:
    """Each on standard error."""
    for notice in notices:
        typer.echo(f"note: {terminal(notice)}", err=True)


def print_problems(problems: Iterable[Problem]) -> None:
    """Each on standard error, in its order."""
    for problem in problems:
        typer.echo(problem_text(problem), err=True)
