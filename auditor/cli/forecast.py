"""The command `podfit forecast`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from auditor.cli.options import (
    ChangeFlags,
    ClusterFlags,
    ConfigFlags,
    GateFlags,
    ImageFlags,
    OutputFlags,
    SourceFlags,
)

if TYPE_CHECKING:
    from auditor.scheduling.nodes import ClusterProfile


def forecast(
    sources: SourceFlags,
    clusters: ClusterFlags,
    changes: ChangeFlags,
    images: ImageFlags,
    gate: GateFlags,
    output: OutputFlags,
    config: ConfigFlags,
) -> int:
    """Show what a change of the node pools of a cluster breaks.

    Audits the workloads against the current and the changed cluster, and reports which of them
    could use the new nodes. Formats: text (the default), json, markdown. Exit codes: 0 no new
    findings, 1 new findings, 3 audit incomplete.
    """
    from auditor.audit.forecast import make_forecast
    from auditor.cli.assembly import load_clusters
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.console import tell_notices, tell_problems
    from auditor.cli.run import run_audits
    from auditor.cli.terminal import parse_outputs, write_outputs
    from auditor.formats.forecast import (
        write_forecast_json,
        write_forecast_markdown,
        write_forecast_text,
    )

    formats = {
        "json": write_forecast_json,
        "markdown": write_forecast_markdown,
        "text": write_forecast_text,
    }
    outputs = parse_outputs(output.output or ("text",), formats)
    wanted = replace(make_config(Flags(sources, images, config, clusters, gate)), remedies=False)
    now = load_clusters(wanted)
    current, target = run_audits(wanted, output, (now, _target(now, changes)))
    result = make_forecast(current, target)
    tell_problems(dict.fromkeys((*current.problems, *target.problems)))
    tell_notices(dict.fromkeys((*current.notices, *target.notices)))
    write_outputs(outputs, output, lambda name, style: formats[name](result, style))
    return result.exit_code


def _target(now: tuple[ClusterProfile, ...], flags: ChangeFlags) -> tuple[ClusterProfile, ...]:
    """Return the clusters after the changes, under the names of the current ones.

    Raises `UsageError` if there is no change, or if `--to` does not give each cluster its
    successor. The names are kept because they are part of the identity of some findings.
    """
    from auditor.clusters.changes import PoolChange, changed, parse_replacement
    from auditor.clusters.profiles import load_cluster
    from auditor.errors import UsageError

    replacements = tuple(map(parse_replacement, flags.replace))
    added = tuple(PoolChange("", platform) for platform in flags.add_pool)
    if not (flags.to or added or replacements):
        raise UsageError(
            "forecast needs a change of the cluster",
            hint="use --to FILE, --add-pool PLATFORM or --replace OLD=NEW",
        )
    if flags.to and len(flags.to) != len(now):
        raise UsageError(
            f"--to was used {len(flags.to)} times for {len(now)} clusters",
            hint="use --to once for each --cluster, in the same order",
        )
    after = now
    if flags.to:
        loaded = map(load_cluster, flags.to)
        after = tuple(replace(new, name=old.name) for old, new in zip(now, loaded, strict=True))
    return changed(after, (*replacements, *added))
