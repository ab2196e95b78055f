"""The commands `podfit matrix` and `podfit explain`."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from auditor.cli.commands import complete_workload
from auditor.cli.options import (
    ClusterFlags,
    ConfigFlags,
    GateFlags,
    ImageFlags,
    OutputFlags,
    SourceFlags,
    TerminalFlags,
)


def matrix(
    sources: SourceFlags,
    clusters: ClusterFlags,
    images: ImageFlags,
    gate: GateFlags,
    output: OutputFlags,
    config: ConfigFlags,
) -> int:
    """Show which workloads can run on which node pools.

    Formats: text (the default), json, markdown.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.run import run_audit
    from auditor.cli.terminal import parse_outputs, write_outputs
    from auditor.formats.matrix import write_matrix_json, write_matrix_markdown, write_matrix_text

    formats = {
        "json": write_matrix_json,
        "markdown": write_matrix_markdown,
        "text": write_matrix_text,
    }
    outputs = parse_outputs(output.output or ("text",), formats)
    wanted = make_config(Flags(sources, images, config, clusters, gate))
    report = run_audit(replace(wanted, remedies=False), output, tell=True)
    write_outputs(outputs, output, lambda name, style: formats[name](report, style))
    return report.exit_code


def explain(
    workload: Annotated[
        str,
        typer.Argument(
            metavar="WORKLOAD",
            help="Name of the workload, or KIND/NAME.",
            autocompletion=complete_workload,
        ),
    ],
    sources: SourceFlags,
    clusters: ClusterFlags,
    images: ImageFlags,
    output: TerminalFlags,
    config: ConfigFlags,
) -> int:
    """Explain where one workload can be scheduled and run."""
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.run import find_workload, run_audit
    from auditor.cli.terminal import style, write_text
    from auditor.formats.explain import write_explanation

    wanted = make_config(Flags(sources, images, config, clusters))
    wanted = replace(wanted, allow_empty=True, remedies=False)
    report = run_audit(wanted, output, tell=True)
    look = style(output.color)
    found = find_workload(report, workload)
    write_text("\n".join(write_explanation(assessment, look) for assessment in found), None)
    return 0
