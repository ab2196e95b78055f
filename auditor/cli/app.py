"""Entry point of `podfit`: the subcommands and the top-level error handler."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from auditor import __version__
from auditor.cli.commands import make_command
from auditor.cli.console import tell, tell_problems
from auditor.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, PodfitError, Problem

COMMANDS: Final[Mapping[str, str]] = {
    "audit": "auditor.cli.audit:audit",
    "baseline": "auditor.cli.audit:baseline",
    "clusters": "auditor.cli.listings:clusters",
    "diff": "auditor.cli.diff:diff",
    "doctor": "auditor.cli.doctor:doctor",
    "explain": "auditor.cli.views:explain",
    "fix": "auditor.cli.fix:fix",
    "forecast": "auditor.cli.forecast:forecast",
    "images": "auditor.cli.images:images",
    "inspect": "auditor.cli.images:inspect",
    "lock": "auditor.cli.lock:lock",
    "matrix": "auditor.cli.views:matrix",
    "rules": "auditor.cli.listings:rules",
    "cache": "auditor.cli.cache:app",
    "config": "auditor.cli.config:app",
}
"""Name -> `module:function`, or `module:app` for a group of commands."""


class Commands(Mapping[str, Any]):
    """Commands that are imported on first use."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _load(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        return make_command(name, found)
    group = get_command(found)
    group.name = name
    return group


class Program(TyperGroup):
    """Top-level command group."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = Commands()  # type: ignore[assignment]


app = typer.Typer(
    name="podfit",
    cls=Program,
    help="Finds workloads that Kubernetes could schedule onto nodes that cannot run their images.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 clean, 1 findings, 2 usage or configuration error, 3 audit incomplete.",
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's signature of a callback
    if wanted:
        typer.echo(f"podfit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    del version


_OBJECTS_PER_COLLECTION: Final = 50_000
"""Python's 700 takes a tenth of the time of a short audit, and finds next to no cycles."""


def main() -> None:
    """Run podfit; print a traceback only if PODFIT_DEBUG is set."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    try:
        app(prog_name="podfit")
    except PodfitError as error:
        tell_problems((error.problem,))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as end:
        # While a command runs, Typer turns Ctrl-C into SystemExit without a message.
        if isinstance(end, SystemExit) and end.code != EXIT_INTERRUPTED:
            raise
        tell("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if os.environ.get("PODFIT_DEBUG"):
            raise
        what = f"internal error: {type(error).__name__}: {error}"
        hint = "this is a bug: please report it with the traceback that PODFIT_DEBUG=1 prints"
        tell_problems((Problem(what, hint=hint),))
        sys.exit(EXIT_INCOMPLETE)
