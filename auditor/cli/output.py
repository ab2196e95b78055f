"""Reports to where the user wants them: standard output, and files written as a whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from auditor.cli.report_flags import OutputFlags, ReportFlags
from auditor.cli.terminal import source_url, style
from auditor.errors import UsageError
from auditor.formats.interface import Style
from auditor.phrases import listed
from auditor.registry.atomic import replace_file
from auditor.schema import suggestion


@dataclass(frozen=True, slots=True)
class Output:
    """A format and the file it goes to; None for standard output."""

    format: str
    path: Path | None


_MODE: Final = 0o666


def parse_outputs(texts: Iterable[str], known: Collection[str]) -> tuple[Output, ...]:
    """`FORMAT[=FILE]` options. Raises `UsageError`; at most one goes to standard output."""
    outputs = tuple(_parse(text, known) for text in texts)
    if sum(output.path is None for output in outputs) > 1:
        raise UsageError(
            "only one format can go to standard output",
            hint="give the others a file: -o json=report.json",
        )
    paths = [output.path for output in outputs if output.path is not None]
    if len(set(paths)) < len(paths):
        raise UsageError("two formats cannot go to the same file")
    return outputs


def _parse(text: str, known: Collection[str]) -> Output:
    name, equals, path = text.partition("=")
    if name not in known:
        hint = suggestion(name, known) or f"one of {listed(known, 'or')}"
        raise UsageError(f'there is no format "{name}"', hint=hint)
    if equals and not path:
        raise UsageError(f"-o {text} names no file", hint=f"write -o {name}=FILE")
    return Output(name, Path(path) if path else None)


def write_text(text: str, path: Path | None) -> None:
    """Writes to standard output, or to a file that is there whole or not at all."""
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a pipe or /dev/stdout has no "whole"
            path.write_text(text, encoding="utf-8")
        else:
            replace_file(path, text.encode(), mode=_MODE)
    except OSError as error:
        raise UsageError(f"cannot write {path}", why=error.strerror or str(error)) from error


def write_outputs(
    outputs: Iterable[Output], flags: OutputFlags, render: Callable[[str, Style], str]
) -> None:
    """Writes each as text that `render` makes of the name of its format and a style.

    One that cannot be written does not keep the others from it; `UsageError` is raised at the end.
    """
    failure = None
    for output in outputs:
        look = Style(source_url=source_url(os.environ))
        if output.path is None:
            look = style(flags.color)
        if isinstance(flags, ReportFlags):
            look = replace(look, show_passed=flags.show_passed, quiet=flags.quiet)
        try:
            write_text(render(output.format, look), output.path)
        except UsageError as error:
            failure = error
    if failure is not None:
        raise failure
