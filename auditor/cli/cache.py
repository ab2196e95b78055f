"""`podfit cache`: where answers of registries are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from auditor.cli.commands import add_command
from auditor.cli.options import CacheFlags

if TYPE_CHECKING:
    from auditor.registry.cache import Cache, Usage


app = typer.Typer(
    help="Show, empty or shrink the cache of registry answers.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_MEBIBYTE = 2**20


def _cache(flags: CacheFlags) -> Cache:
    import os

    from auditor.registry.cache import Cache, default_root

    return Cache(flags.cache_dir or default_root(os.environ))


def _said(usage: Usage) -> str:
    return f"{usage.files} files, {usage.bytes / _MEBIBYTE:.1f} MiB"


def show_dir(flags: CacheFlags) -> int:
    """Print where the cache is."""
    typer.echo(_cache(flags).root)
    return 0


def clear(flags: CacheFlags) -> int:
    """Remove everything from the cache."""
    typer.echo(f"removed {_said(_cache(flags).clear())}")
    return 0


def prune(
    flags: CacheFlags,
    *,
    max_size: Annotated[
        int, typer.Option("--max-size", metavar="MIB", min=0, help="What may stay, in MiB.")
    ] = 256,
) -> int:
    """Remove what was used longest ago, until the cache is small enough."""
    typer.echo(f"removed {_said(_cache(flags).prune(max_size * _MEBIBYTE))}")
    return 0


add_command(app, "dir", show_dir)
add_command(app, "clear", clear)
add_command(app, "prune", prune)
