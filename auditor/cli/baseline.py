"""`podfit baseline`: takes what is found now for known, so that only what is new is reported."""

from __future__ import annotations

from auditor.cli.flags import (
    ClusterFlags,
    ConfigFlags,
    IgnoreFlags,
    ImageFlags,
    RuleFlags,
    SourceFlags,
)
from auditor.cli.report_flags import WatchFlags


def baseline(
    sources: SourceFlags,
    clusters: ClusterFlags,
    rules: RuleFlags,
    ignores: IgnoreFlags,
    images: ImageFlags,
    output: WatchFlags,
    config: ConfigFlags,
) -> int:
    """Write .podfit-baseline.json: the findings of today, which later audits do not report."""
    from auditor.cli.baselining import run_baseline
    from auditor.cli.configuring import Flags, make_config

    flags = Flags(sources, images, config, clusters, rules=rules, ignores=ignores)
    return run_baseline(make_config(flags), output)
