"""The command `podfit lock`."""

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
        typer.Option("--check", help="Write nothing; exit 1 if the lock file is out of date."),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            envvar="PODFIT_VERIFY",
            help="Write nothing; fetch the digest of each entry from its registry, and exit 1 if "
            "the content differs from an entry.",
        ),
    ] = False,
    update: Annotated[
        list[str] | None,
        typer.Option(
            "--update",
            metavar="IMAGE",
            help="Update only this image and keep the other entries; repeatable.",
        ),
    ] = None,
) -> int:
    """Write podfit.lock.json, for audits without network access.

    It records the platforms of every image. It is written next to each SOURCE, or to --lock-file.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.locking import run_lock

    wanted = make_config(Flags(sources, images, config))
    return run_lock(wanted, check=check, verify=verify, update=tuple(update or ()), watch=watch)
