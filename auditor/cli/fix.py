"""The command `podfit fix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from auditor.cli.commands import option
from auditor.cli.options import (
    ClusterFlags,
    ConfigFlags,
    GateFlags,
    IgnoreFlags,
    ImageFlags,
    OutputFlags,
    PedanticFlags,
    SourceFlags,
)


def fix(
    sources: SourceFlags,
    clusters: ClusterFlags,
    rules: PedanticFlags,
    ignores: IgnoreFlags,
    images: ImageFlags,
    gate: GateFlags,
    output: OutputFlags,
    config: ConfigFlags,
    *,
    write: Annotated[
        bool, option("--write", help="Change the files. By default, podfit prints a diff.")
    ] = False,
    allow_dirty: Annotated[
        bool,
        option(
            "--allow-dirty",
            help="Also change files with uncommitted changes, and files outside of git.",
        ),
    ] = False,
    overlay: Annotated[
        Path | None,
        option(
            "--overlay",
            metavar="FILE",
            help="Values file to write for the chart.",
            show_default="podfit-values.yaml in the folder of each chart",
        ),
    ] = None,
    in_place: Annotated[
        bool, option("--in-place", help="Change values.yaml of charts; write no other values file.")
    ] = False,
) -> int:
    """Add selectors and tolerations that resolve findings.

    Prints a diff; --write applies it. podfit offers only changes that it has verified.
    Formats: text, patch. Exit codes: 0 nothing to fix, 1 changes or findings, 3 audit incomplete.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.fixing import FixOptions, run_fix

    wanted = make_config(Flags(sources, images, config, clusters, gate, rules, ignores, rules))
    options = FixOptions(write=write, allow_dirty=allow_dirty, overlay=overlay, in_place=in_place)
    return run_fix(wanted, options, output)
