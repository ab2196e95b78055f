"""Silence findings by comment, annotation, configuration or baseline, in that order.

Annotations are on a workload or its pod template: `ignore.podfit.dev/<rule>: "reason"`.

Comments are in manifests and templates: `# podfit: ignore[rule-a, rule-b] reason`. Helm keeps such
comments in its output, but not those in `{{/* */}}`.
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
from auditor.policy.baseline import AcceptEntry, Baseline, IgnoreEntry

_SEPARATOR: Final = re.compile(r"(---|\.\.\.)(\s|$)")


class Layer(Enum):
    """What silences a finding, in order of precedence. The value is used in JSON."""

    COMMENT = "comment"
    ANNOTATION = "annotation"
    CONFIG = "config"
    BASELINE = "baseline"


class Statement(Struct, frozen=True):
    """A comment or annotation that silences findings.

    Attributes:
        text: As written, without the reason.
        rules: As written.
        reason: The user's text, or "".
        mistake: Why it is invalid, as a clause after "it"; "" if it is valid.
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
        """A key that is equal for the same statement in several renderings of a template."""
        return (self.layer, self.document.stable_path, self.text, self.reason)


@lru_cache(maxsize=8)
def split_lines(text: str) -> tuple[str, ...]:
    """Split a text into lines, cached because all workloads of a document need them."""
    return tuple(text.split("\n"))


def lines_of(workload: Workload) -> range:
    """Return the lines (from 1) of a workload's object in its document.

    They extend from the comments above its first line to the next `---`, or to the next item of a
    list.
    """
    lines = split_lines(workload.document.text)
    first = workload.location.line
    indent = workload.location.column - 1
    start = first
    while start > 1 and _is_blank_or_comment(lines[start - 2]):
        start -= 1
    if start > 1 and _SEPARATOR.match(lines[start - 2]):
        start -= 1  # a comment may follow the dashes
    end = first + 1
    while end <= len(lines) and not _ends(lines[end - 1], indent):
        end += 1
    if end <= len(lines) and not _SEPARATOR.match(lines[end - 1]):
        while _is_blank_or_comment(lines[end - 2]):  # comments above the next item belong to it
            end -= 1
    return range(start, end)


def _is_blank_or_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _ends(line: str, indent: int) -> bool:
    if _SEPARATOR.match(line):
        return True
    return not _is_blank_or_comment(line) and len(line) - len(line.lstrip()) < indent


def annotations_on(workload: Workload) -> tuple[Statement, ...]:
    """Return the statements in the annotations of a workload, one for each rule."""
    return tuple(_read_annotations(workload))


def _read_annotations(workload: Workload) -> Iterator[Statement]:
    for key, value in workload.annotations.items():
        if key.startswith(IGNORE_ANNOTATION):
            rule = key.removeprefix(IGNORE_ANNOTATION)
            mistake = "" if rule else f"has no rule id; write `{IGNORE_ANNOTATION}<rule>: reason`"
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
    """Return the location of an annotation, or of the object if its text is not found."""
    document = workload.document
    lines = split_lines(document.text)
    for number in lines_of(workload):
        if (column := lines[number - 1].find(key)) >= 0:
            return document.place(number, column + 1)
    return workload.location


_COMMENT: Final = re.compile(
    r"(?:^|(?<=\s))#[ \t]*podfit(?P<directive>:.*|[ _-]+ignore\b.*)", re.IGNORECASE
)
"""A comment meant for podfit, valid or not; other comments may mention podfit."""
_IGNORE: Final = re.compile(r":\s*ignore\s*\[(?P<rules>[^\]]*)\](?P<reason>.*)", re.IGNORECASE)
_NEXT_COMMENT: Final = re.compile(r"(?:^|\s)#\s")
"""Start of another tool's comment in the same line; `#123` in a reason does not match."""
_USAGE: Final = "write `# podfit: ignore[rule] reason`"
_MAX_SHOWN: Final = 60


@lru_cache(maxsize=256)
def read_comments(document: Document) -> tuple[Statement, ...]:
    """Return the statements in the comments of a document, in order."""
    if "podfit" not in document.text.lower():
        return ()
    return tuple(_read_comments(document))


