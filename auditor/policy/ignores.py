"""`Statement`: what a comment or an annotation says about the findings of a workload.

Annotations on a workload or its pod template: `ignore.podfit.dev/<rule>: "reason"`.

Comments in manifests and templates: `# podfit: ignore[rule-a, rule-b] reason`.

Helm renders text, so a comment in a template is still there when its output is read; one within
`{{/* */}}` is not.

`Scope`: what the user says about the findings in everything below one folder.

Which findings are silenced: by comment, annotation, configuration, baseline, in that order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Final

from msgspec import Struct

from auditor.checks.findings import Finding, Severity
from auditor.errors import shorten
from auditor.files.paths import covers
from auditor.kubernetes.manifests import Document, Location
from auditor.kubernetes.workloads import IGNORE_ANNOTATION, Workload
from auditor.policy.baseline import Baseline, IgnoreEntry

_SEPARATOR: Final = re.compile(r"(---|\.\.\.)(\s|$)")


class Layer(Enum):
    """Where a finding is silenced, in the order in which the layers are asked. Used in JSON."""

    COMMENT = "comment"
    ANNOTATION = "annotation"
    CONFIG = "config"
    BASELINE = "baseline"


class Statement(Struct, frozen=True):
    """One comment or annotation.

    text: as it is written, without the reason. rules: as written. reason: the user's words, or "".
    mistake: why it silences nothing, as a clause after "it"; "" where it is well written.
    """

    layer: Layer
    text: str
    rules: tuple[str, ...]
    reason: str
    location: Location
    document: Document
    mistake: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """The same for the same statement in several renderings of its template."""
        return (self.layer, self.document.stable_path, self.text, self.reason)


@lru_cache(maxsize=8)
def split_lines(text: str) -> tuple[str, ...]:
    """The lines of a text; the workloads of a document ask for them one after the other."""
    return tuple(text.split("\n"))


def lines_of(workload: Workload) -> range:
    """The lines, from 1, of a workload's object in the text of its document.

    From the comments above its first line to the next `---`; for an item of a list, to the next
    item.
    """
    lines = split_lines(workload.document.text)
    first = workload.location.line
    indent = workload.location.column - 1
    start = first
    while start > 1 and _is_loose(lines[start - 2]):
        start -= 1
    if start > 1 and _SEPARATOR.match(lines[start - 2]):
        start -= 1  # a comment may stand behind the dashes
    end = first + 1
    while end <= len(lines) and not _ends(lines[end - 1], indent):
        end += 1
    if end <= len(lines) and not _SEPARATOR.match(lines[end - 1]):
        while _is_loose(lines[end - 2]):  # what stands above the next item belongs to that
            end -= 1
    return range(start, end)


def _is_loose(line: str) -> bool:
    """Blank, or a comment and nothing else."""
    return not line.strip() or line.lstrip().startswith("#")


def _ends(line: str, indent: int) -> bool:
    if _SEPARATOR.match(line):
        return True
    return not _is_loose(line) and len(line) - len(line.lstrip()) < indent


def annotations_on(workload: Workload) -> tuple[Statement, ...]:
    """What the annotations of a workload say to podfit: a statement for each rule."""
    return tuple(_found_in_annotation(workload))


def _found_in_annotation(workload: Workload) -> Iterator[Statement]:
    for key, value in workload.annotations.items():
        if key.startswith(IGNORE_ANNOTATION):
            rule = key.removeprefix(IGNORE_ANNOTATION)
            mistake = "" if rule else f"names no rule; write `{IGNORE_ANNOTATION}<rule>: reason`"
            yield Statement(
                layer=Layer.ANNOTATION,
                text=key,
                rules=(rule,),
                reason=value.strip(),
                location=_place(workload, key),
                document=workload.document,
                mistake=mistake,
            )


def _place(workload: Workload, key: str) -> Location:
    """Where the annotation stands; the object where its text is not found as it is."""
    document = workload.document
    lines = split_lines(document.text)
    for number in lines_of(workload):
        if (column := lines[number - 1].find(key)) >= 0:
            return document.place(number, column + 1)
    return workload.location


_COMMENT: Final = re.compile(
    r"(?:^|(?<=\s))#[ \t]*podfit(?P<said>:.*|[ _-]+ignore\b.*)", re.IGNORECASE
)
"""What is meant for podfit, well written or not; it is not podfit of which other words speak."""
_IGNORE: Final = re.compile(r":\s*ignore\s*\[(?P<rules>[^\]]*)\](?P<reason>.*)", re.IGNORECASE)
_ANOTHER: Final = re.compile(r"(?:^|\s)#\s")
"""A comment of another tool in the same line; `#123` in a reason is none."""
_HOW: Final = "write `# podfit: ignore[rule] reason`"
_SHOWN: Final = 60


@lru_cache(maxsize=256)
def read_comments(document: Document) -> tuple[Statement, ...]:
    """Everything that is said to podfit in the comments of a document, in its order."""
    if "podfit" not in document.text.lower():
        return ()
    return tuple(_found_in_comment(document))


def comments_on(workload: Workload) -> tuple[Statement, ...]:
    """The comments within a workload's object, or directly above it."""
    comments = read_comments(workload.document)
    if not comments:
        return ()
    lines = lines_of(workload)
    return tuple(item for item in comments if item.location.line in lines)


