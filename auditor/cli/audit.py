"""`podfit audit`: may any pod be placed on a node that cannot run its images?

`podfit baseline`: takes what is found now for known, so that only what is new is reported.
"""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli.options import (
    ClusterFlags,
    ConfigFlags,
    GateFlags,
    IgnoreFlags,
    ImageFlags,
    ReportFlags,
    RuleFlags,
    SourceFlags,
    WatchFlags,
)


def audit(
    sources: SourceFlags,
    clusters: ClusterFlags,
    rules: RuleFlags,
    ignores: IgnoreFlags,
    images: ImageFlags,
    gate: GateFlags,
    output: ReportFlags,
    config: ConfigFlags,
    *,
    update_baseline: Annotated[
        bool,
        typer.Option(
            "--update-baseline",
            envvar="PODFIT_UPDATE_BASELINE",
            help="Remove from the baseline what matches no finding any more.",
        ),
    ] = False,
) -> int:
    """Report workloads that may land where they cannot run.

    Renders charts, asks registries which platforms the images support, and works out where each pod
    may be placed. Exit codes: 0 clean, 1 findings, 3 audit incomplete.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.console import tell_notices
    from auditor.cli.run import run_audit, without_stale_entries
    from auditor.cli.terminal import parse_outputs, write_outputs
    from auditor.errors import UsageError
    from auditor.formats.catalog import FORMATS, WITHOUT_NOTICES, render

    if output.quiet and output.verbose:
        raise UsageError("--quiet and --verbose exclude each other")
    outputs = parse_outputs(output.output, FORMATS)
    wanted = make_config(Flags(sources, images, config, clusters, gate, rules, ignores, rules))
    run = without_stale_entries if update_baseline else run_audit
    report = run(wanted, output)
    write_outputs(outputs, output, lambda name, style: render(name, report, style))
    if not output.quiet and WITHOUT_NOTICES.issuperset(item.format for item in outputs):
        tell_notices(report.notices)
    return report.exit_code


def baseline(
    sources: SourceFlags,
    clusters: ClusterFlags,
    rules: RuleFlags,
    ignores: IgnoreFlags,
    images: ImageFlags,
    output: WatchFlags,
    config: ConfigFlags,
) -> int:
    """Write a baseline: findings that later audits do not report.

    It is .podfit-baseline.json at the root of the repository, where audits find it.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.run import run_baseline

    flags = Flags(
        sources, images, config, clusters, rules=rules, ignores=ignores, requirements=rules
    )
    return run_baseline(make_config(flags), output)
