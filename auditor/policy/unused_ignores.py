"""Find ignores that silence nothing or give no reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from enum import Enum
from typing import Final

from msgspec import Struct

from auditor.checks.assessment import Assessment
from auditor.checks.findings import Consequence, Observation
from auditor.checks.rulebook import Rule
from auditor.checks.wording import listed
from auditor.files.strict import suggestion
from auditor.kubernetes.manifests import Document, Location, ObjectRef
from auditor.kubernetes.pod_spec import Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.policy.baseline import AcceptEntry, IgnoreEntry, split_stale
from auditor.policy.ignores import (
    Scope,
    Silences,
    Statement,
    Use,
    read_comments,
    scope_of,
    statements_on,
)
from auditor.scheduling.placement import Verdict

_REMOVE: Final = "remove it, so that it cannot hide the next finding"


class Lapse(Enum):
    """What a statement lacks. The value is a rule parameter."""

    EFFECT = "effect"
    REASON = "reason"


class Audited(Struct, frozen=True):
    """What was audited, to find out which ignores are unused.

    Attributes:
        rules: The rules that were applied.
        known: The ids of all rules; empty if not available.
        complete: Whether every source could be read.
        accepting: The locations of the `accept` entries that accept a part.
    """

    assessments: Sequence[Assessment]
    rules: Sequence[Rule]
    known: frozenset[str]
    complete: bool = True
    accepting: frozenset[Location] = frozenset()

    @property
    def applied(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.rules)

    @property
    def settled(self) -> bool:
        """Whether unknown platforms cannot hide any findings."""
        return self.complete and all(map(is_settled, self.assessments))


def is_settled(assessment: Assessment) -> bool:
    """Return whether all images of a workload are resolved and all placements decided."""
    undecided = any(fit.placement.verdict is Verdict.UNDECIDED for fit in assessment.fits)
    return not assessment.unresolved and not undecided


def find_lapses(
    audited: Audited, scopes: Sequence[Scope], silences: Silences, today: date
) -> Iterator[tuple[Lapse, Observation]]:
    """Yield the problems of statements and ignore entries, each once for all renderings."""
    seen: set[tuple[Lapse, object]] = set()
    for lapse, statement, about in _statement_problems(audited, silences.used, scopes):
        if (lapse, statement.key) not in seen:
            seen.add((lapse, statement.key))
            yield lapse, about
    for scope in scopes:
        for entry in scope.entries:
            for about in _unused_entries(entry, scope, audited, silences.used, today):
                yield Lapse.EFFECT, about
        for accepting in scope.accepted:
            for about in _unused_acceptance(accepting, scope, audited, today):
                yield Lapse.EFFECT, about


def _statement_problems(
    audited: Audited, used: Collection[Use], scopes: Sequence[Scope]
) -> Iterator[tuple[Lapse, Statement, Observation]]:
    placed: set[object] = set()
    for assessment in audited.assessments:
        workload = assessment.workload
        for item in statements_on(workload):
            placed.add(item.key)
            if not scope_of(workload.document, scopes).honours(item):
                continue  # it may be used in another scope
            if problem := _problem(item, assessment, audited, used):
                yield Lapse.EFFECT, item, _about(item, workload, *problem)
            elif not item.reason and any((item.key, rule) in used for rule in item.rules):
                yield Lapse.REASON, item, _about(item, workload, "gives no reason", *_UNDOCUMENTED)
    for document in dict.fromkeys(item.workload.document for item in audited.assessments):
        for item in read_comments(document):
            if item.key not in placed:
                owner = steering_workload(document, "Comment", item.location.line)
                yield Lapse.EFFECT, item, _about(item, owner, *_OUTSIDE)


_UNDOCUMENTED: Final = (
    "readers cannot tell whether it still applies",
    "write the reason after it",
)
_OUTSIDE: Final = (
    "silences nothing: it is outside of every workload",
    "a comment applies to the object that contains it",
    "move it into the object that it is about",
)


def _problem(
    item: Statement, assessment: Assessment, audited: Audited, used: Collection[Use]
) -> tuple[str, str, str] | None:
    """Return the message, why and fix for a statement, if it has a problem."""
    if item.mistake:
        return item.mistake, "so it silences nothing", "correct it"
    unknown = [rule for rule in item.rules if rule not in audited.known]
    if unknown and audited.known:
        advice = suggestion(unknown[0], audited.known) or "`podfit rules` lists all rules"
        return f"names an unknown rule: {listed(unknown)}", "so it silences nothing", advice
    unused = [
        rule for rule in item.rules if rule in audited.applied and (item.key, rule) not in used
    ]
    if not unused or not is_settled(assessment):
        return None
    what = "silences nothing"
    if len(unused) < len(item.rules):
        what += f" with {listed(unused)}"
    return what, f"{assessment.workload} has no such finding", _REMOVE


def _about(item: Statement, workload: Workload, what: str, why: str, fix: str) -> Observation:
    return _observation(
        workload, f"`{item.text}` {what}", item.location, why, fix, aspect=",".join(item.rules)
    )


def _unused_entries(
    entry: IgnoreEntry, scope: Scope, audited: Audited, used: Collection[Use], today: date
) -> Iterator[Observation]:
    names = listed(f"`{rule}`" for rule in entry.rules)
    if entry.expired(today):
        what = f"the ignore of {names} expired on {entry.expires}"
        why = f"it no longer silences anything; its reason was: {entry.reason}"
        fix = "fix the finding, or set another date"
    else:
        unused = [
            r for r in entry.rules if r in audited.applied and (entry.location, r) not in used
        ]
        if not unused or not scope.whole or not audited.settled:
            return
        what = f"the ignore of {listed(f'`{rule}`' for rule in unused)} silences nothing"
        why, fix = "the audit has no such finding", _REMOVE
    yield _in_configuration(scope, entry.location, what, why, fix, aspect=",".join(entry.rules))


def _unused_acceptance(
    entry: AcceptEntry, scope: Scope, audited: Audited, today: date
) -> Iterator[Observation]:
    names = listed(f"`{part}`" for part in entry.parts)
    if entry.expired(today):
        what = f"the acceptance of {names} expired on {entry.expires}"
        why = f"the parts count as not audited again; its reason was: {entry.reason}"
        fix = "resolve why they cannot be audited, or set another date"
    elif scope.whole and entry.location not in audited.accepting:
        what = f"the acceptance of {names} accepts nothing"
        why = "everything that it covers was audited"
        fix = "remove it, so that it cannot hide what is not audited next"
    else:
        return
    yield _in_configuration(scope, entry.location, what, why, fix, aspect=",".join(entry.parts))


def _in_configuration(
    scope: Scope, location: Location, what: str, why: str, fix: str, aspect: str
) -> Observation:
    document = scope.config or Document(location.path, "", "")
    owner = steering_workload(document, "Configuration", location.line)
    return _observation(owner, what, location, why, fix, aspect=aspect)


def find_stale_baselines(
    audited: Audited, scopes: Sequence[Scope], silences: Silences
) -> Iterator[tuple[Lapse, Observation]]:
    """Yield one observation for each baseline file with stale entries."""
    if not audited.settled:
        return
    files = {scope.baseline.path: scope.baseline for scope in scopes if scope.baseline}
    for path, baseline in files.items():
        own = [scope for scope in scopes if scope.baseline and scope.baseline.path == path]
        paths = audited_paths(audited.assessments, own)
        whole = all(scope.whole for scope in own)
        _, stale = split_stale(baseline, silences.baselined[path], paths, whole=whole)
        if stale:
            match = "1 entry matches" if stale == 1 else f"{stale} entries match"
            about = _observation(
                steering_workload(Document(path, "", ""), "Baseline", 0),
                f"{match} no finding any more",
                Location(path),
                "the findings are gone",
                "`podfit audit --update-baseline` removes stale entries",
            )
            yield Lapse.EFFECT, about


def audited_paths(assessments: Iterable[Assessment], scopes: Sequence[Scope]) -> frozenset[str]:
    """Return the stable paths of the documents of some scopes that contain workloads."""
    documents = {item.workload.document for item in assessments}
    return frozenset(
        document.stable_path for document in documents if scope_of(document, scopes) in scopes
    )


def steering_workload(document: Document, kind: str, ordinal: int) -> Workload:
    """Return a stand-in workload for a comment, configuration entry or baseline."""
    return Workload(
        ref=ObjectRef("podfit.dev/v1", kind, "", document.path),
        location=Location(document.path),
        pod_location=Location(document.path),
        containers=(),
        scheduling=Scheduling(),
        labels={},
        annotations={},
        hooks=(),
        document=document,
        ordinal=ordinal,
        nth=ordinal,
    )


def _observation(
    workload: Workload, message: str, location: Location, why: str, fix: str, aspect: str = ""
) -> Observation:
    return Observation(
        workload=workload,
        message=message,
        location=location,
        why=why,
        fix=fix,
        consequence=Consequence.NONE,
        aspect=aspect,
    )
