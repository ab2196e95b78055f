"""`podfit baseline`: takes what is found now for known, so that only what is new is reported.

What `podfit baseline` and `podfit audit --update-baseline` do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from auditor.audit.report import Report
from auditor.checks.findings import Finding
from auditor.checks.interface import IGNORE_LAPSE
from auditor.checks.wording import count
from auditor.cli.console import say, tell, write_text
from auditor.cli.options import (
    ClusterFlags,
    ConfigFlags,
    IgnoreFlags,
    ImageFlags,
    RuleFlags,
    SourceFlags,
    WatchFlags,
)
from auditor.cli.run import baseline_path, make_policy, read_baseline, run_audit
from auditor.config.files import shown_path
from auditor.config.model import Config
from auditor.errors import EXIT_CLEAN, EXIT_INCOMPLETE
from auditor.policy.baseline import Baseline, format_baseline, make_baseline, split_stale
from auditor.policy.ignores import Layer, Scope, scope_of
from auditor.policy.policy import Policy
from auditor.policy.unused_ignores import Audited, audited_paths


def run_baseline(config: Config, output: WatchFlags) -> int:
    """Writes the baseline of every area anew; the exit code."""
    policy = make_policy(config, baselines=False)
    report = run_audit(config, output, tell=True, policy=policy)
    if report.problems and not report.assessments:
        tell("no baseline was written: nothing could be audited")
        return EXIT_INCOMPLETE
    for path, scopes in _by_baseline(config, policy):
        old = read_baseline(path) if path.is_file() else None
        findings = _findings(report, policy, scopes)
        whole = all(scope.whole for scope in scopes) and not report.problems
        audited = None if whole else audited_paths(report.assessments, scopes)
        baseline = make_baseline(shown_path(path), findings, old, audited)
        verb = "unchanged:" if baseline == old else "wrote"
        if baseline != old:
            write_text(format_baseline(baseline), path)
        kept = len(baseline.entries) - len(findings)
        rest = f", {kept} of them where nothing was audited now" if kept else ""
        say(f"{verb} {shown_path(path)} ({count(len(baseline.entries), 'finding')}{rest})")
    return EXIT_INCOMPLETE if report.problems else EXIT_CLEAN


def without_stale_entries(config: Config, output: WatchFlags) -> Report:
    """The report of an audit, after its baselines lost what matches no finding any more."""
    config = replace(config, ignores=replace(config.ignores, stale=False))
    policy = make_policy(config)
    report = run_audit(config, output, policy=policy)
    notices = tuple(_prune(config, policy, report)) if config.ignores.wanted else ()
    return replace(report, notices=(*report.notices, *notices))


def _prune(config: Config, policy: Policy, report: Report) -> Iterator[str]:
    """Shortens the baselines and tells of it."""
    audited = Audited(report.assessments, report.rules, frozenset(), complete=not report.problems)
    if not audited.settled:
        yield "the baseline stays as it is: something could not be resolved, decided or read"
        return
    for path, scopes in _by_baseline(config, policy):
        baseline = next((scope.baseline for scope in scopes if scope.baseline), None)
        if baseline is None:
            continue
        kept, stale = _without_stale(baseline, scopes, report)
        if stale:
            write_text(format_baseline(kept), path)
            removed = "1 entry" if stale == 1 else f"{stale} entries"
            yield f"removed {removed} of {baseline.path} that matched no finding any more"


def _without_stale(
    baseline: Baseline, scopes: Sequence[Scope], report: Report
) -> tuple[Baseline, int]:
    silenced = Counter(
        item.finding.fingerprint
        for item in report.suppressed
        if item.by == Layer.BASELINE.value and item.where == baseline.path
    )
    paths = audited_paths(report.assessments, scopes)
    return split_stale(baseline, silenced, paths, whole=all(scope.whole for scope in scopes))


def _by_baseline(config: Config, policy: Policy) -> list[tuple[Path, tuple[Scope, ...]]]:
    """The files of the areas, each with the scopes that it is for."""
    grouped: dict[Path, list[Scope]] = {}
    for area, scope in zip(config.areas, policy.scopes, strict=True):
        grouped.setdefault(baseline_path(config, area), []).append(scope)
    return [(path, tuple(scopes)) for path, scopes in grouped.items()]


def _findings(report: Report, policy: Policy, scopes: Sequence[Scope]) -> list[Finding]:
    """What a baseline is made of: no finding about ignores themselves, which are to be mended."""
    about_ignores = {rule.id for rule in report.rules if rule.check is IGNORE_LAPSE}
    return [
        finding
        for finding in report.findings
        if finding.rule not in about_ignores
        and scope_of(finding.observation.workload.document, policy.scopes) in scopes
    ]


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

    flags = Flags(sources, images, config, clusters, rules=rules, ignores=ignores)
    return run_baseline(make_config(flags), output)
