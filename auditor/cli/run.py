"""Implementation of audits, `podfit inspect`, `podfit baseline` and `--update-baseline`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from auditor.audit.audit import Auditor, FindRemedies, take_inventory
from auditor.audit.report import ImageEntry, Report
from auditor.checks.assessment import Assessment
from auditor.checks.findings import Finding
from auditor.checks.interface import IGNORE_LAPSE
from auditor.checks.requirements import required_platforms
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
from auditor.errors import (
    EXIT_CLEAN,
    EXIT_FINDINGS,
    EXIT_INCOMPLETE,
    ConfigurationError,
    Problem,
    UsageError,
)
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
from auditor.scheduling.nodes import ClusterProfile
from auditor.sources.interface import Source
from auditor.sources.open import OpenedSource, open_sources


def make_policy(config: Config, *, baselines: bool = True) -> Policy:
    """Return the suppression policy. Raises `ConfigurationError` for an invalid baseline."""
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
    """Return the baseline path of an area: from the option, the configuration or the default."""
    return config.ignores.baseline or area.settings.baseline or area.usual_baseline


def read_baseline(path: Path) -> Baseline:
    """Read a baseline. Raises `ConfigurationError`."""
    text = read_bounded(path, what=WHAT, limit=MAX_BYTES, hint=HINT)
    return parse_baseline(text, shown_path(path))


def _is_there(path: Path, config: Config, area: Area) -> bool:
    """Return whether to read a baseline.

    A configured baseline must exist. The default one is optional, but must not be a link to a file
    outside of the repository.
    """
    if config.ignores.baseline or area.settings.baseline:
        return True
    if path.is_file() and not real_path(path).is_relative_to(area.policy_root):
        raise ConfigurationError(
            f"the {WHAT} is a symbolic link to a file outside of the repository",
            where=shown_path(path),
            hint="replace the link by the file, or set another path with --baseline",
        )
    return path.is_file()


def _honours(base: PolicyBase | None) -> Callable[[Statement], bool]:
    """Return the test whether an ignore in an audited file applies under `--policy-from`."""
    if base is None:
        return lambda _: True
    return lambda item: base.honours(item.document, str(item.location))


def _scope(area: Area, baseline: Baseline | None) -> Scope:
    settings = area.settings
    return Scope(
        root=str(area.root),
        entries=settings.ignore,
        accepted=settings.accept,
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
    """Look up images and print their platforms; return the exit code."""
    from auditor.formats.images import write_images_json, write_images_rows

    formats = {"json": write_images_json, "text": write_images_rows}
    outputs = parse_outputs(output.output or ("text",), formats)
    named = chain.from_iterable(_stdin_images() if text == "-" else (text,) for text in texts)
    parsed = {text: parse_reference(text) for text in dict.fromkeys(named)}
    wanted = sorted({item for item in parsed.values() if isinstance(item, ImageReference)})
    observer = tell_request if output.verbose else None
    with (
        display(output) as shown,
        opened_inspector(config, observer=observer) as inspection,
    ):
        answers = inspection.inspector.inspect(wanted, shown.on_image)
        remarks = inspection.remarks()
    entries = tuple(
        ImageEntry(
            text, item, answers[item], (), required_platforms(config.requirements, None, item)
        )
        if isinstance(item, ImageReference)
        else ImageEntry(text, None, item, ())
        for text, item in parsed.items()
    )
    tell_notices((*config.notices, *remarks))
    write_outputs(outputs, output, lambda name, style: formats[name](entries, style))
    if any(entry.lacking for entry in entries):
        return EXIT_FINDINGS
    unknown = any(isinstance(entry.platforms, UnknownPlatforms) for entry in entries)
    return EXIT_INCOMPLETE if unknown else EXIT_CLEAN


def _stdin_images() -> list[str]:
    """Read image references from standard input: a JSON document, or one a line.

    Raises `UsageError` if there are none, or if the JSON is of another form.
    """
    text = sys.stdin.read()
    if text.lstrip().startswith(("[", "{")):
        found = _images_of_json(text)
    else:
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        found = [line for line in lines if line]
    if not found:
        raise UsageError("standard input names no image", hint="give one image a line, or JSON")
    return found


def _images_of_json(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"standard input is not valid JSON: {error}") from error
    entries = value.get("images", ()) if isinstance(value, dict) else value
    if not isinstance(entries, list):
        entries = [None]
    named = [entry.get("image") if isinstance(entry, dict) else entry for entry in entries]
    images = [image for image in named if isinstance(image, str)]
    if len(images) < len(named):
        raise UsageError(
            "the JSON on standard input does not list images",
            hint='write ["nginx:1.27"] or {"images": [{"image": "nginx:1.27"}]}',
        )
    return images


_NAMED: Final = 10
"""Number of workloads that are listed if the requested one was not found."""


Search = Callable[[Sequence[Source]], FindRemedies]
"""Makes the search for remedies in the sources of an audit."""


def run_audit(
    config: Config,
    output: WatchFlags,
    *,
    tell: bool = False,
    policy: Policy | None = None,
    search: Search | None = None,
) -> Report:
    """Run the audit of a configuration.

    Args:
        config: The configuration.
        output: Options for progress and logging.
        tell: Print problems and notices on standard error.
        policy: Replaces the configured suppression policy.
        search: Replaces the configured search for remedies.
    """
    worlds = (load_clusters(config),)
    (report,) = run_audits(config, output, worlds, policy=policy, search=search)
    if tell:
        tell_problems(report.problems)
        tell_notices(report.notices)
    return report


def run_audits(
    config: Config,
    output: WatchFlags,
    worlds: Sequence[tuple[ClusterProfile, ...]],
    *,
    policy: Policy | None = None,
    search: Search | None = None,
) -> tuple[Report, ...]:
    """Audit the sources against several sets of clusters; read and inspect everything once."""
    rules = load_rulebook(config.rule_folders)
    policy = policy or make_policy(config)
    with (
        display(output) as shown,
        opened_inspector(config, observer=tell_request if output.verbose else None) as inspection,
    ):
        sources = open_sources(config.sources, config.source_options)
        applied = applied_rules(config, rules)
        if output.verbose:
            clusters = tuple(cluster for world in worlds for cluster in world)
            tell_inputs(config, clusters, rules, applied, find_lock_files(config))
            sources = follow(sources)
        auditor = Auditor(
            inspector=inspection.inspector,
            clusters=worlds[0],
            rules=applied,
            gate=config.gate,
            policy=policy,
            known=frozenset(rule.id for rule in rules),
            table=custom_resources(config),
            allow_empty=config.allow_empty,
            requirements=config.requirements,
            remedies=search(sources) if search else find_remedies(config, sources),
            on_document=shown.on_document,
            on_image=shown.on_image,
        )
        facts = auditor.read(timed(sources) if output.verbose else sources)
        reports = [auditor.report(facts, world) for world in worlds]
        wrong = changed_entries(config, inspection.inspector) if config.policy_base else ()
        reports = [
            _completed(report, config, sources, inspection.remarks(), wrong) for report in reports
        ]
    if output.verbose:
        for report in reports:
            tell_outcome(report)
    return tuple(reports)


def _completed(
    report: Report,
    config: Config,
    sources: Sequence[Source],
    remarks: Sequence[str],
    wrong: Sequence[Problem],
) -> Report:
    """Add to a report what its sources, registries and configuration say."""
    notices = (*config.notices, *remarks, *report.notices, *notices_of(sources))
    return replace(
        report,
        notices=notices + (config.policy_base.notices if config.policy_base else ()),
        problems=(*report.problems, *wrong),
        unaudited=report.unaudited + _unfollowed(sources),
    )


def _unfollowed(sources: Iterable[Source]) -> int:
    """Return how many objects and files install charts that were not followed."""
    return sum(source.unfollowed for source in sources if isinstance(source, OpenedSource))


def notices_of(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the notices of sources that were read."""
    opened = (source for source in sources if isinstance(source, OpenedSource))
    return tuple(notice for source in opened for notice in source.notices)


