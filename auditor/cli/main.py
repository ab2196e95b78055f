"""The command `podfit`: its subcommands, and the one place where errors are caught."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Final

import typer

from auditor import __version__
from auditor.cli import audit, baseline, cache, clusters, config, images, lock, rules, views
from auditor.cli.expansion import expanded
from auditor.cli.text import tell, tell_problems
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
_VARIABLES: Final = "Options have variables, such as PODFIT_LOCK_FILE for --lock-file."


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


app.command("audit", epilog=_VARIABLES)(expanded(audit.audit))
app.command("baseline", epilog=_VARIABLES)(expanded(baseline.baseline))
app.add_typer(cache.app, name="cache")
app.command("clusters")(expanded(clusters.clusters))
app.add_typer(config.app, name="config")
app.command("explain", epilog=_VARIABLES)(expanded(views.explain))
app.command("images", epilog=_VARIABLES)(expanded(images.images))
app.command("inspect", epilog=_VARIABLES)(expanded(images.inspect))
app.command("lock", epilog=_VARIABLES)(expanded(lock.lock))
app.command("matrix", epilog=_VARIABLES)(expanded(views.matrix))
app.command("rules", epilog=_VARIABLES)(expanded(rules.rules))


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
    except SystemExit as end:
        if end.code == EXIT_INTERRUPTED:  # Typer's answer to Ctrl-C, of which it says nothing
            tell("interrupted")
        raise
    except BrokenPipeError:
        # The reader went away (`podfit ... | head`): that is its right, and no finding.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("PODFIT_DEBUG"):
            raise
        what = f"podfit itself failed: {type(error).__name__}: {error}"
        hint = "this is a bug; set PODFIT_DEBUG=1 to see where, and please report it"
        tell_problems((Problem(what, hint=hint),))
        sys.exit(EXIT_INCOMPLETE)
