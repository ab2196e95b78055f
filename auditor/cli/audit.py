"""`podfit audit`: may any pod be placed on a node that cannot run its images?"""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli.flags import ClusterFlags, GateFlags, ImageFlags, OutputFlags, SourceFlags


def audit(
    sources: SourceFlags,
    clusters: ClusterFlags,
    images: ImageFlags,
    gate: GateFlags,
    output: OutputFlags,
    *,
    pedantic: Annotated[
        bool, typer.Option("--pedantic", help="Apply the pedantic rules too.")
    ] = False,
) -> int:
    """Report the workloads that could be placed on nodes which cannot run their images."""
    from auditor.cli.output import parse_outputs, write_outputs
    from auditor.cli.running import run_audit
    from auditor.cli.wiring import make_config
    from auditor.formats.catalog import DEFAULT_FORMAT, FORMATS, render

    outputs = parse_outputs(output.output, tuple(FORMATS), DEFAULT_FORMAT)
    config = make_config(sources, images, clusters, gate, pedantic=pedantic)
    report = run_audit(config, output)
    failure = write_outputs(outputs, output, lambda name, style: render(name, report, style))
    if failure is not None:
        raise failure
    return report.exit_code