def find_workload(report: Report, name: str) -> tuple[Assessment, ...]:
    """Find the workloads called NAME or KIND/NAME. Raises `UsageError` with a suggestion."""
    by_name: dict[str, list[Assessment]] = {}
    for assessment in report.assessments:
        ref = assessment.workload.ref
        for key in {ref.name, str(ref), str(ref).lower(), f"{ref.namespace}/{ref.name}"}:
            by_name.setdefault(key, []).append(assessment)
    if name in by_name:
        return tuple(by_name[name])
    names = unique(str(item.workload) for item in report.assessments)
    known = f"workloads: {listed(names, limit=_NAMED)}" if names else "there are no workloads"
    raise UsageError(f'no workload "{name}"', hint=suggestion(name, by_name) or known)


def list_workloads(config: Config) -> list[str]:
    """Return the workloads of the sources as NAME and as KIND/NAME, without querying registries."""
    sources = open_sources(config.sources, config.source_options)
    found = take_inventory(sources, table=custom_resources(config)).workloads
    return sorted({str(workload.ref) for workload in found} | {item.ref.name for item in found})


def run_baseline(config: Config, output: WatchFlags) -> int:
    """Write the baseline of every area; return the exit code."""
    policy = make_policy(config, baselines=False)
    report = run_audit(config, output, tell=True, policy=policy)
    if report.problems and not report.assessments:
        tell("no baseline was written: nothing could be audited")
        return EXIT_INCOMPLETE
    for path, scopes in _by_baseline(config, policy):
        old = read_baseline(path) if path.is_file() else None
        findings = _findings(report, policy, scopes)
        failed = report.problems or report.accepted
        whole = all(scope.whole for scope in scopes) and not failed
        audited = None if whole else audited_paths(report.assessments, scopes)
        baseline = make_baseline(shown_path(path), findings, old, audited)
        verb = "unchanged:" if baseline == old else "wrote"
        if baseline != old:
            write_text(format_baseline(baseline), path)
        kept = len(baseline.entries) - len(findings)
        rest = f", {kept} of them outside of the audited sources" if kept else ""
        say(f"{verb} {shown_path(path)} ({count(len(baseline.entries), 'finding')}{rest})")
    return EXIT_INCOMPLETE if report.problems else EXIT_CLEAN


