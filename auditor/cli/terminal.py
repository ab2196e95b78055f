"""Terminal detection, report output and the progress bar."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.wording import listed
from auditor.cli.options import ColorMode, OutputFlags, ReportFlags, WatchFlags
from auditor.errors import UsageError
from auditor.files.strict import suggestion
from auditor.formats.catalog import Style
from auditor.registry.interface import Progress, no_progress
from auditor.registry.storage import replace_file

DEFAULT_WIDTH: Final = 100
_WIDTHS: Final = range(60, 201)
_LINK_VTE: Final = 5000
_LINK_TERMINALS: Final = ("iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper")


def style(mode: ColorMode) -> Style:
    """Return the style for standard output."""
    terminal = sys.stdout.isatty()
    color = wants_color(mode, os.environ, terminal=terminal)
    return Style(
        color=color,
        links=color and terminal and _supports_links(os.environ),
        ascii_only=not (sys.stdout.encoding or "").lower().startswith("utf"),
        width=_width(terminal=terminal),
        source_url=source_url(os.environ),
    )


def source_url(environment: Mapping[str, str]) -> str:
    """Return the URL prefix of repository paths in GitHub Actions, or ""."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_SHA")
    server, repository, commit = (environment.get(name, "") for name in names)
    if not (server.startswith("https://") and repository and commit):
        return ""
    return f"{server}/{repository}/blob/{commit}/"


def wants_color(mode: ColorMode, environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Return whether to use color: by --color, NO_COLOR, FORCE_COLOR, or for a terminal."""
    if mode is not ColorMode.AUTO:
        return mode is ColorMode.ALWAYS
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return terminal and environment.get("TERM") != "dumb"


def wants_progress(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Return whether to show a progress bar: not in CI or in pre-commit's pseudo-terminal."""
    return terminal and not environment.get("CI") and not environment.get("PRE_COMMIT")


def _width(*, terminal: bool) -> int:
    columns = DEFAULT_WIDTH
    if terminal or os.environ.get("COLUMNS"):
        columns = shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns
    return min(max(columns, _WIDTHS[0]), _WIDTHS[-1])


def _supports_links(environment: Mapping[str, str]) -> bool:
    """Return whether the environment identifies a terminal that supports OSC 8 links."""
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM") in _LINK_TERMINALS
        or any(environment.get(name) for name in ("WT_SESSION", "KITTY_WINDOW_ID"))
        or (vte.isdigit() and int(vte) >= _LINK_VTE)
    )


class Output(Struct, frozen=True):
    """A format and its output file; None for standard output."""

    format: str
    path: Path | None


_MODE: Final = 0o666


def parse_outputs(texts: Iterable[str], known: Collection[str]) -> tuple[Output, ...]:
    """Parse `FORMAT[=FILE]` options. Raises `UsageError`; at most one may lack a file."""
    outputs = tuple(_parse(text, known) for text in texts)
    if sum(output.path is None for output in outputs) > 1:
        raise UsageError(
            "only one format can be written to standard output",
            hint="write the others to files: -o json=report.json",
        )
    paths = [output.path for output in outputs if output.path is not None]
    if len(set(paths)) < len(paths):
        raise UsageError("two formats cannot be written to the same file")
    return outputs


def _parse(text: str, known: Collection[str]) -> Output:
    name, equals, path = text.partition("=")
    if name not in known:
        hint = suggestion(name, known) or f"one of {listed(known, 'or')}"
        raise UsageError(f'unknown format "{name}"', hint=hint)
    if equals and not path:
        raise UsageError(f"-o {text} has no file name", hint=f"write -o {name}=FILE")
    return Output(name, Path(path) if path else None)


def write_text(text: str, path: Path | None) -> None:
    """Write to standard output or, atomically, to a file."""
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():  # a pipe or /dev/stdout
            path.write_text(text, encoding="utf-8")
        else:
            replace_file(path, text.encode(), mode=_MODE)
    except OSError as error:
        raise UsageError(f"cannot write {path}", why=error.strerror or str(error)) from error


def write_outputs(
    outputs: Iterable[Output], flags: OutputFlags, render: Callable[[str, Style], str]
) -> None:
    """Render and write each output.

    Raises `UsageError` after the last output if any could not be written.
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


class Display(Struct, frozen=True):
    """Callbacks for the progress of an audit."""

    on_document: Callable[[str], None] = lambda _: None
    on_image: Progress = no_progress


@contextmanager
def display(watch: WatchFlags) -> Iterator[Display]:
    """Show a progress bar during an audit, unless --verbose logs each step."""
    wanted = not watch.no_progress and not watch.verbose
    if not wanted or not wants_progress(os.environ, terminal=sys.stderr.isatty()):
        yield Display()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        reading = bar.add_task("reading documents", total=None)
        resolving = bar.add_task("resolving images", total=None, visible=False)

        def on_document(path: str) -> None:
            del path
            bar.advance(reading)

        def on_image(done: int, total: int) -> None:
            bar.update(reading, visible=False)
            bar.update(resolving, completed=done, total=total, visible=True)

        yield Display(on_document, on_image)
