"""The command group `podfit cache`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.commands import add_command
from auditor.cli.options import CacheFlags

if TYPE_CHECKING:
    from auditor.registry.cache import Cache, Usage


app = typer.Typer(
    help="Manage the cache of registry responses.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_MEBIBYTE = 2**20


def _cache(flags: CacheFlags) -> Cache:
    import os

    from auditor.registry.cache import Cache, default_root

    return Cache(flags.cache_dir or default_root(os.environ))


def _report_removed(usage: Usage) -> int:
    typer.echo(f"removed {usage.files} files, {usage.bytes / _MEBIBYTE:.1f} MiB")
    return 0


def show_dir(flags: CacheFlags) -> int:
    """Print the path of the cache."""
    typer.echo(_cache(flags).root)
    return 0


def clear(flags: CacheFlags) -> int:
    """Remove everything from the cache."""
    return _report_removed(_cache(flags).clear())


def prune(
    flags: CacheFlags,
    *,
    max_size: Annotated[
        int, typer.Option("--max-size", metavar="MIB", min=0, help="Maximum size in MiB.")
    ] = 256,
) -> int:
    """Remove the least recently used entries."""
    return _report_removed(_cache(flags).prune(max_size * _MEBIBYTE))


add_command(app, "dir", show_dir)
add_command(app, "clear", clear)
add_command(app, "prune", prune)