def without_stale_entries(config: Config, output: WatchFlags) -> Report:
    """Run an audit, then remove baseline entries that no longer match a finding."""
    config = replace(config, ignores=replace(config.ignores, stale=False))
    policy = make_policy(config)
    report = run_audit(config, output, policy=policy)
    notices = tuple(_prune(config, policy, report)) if config.ignores.wanted else ()
    return replace(report, notices=(*report.notices, *notices))


def _prune(config: Config, policy: Policy, report: Report) -> Iterator[str]:
    """Remove stale entries from the baselines and yield notices about it."""
    failed = report.problems or report.accepted
    audited = Audited(report.assessments, report.rules, frozenset(), complete=not failed)
    if not audited.settled:
        yield "the baseline was not updated: a source, image or placement could not be resolved"
        return
    for path, scopes in _by_baseline(config, policy):
        baseline = next((scope.baseline for scope in scopes if scope.baseline), None)
        if baseline is None:
            continue
        kept, stale = _without_stale(baseline, scopes, report)
        if stale:
            write_text(format_baseline(kept), path)
            removed = "1 entry" if stale == 1 else f"{stale} entries"
            yield f"removed {removed} from {baseline.path} that matched no finding"


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
    """Return the baseline files, each with its scopes."""
    grouped: dict[Path, list[Scope]] = {}
    for area, scope in zip(config.areas, policy.scopes, strict=True):
        grouped.setdefault(baseline_path(config, area), []).append(scope)
    return [(path, tuple(scopes)) for path, scopes in grouped.items()]


def _findings(report: Report, policy: Policy, scopes: Sequence[Scope]) -> list[Finding]:
    """Return the findings for a baseline; findings about ignores are excluded."""
    about_ignores = {rule.id for rule in report.rules if rule.check is IGNORE_LAPSE}
    return [
        finding
        for finding in report.findings
        if finding.rule not in about_ignores
        and scope_of(finding.observation.workload.document, policy.scopes) in scopes
    ]