def _found_in_comment(document: Document) -> Iterator[Statement]:
    for number, line in enumerate(split_lines(document.text), 1):
        if match := _COMMENT.search(line):
            place = document.place(number, match.start() + 1)
            yield _statement(line[match.start() :], match["said"], place, document)


def _statement(comment: str, said: str, place: Location, document: Document) -> Statement:
    match = _IGNORE.match(said)
    if match is None:
        mistake = f"is not what podfit understands; {_HOW}"
        return Statement(Layer.COMMENT, shorten(comment, _SHOWN), (), "", place, document, mistake)
    rules = tuple(rule.strip() for rule in match["rules"].split(",") if rule.strip())
    mistake = ""
    if not rules:
        mistake = f"names no rule; {_HOW}"
    elif "*" in rules:
        mistake = "would silence every rule; name those that are meant"
    reason = _ANOTHER.split(match["reason"])[0].lstrip("-: ").rstrip()
    text = comment[: comment.index("]") + 1]
    return Statement(Layer.COMMENT, text, rules, reason, place, document, mistake)


@dataclass(frozen=True, slots=True)
class Scope:
    """A repository, or another folder, with its own configuration.

    root: absolute. entries: `ignore` of the configuration. caps: the most severe that findings
    below a glob may be. config: the configuration itself, for messages about its entries. whole:
    all of the folder was audited, so what concerns no finding is stale. streams: it speaks for
    standard input too. honours: whether a comment or annotation counts.
    """

    root: str
    entries: tuple[IgnoreEntry, ...] = ()
    caps: tuple[tuple[str, Severity], ...] = ()
    baseline: Baseline | None = None
    config: Document | None = None
    whole: bool = False
    streams: bool = False
    honours: Callable[[Statement], bool] = field(default=lambda _: True, compare=False)

    def cap(self, severity: Severity, document: Document) -> Severity:
        """A severity as it counts in a document: the first glob that covers it decides."""
        for glob, most in self.caps:
            if covers(glob, document.stable_path):
                return min(severity, most)
        return severity


NO_SCOPE: Final = Scope("")


def scope_of(document: Document, scopes: Iterable[Scope]) -> Scope:
    """The scope with the innermost folder around a document; one without settings for any other."""
    if not document.home:
        return next((scope for scope in scopes if scope.streams), NO_SCOPE)
    path = PurePath(document.home, document.identity)
    around = [scope for scope in scopes if path.is_relative_to(scope.root)]
    return max(around, key=lambda scope: len(PurePath(scope.root).parts), default=NO_SCOPE)


Use = tuple[Hashable, str]
"""A statement or entry (by its key), and the rule for which it silenced a finding."""


class Silence(Struct, frozen=True):
    """Why a finding does not count. where: the place of the statement."""

    by: Layer
    reason: str
    where: str


class Silences(Struct, frozen=True):
    """What came of it.

    each: for every finding, in its order, what silenced it. used: every statement and entry that
    matched a finding, whether or not another came first. baselined: for each baseline file how
    many findings of each id it silenced.
    """

    each: tuple[Silence | None, ...]
    used: frozenset[Use]
    baselined: Mapping[str, Counter[str]]


def silence(findings: Sequence[Finding], scopes: Sequence[Scope], today: date) -> Silences:
    """Asks every layer about every finding. A baseline entry silences one finding."""
    statements = _Statements()
    budgets = {s.baseline.path: s.baseline.count() for s in scopes if s.baseline}
    baselined: dict[str, Counter[str]] = {path: Counter() for path in budgets}
    used: set[Use] = set()
    each: list[Silence | None] = []
    for finding in findings:
        scope = scope_of(finding.observation.workload.document, scopes)
        matches = list(_matches(finding, statements.of(finding), scope, today))
        used |= {(key, finding.rule) for _, key in matches}
        found = matches[0][0] if matches else None
        path = scope.baseline.path if scope.baseline else ""
        if found is None and path and budgets[path][finding.fingerprint] > 0:
            budgets[path][finding.fingerprint] -= 1
            baselined[path][finding.fingerprint] += 1
            found = Silence(Layer.BASELINE, "", path)
        each.append(found)
    return Silences(tuple(each), frozenset(used), baselined)


def statements_on(workload: Workload) -> tuple[Statement, ...]:
    """Comments, then annotations."""
    return (*comments_on(workload), *annotations_on(workload))


class _Statements:
    """The statements on each workload, read once."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[Statement, ...]] = {}

    def of(self, finding: Finding) -> tuple[Statement, ...]:
        workload = finding.observation.workload
        if id(workload) not in self._found:
            self._found[id(workload)] = statements_on(workload)
        return self._found[id(workload)]


def _matches(
    finding: Finding, statements: Sequence[Statement], scope: Scope, today: date
) -> Iterator[tuple[Silence, Hashable]]:
    for item in statements:
        if finding.rule in item.rules and not item.mistake and scope.honours(item):
            yield Silence(item.layer, item.reason, str(item.location)), item.key
    for entry in scope.entries:
        if entry.silences(finding, today):
            yield Silence(Layer.CONFIG, entry.reason, str(entry.location)), entry.location