def comments_on(workload: Workload) -> tuple[Statement, ...]:
    """Return the statements in the comments within a workload's object or directly above it."""
    comments = read_comments(workload.document)
    if not comments:
        return ()
    lines = lines_of(workload)
    return tuple(item for item in comments if item.location.line in lines)


def _read_comments(document: Document) -> Iterator[Statement]:
    for number, line in enumerate(split_lines(document.text), 1):
        if match := _COMMENT.search(line):
            place = document.place(number, match.start() + 1)
            yield _statement(line[match.start() :], match["directive"], place, document)


def _statement(comment: str, directive: str, place: Location, document: Document) -> Statement:
    match = _IGNORE.match(directive)
    if match is None:
        mistake = f"is not a valid podfit comment; {_USAGE}"
        return Statement(
            Layer.COMMENT, shorten(comment, _MAX_SHOWN), (), "", place, document, mistake
        )
    rules = tuple(rule.strip() for rule in match["rules"].split(",") if rule.strip())
    mistake = ""
    if not rules:
        mistake = f"has no rule id; {_USAGE}"
    elif "*" in rules:
        mistake = "would silence every rule; list the rules instead"
    reason = _NEXT_COMMENT.split(match["reason"])[0].lstrip("-: ").rstrip()
    text = comment[: comment.index("]") + 1]
    return Statement(Layer.COMMENT, text, rules, reason, place, document, mistake)


@dataclass(frozen=True, slots=True)
class Scope:
    """A repository or other folder with its own configuration.

    Attributes:
        root: Absolute path.
        entries: The `ignore` entries of the configuration.
        accepted: The `accept` entries of the configuration.
        caps: The maximum severity of findings in files that match a glob.
        config: The configuration file, for messages about its entries.
        whole: Whether the whole folder was audited, so that unused entries are stale.
        streams: Whether it also applies to standard input.
        honours: Returns whether a comment or annotation is effective.
    """

    root: str
    entries: tuple[IgnoreEntry, ...] = ()
    caps: tuple[tuple[str, Severity], ...] = ()
    baseline: Baseline | None = None
    config: Document | None = None
    whole: bool = False
    streams: bool = False
    honours: Callable[[Statement], bool] = field(default=lambda _: True, compare=False)
    accepted: tuple[AcceptEntry, ...] = ()

    def cap(self, severity: Severity, document: Document) -> Severity:
        """Apply the cap of the first glob that matches the document."""
        for glob, most in self.caps:
            if covers(glob, document.stable_path):
                return min(severity, most)
        return severity


NO_SCOPE: Final = Scope("")


def scope_of(document: Document, scopes: Iterable[Scope]) -> Scope:
    """Return the scope with the innermost folder around a document, or an empty scope."""
    if not document.home:
        return next((scope for scope in scopes if scope.streams), NO_SCOPE)
    path = PurePath(document.home, document.identity)
    around = [scope for scope in scopes if path.is_relative_to(scope.root)]
    return max(around, key=lambda scope: len(PurePath(scope.root).parts), default=NO_SCOPE)


Use = tuple[Hashable, str]
"""The key of a statement or entry, and the rule whose finding it silenced."""


class Silence(Struct, frozen=True):
    """Why a finding is silenced. `where` is the location of the statement."""

    by: Layer
    reason: str
    where: str


class Silences(Struct, frozen=True):
    """The result of silencing findings.

    Attributes:
        each: What silenced each finding, in order.
        used: All statements and entries that matched a finding, including those that another one
            took precedence over.
        baselined: For each baseline file, the number of findings of each id it silenced.
    """

    each: tuple[Silence | None, ...]
    used: frozenset[Use]
    baselined: Mapping[str, Counter[str]]


def silence(findings: Sequence[Finding], scopes: Sequence[Scope], today: date) -> Silences:
    """Find what silences each finding. A baseline entry silences one finding."""
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
    """Return the comments and annotations on a workload, in that order."""
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
