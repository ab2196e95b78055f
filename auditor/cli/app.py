"""The command `podfit`: its subcommands, and the one place where errors are caught."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from auditor import __version__
from auditor.cli import audit, baseline, cache, clusters, config, images, lock, rules, views
from auditor.cli.commands import add_command
from auditor.cli.console import tell, tell_problems
from auditor.errors import EXIT_INCOMPLETE, EXIT_INTERRUPTED, PodfitError, Problem

app = typer.Typer(
    name="podfit",
    help="Finds the workloads of charts and manifests that could be placed on Kubernetes nodes "
    "which cannot run their images.",
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


add_command(app, "audit", audit.audit)
add_command(app, "baseline", baseline.baseline)
app.add_typer(cache.app, name="cache")
add_command(app, "clusters", clusters.clusters)
app.add_typer(config.app, name="config")
add_command(app, "explain", views.explain)
add_command(app, "images", images.images)
add_command(app, "inspect", images.inspect)
add_command(app, "lock", lock.lock)
add_command(app, "matrix", views.matrix)
add_command(app, "rules", rules.rules)


def main() -> None:
    """Runs the program; never shows a traceback unless PODFIT_DEBUG is set."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="podfit")
    except PodfitError as error:
        tell_problems((error.problem,))
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, SystemExit) as end:
        # Once a command runs, Typer makes an exit of Ctrl-C, and says nothing.
        if isinstance(end, SystemExit) and end.code != EXIT_INTERRUPTED:
            raise
        tell("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if os.environ.get("PODFIT_DEBUG"):
            raise
        what = f"podfit itself failed: {type(error).__name__}: {error}"
        hint = "this is a bug; set PODFIT_DEBUG=1 to see where, and please report it"
        tell_problems((Problem(what, hint=hint),))
        sys.exit(EXIT_INCOMPLETE)
