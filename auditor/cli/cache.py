"""`podfit cache`: where answers of registries are kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from auditor.registry.cache import Cache, Usage

app = typer.Typer(
    help="Show, empty or shrink the cache of registry answers.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir", metavar="DIR", envvar="PODFIT_CACHE_DIR", help="Where answers are kept."
    ),
]
_MEBIBYTE = 2**20


def _cache(folder: Path | None) -> Cache:
    import os

    from auditor.registry.cache import Cache, default_root

    return Cache(folder or default_root(os.environ))


def _said(usage: Usage) -> str:
    return f"{usage.files} files, {usage.bytes / _MEBIBYTE:.1f} MiB"


@app.command("dir")
def show_dir(cache_dir: CacheDir = None) -> None:
    """Print where the cache is."""
    typer.echo(_cache(cache_dir).root)


@app.command()
def clear(cache_dir: CacheDir = None) -> None:
    """Remove everything from the cache."""
    typer.echo(f"removed {_said(_cache(cache_dir).clear())}")


@app.command()
def prune(
    cache_dir: CacheDir = None,
    max_size: Annotated[
        int, typer.Option("--max-size", metavar="MIB", min=0, help="What may stay, in MiB.")
    ] = 256,
) -> None:
    """Remove what was used longest ago, until the cache is small enough."""
    typer.echo(f"removed {_said(_cache(cache_dir).prune(max_size * _MEBIBYTE))}")
