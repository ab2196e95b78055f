"""`podfit lock`: writes down which platforms images support, so that audits need no network."""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli.options import ConfigFlags, ImageFlags, SourceFlags, WatchFlags


def lock(
    sources: SourceFlags,
    images: ImageFlags,
    watch: WatchFlags,
    config: ConfigFlags,
    *,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Write nothing; exit 1 if the registries say other than the lock file."
        ),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            envvar="PODFIT_VERIFY",
            help="Write nothing; ask the registries for the digest of each entry, and exit 1 if an "
            "entry differs from its content.",
        ),
    ] = False,
    update: Annotated[
        list[str] | None,
        typer.Option(
            "--update",
            metavar="IMAGE",
            help="Ask for this image alone and keep the other entries; repeatable.",
        ),
    ] = None,
) -> int:
    """Write podfit.lock.json, for audits without a network.

    It holds the platforms of every image, and lies beside each SOURCE unless --lock-file says
    where.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.locking import run_lock

    wanted = make_config(Flags(sources, images, config))
    return run_lock(wanted, check=check, verify=verify, update=tuple(update or ()), watch=watch)
