"""`podfit baseline`: takes what is found now for known, so that only what is new is reported."""

from __future__ import annotations

from auditor.cli.image_flags import ImageFlags
from auditor.cli.policy_flags import ClusterFlags, ConfigFlags, IgnoreFlags, RuleFlags
from auditor.cli.report_flags import WatchFlags
from auditor.cli.source_flags import SourceFlags


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
    from auditor.cli.baselining import run_baseline
    from auditor.cli.configuring import Flags, make_config

    flags = Flags(sources, images, config, clusters, rules=rules, ignores=ignores)
    return run_baseline(make_config(flags), output)
