"""Running an audit for a command, and finding things in its report.

From a `Config` to what is silenced: the scopes of its areas, with their baselines.

What `podfit inspect` does.

What `podfit baseline` and `podfit audit --update-baseline` do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from auditor.audit.audit import Auditor
from auditor.audit.report import ImageEntry, Report
from auditor.checks.assessment import Assessment
from auditor.checks.findings import Finding
from auditor.checks.interface import IGNORE_LAPSE
from auditor.checks.rulebook import load_rulebook
from auditor.checks.wording import count, listed, unique
from auditor.cli.assembly import (
    applied_rules,
    changed_entries,
    custom_resources,
    find_lock_files,
    find_remedies,
    load_clusters,
    opened_inspector,
)
from auditor.cli.console import say, tell, tell_notices, tell_problems
from auditor.cli.options import OutputFlags, WatchFlags
from auditor.cli.terminal import display, parse_outputs, write_outputs, write_text
from auditor.cli.verbose import follow, tell_inputs, tell_outcome, tell_request, timed
from auditor.config.files import shown_path
from auditor.config.model import Area, Config
from auditor.config.policy_base import PolicyBase
from auditor.errors import EXIT_CLEAN, EXIT_INCOMPLETE, ConfigurationError, UsageError
from auditor.files.paths import real_path
from auditor.files.strict import read_bounded, suggestion
from auditor.images.images import ImageReference, UnknownPlatforms
from auditor.images.references import parse_reference
from auditor.policy.baseline import (
    HINT,
    MAX_BYTES,
    WHAT,
    Baseline,
    format_baseline,
    make_baseline,
    parse_baseline,
    split_stale,
)
from auditor.policy.ignores import Layer, Scope, Statement, scope_of
from auditor.policy.policy import Policy
from auditor.policy.unused_ignores import Audited, audited_paths
from auditor.sources.interface import Source
from auditor.sources.open import OpenedSource, open_sources


def make_policy(config: Config, *, baselines: bool = True) -> Policy:
    """What is silenced. baselines: read them. Raises `ConfigurationError` for one that is wrong."""
    known: dict[Path, Baseline] = {}
    scopes = []
    for area in config.areas:
        path = baseline_path(config, area)
        if baselines and config.ignores.wanted and _is_there(path, config, area):
            known[path] = known.get(path) or read_baseline(path)
        scopes.append(_scope(area, known.get(path)))
    return Policy(
        scopes=tuple(scopes),
        ignores=config.ignores.wanted,
        stale=config.ignores.stale,
        today=datetime.now(UTC).date(),
    )


def baseline_path(config: Config, area: Area) -> Path:
    """The baseline of an area: of the option, of its configuration, or where it usually is."""
    return config.ignores.baseline or area.settings.baseline or area.usual_baseline


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises `ConfigurationError`."""
    text = read_bounded(path, what=WHAT, limit=MAX_BYTES, hint=HINT)
    return parse_baseline(text, shown_path(path))


def _is_there(path: Path, config: Config, area: Area) -> bool:
    """One that was named must be there; the usual one need not, but is no link to elsewhere."""
    if config.ignores.baseline or area.settings.baseline:
        return True
    if path.is_file() and not real_path(path).is_relative_to(area.policy_root):
        raise ConfigurationError(
            f"the {WHAT} is a link that leads out of the repository",
            where=shown_path(path),
            hint="put the file itself there, or name another with --baseline",
        )
    return path.is_file()


def _honours(base: PolicyBase | None) -> Callable[[Statement], bool]:
    """Whether a comment or annotation counts where the policy comes from elsewhere."""
    if base is None:
        return lambda _: True
    return lambda item: base.honours(item.document, str(item.location))


def _scope(area: Area, baseline: Baseline | None) -> Scope:
    settings = area.settings
    return Scope(
        root=str(area.root),
        entries=settings.ignore,
        caps=tuple(
            (chart.path, chart.severity) for chart in settings.charts if chart.severity is not None
        ),
        baseline=baseline,
        config=area.file.document if area.file else None,
        whole=area.whole,
        streams=area.streams,
        honours=_honours(area.base),
    )


def run_inspect(texts: Sequence[str], config: Config, output: OutputFlags) -> int:
    """Asks for the images and shows what is known of each; the exit code."""
    from auditor.formats.images import write_images_json, write_images_rows

    formats = {"json": write_images_json, "text": write_images_rows}
    outputs = parse_outputs(output.output or ("text",), formats)
    parsed = {text: parse_reference(text) for text in dict.fromkeys(texts)}
    wanted = sorted({item for item in parsed.values() if isinstance(item, ImageReference)})
    observer = tell_request if output.verbose else None
    with (
        display(output) as shown,
        opened_inspector(config, observer=observer) as inspection,
    ):
        answers = inspection.inspector.inspect(wanted, shown.on_image)
        remarks = inspection.remarks()
    entries = tuple(
        ImageEntry(text, item, answers[item], ())
        if isinstance(item, ImageReference)
        else ImageEntry(text, None, item, ())
        for text, item in parsed.items()
    )
    tell_notices((*config.notices, *remarks))
    write_outputs(outputs, output, lambda name, style: formats[name](entries, style))
    unknown = any(isinstance(entry.platforms, UnknownPlatforms) for entry in entries)
    return EXIT_INCOMPLETE if unknown else EXIT_CLEAN


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
        report = replace(
            report,
            notices=notices,
            problems=(*report.problems, *wrong),
            unaudited=report.unaudited + _unfollowed(sources),
        )
    if output.verbose:
        tell_outcome(report)
    if tell:
        tell_problems(report.problems)
        tell_notices(report.notices)
    return report


def _unfollowed(sources: Iterable[Source]) -> int:
    """Return how many objects and files install charts that were not followed."""
    return sum(source.unfollowed for source in sources if isinstance(source, OpenedSource))


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
