"""Running an audit for a command, and finding things in its report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from auditor.assessment import Assessment
from auditor.audit import Auditor
from auditor.cli.commentary import follow, tell_inputs, tell_outcome, tell_request, timed
from auditor.cli.judging import make_policy
from auditor.cli.progress import display
from auditor.cli.report_flags import WatchFlags
from auditor.cli.text import tell_notices, tell_problems
from auditor.cli.wiring import (
    applied_rules,
    changed_entries,
    custom_resources,
    find_lock_files,
    find_remedies,
    load_clusters,
    opened_inspector,
)
from auditor.config.model import Config
from auditor.errors import UsageError
from auditor.phrases import listed, unique
from auditor.policy import Policy
from auditor.report import Report
from auditor.rulebook import load_rulebook
from auditor.schema import suggestion
from auditor.sources.interface import Source
from auditor.sources.open import OpenedSource, open_sources

_NAMED: Final = 10
"""Workloads that are named to somebody who looks for another."""


def run_audit(
    config: Config, output: WatchFlags, *, tell: bool = False, policy: Policy | None = None
) -> Report:
    """The audit that a configuration describes.

    tell: print its problems and notices on standard error. policy: another than the configured one.
    """
    rules = load_rulebook(config.rule_folders)
    policy = policy or make_policy(config)
    with (
        display(output) as shown,
        opened_inspector(config, observer=tell_request if output.verbose else None) as inspection,
    ):
        sources = open_sources(config.sources, config.source_options)
        clusters, applied = load_clusters(config), applied_rules(config, rules)
        if output.verbose:
            tell_inputs(config, clusters, rules, applied, find_lock_files(config))
            sources = follow(sources)
        auditor = Auditor(
            inspector=inspection.inspector,
            clusters=clusters,
            rules=applied,
            gate=config.gate,
            policy=policy,
            known=frozenset(rule.id for rule in rules),
            table=custom_resources(config),
            allow_empty=config.allow_empty,
            remedies=find_remedies(config, sources) if config.remedies else None,
            on_document=shown.on_document,
            on_image=shown.on_image,
        )
        report = auditor.audit(timed(sources) if output.verbose else sources)
        notices = (*config.notices, *inspection.remarks(), *report.notices, *notices_of(sources))
        if config.policy_base:
            notices += config.policy_base.notices
        wrong = changed_entries(config, inspection.inspector) if config.policy_base else ()
        report = replace(report, notices=notices, problems=(*report.problems, *wrong))
    if output.verbose:
        tell_outcome(report)
    if tell:
        tell_problems(report.problems)
        tell_notices(report.notices)
    return report


def notices_of(sources: Iterable[Source]) -> tuple[str, ...]:
    """What sources have to say once they were read."""
    opened = (source for source in sources if isinstance(source, OpenedSource))
    return tuple(notice for source in opened for notice in source.notices)


def find_workload(report: Report, name: str) -> tuple[Assessment, ...]:
    """The workloads called NAME or KIND/NAME. Raises `UsageError` with a suggestion."""
    by_name: dict[str, list[Assessment]] = {}
    for assessment in report.assessments:
        ref = assessment.workload.ref
        for key in {ref.name, str(ref), str(ref).lower(), f"{ref.namespace}/{ref.name}"}:
            by_name.setdefault(key, []).append(assessment)
    if name in by_name:
        return tuple(by_name[name])
    names = unique(str(item.workload) for item in report.assessments)
    known = f"there is {listed(names, limit=_NAMED) or 'none at all'}"
    raise UsageError(f'there is no workload "{name}"', hint=suggestion(name, by_name) or known)
