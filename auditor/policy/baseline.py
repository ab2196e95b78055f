"""Ignore entries of the configuration, and the baseline file.

A baseline lists the findings that existed when podfit was introduced:

    {
      "version": 1,
      "findings": [
        {
          "id": "0123456789abcdef",
          "rule": "missing-os-selector",
          "path": "charts/shop/templates/web.yaml",
          "workload": "Deployment/web",
          "containers": ["web"]
        }
      ]
    }

Findings are matched by `id` (`Finding.fingerprint`): each entry silences one finding. The other
keys are for readers. The file has no line numbers or image tags, so that unrelated edits do not
change it, and it is sorted, so that the same findings give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from auditor.checks.findings import Finding
from auditor.errors import ConfigurationError
from auditor.files.paths import covers
from auditor.files.strict import Constant, Key, ListOf, Record, Text, naming, parse_strict
from auditor.images.images import ImageReference
from auditor.images.references import parse_reference
from auditor.kubernetes.manifests import Location

Globs = tuple[str, ...]


class Match(Struct, frozen=True):
    """Globs that select findings. Each non-empty attribute must match with one of its globs.

    Attributes:
        kind: Case-insensitive.
        container: Must match every container of the finding, so that ignoring one container does
            not hide another.
        image: Must match the image of every container, with or without registry and tag.
        path: Relative to the root of the repository; a folder includes its files.
    """

    kind: Globs = ()
    name: Globs = ()
    namespace: Globs = ()
    container: Globs = ()
    image: Globs = ()
    path: Globs = ()

    def meets(self, finding: Finding) -> bool:
        workload = finding.observation.workload
        subjects = finding.observation.subjects
        return (
            _meets(tuple(map(str.lower, self.kind)), (workload.ref.kind.lower(),))
            and _meets(self.name, (workload.ref.name,))
            and _meets(self.namespace, (workload.ref.namespace,))
            and _meets_all(self.container, ((item.container,) for item in subjects))
            and _meets_all(self.image, (_image_names(item.image) for item in subjects))
            and _covers(self.path, workload.document.stable_path)
        )


class IgnoreEntry(Struct, frozen=True):
    """An entry of `ignore` in the configuration.

    Attributes:
        location: Its place in the configuration.
        expires: The last day on which it applies; None if it does not expire.
    """

    rules: tuple[str, ...]
    match: Match
    reason: str
    location: Location
    expires: date | None = None

    def expired(self, today: date) -> bool:
        return self.expires is not None and self.expires < today

    def silences(self, finding: Finding, today: date) -> bool:
        return finding.rule in self.rules and not self.expired(today) and self.match.meets(finding)


class AcceptEntry(Struct, frozen=True):
    """An entry of `accept` in the configuration: parts of the audit that may fail.

    Attributes:
        parts: Words of `errors.PARTS`.
        paths: Globs relative to the root of the repository.
        location: Its place in the configuration.
        expires: The last day on which it applies; None if it does not expire.

    """

    parts: tuple[str, ...]
    paths: Globs
    reason: str
    location: Location
    expires: date | None = None

    def expired(self, today: date) -> bool:
        return self.expires is not None and self.expires < today


def _image_names(text: str) -> tuple[str, ...]:
    reference = parse_reference(text)
    return (text, *(reference.names if isinstance(reference, ImageReference) else ()))


def _meets(globs: Globs, names: Iterable[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for name in names for glob in globs)


def _meets_all(globs: Globs, subjects: Iterable[tuple[str, ...]]) -> bool:
    """Return whether all subjects match; False without subjects, unless there are no globs."""
    if not globs:
        return True
    each = [_meets(globs, names) for names in subjects]
    return bool(each) and all(each)


def _covers(globs: Globs, path: str) -> bool:
    return not globs or any(covers(glob, path) for glob in globs)


BASELINE_NAME: Final = ".podfit-baseline.json"
VERSION: Final = 1
MAX_BYTES: Final = 16 * 2**20
WHAT: Final = "baseline"
HINT: Final = "`podfit baseline` recreates it"


class BaselineEntry(Struct, frozen=True):
    """One finding. `path` is the file, relative to the root of the repository."""

    id: str
    rule: str
    path: str
    workload: str
    containers: tuple[str, ...] = ()

    @property
    def sort_key(self) -> tuple[str, str, str]:
        return (self.path, self.rule, self.id)


class Baseline(Struct, frozen=True):
    """The findings of a baseline file. `path` is the file itself, as shown to the user."""

    path: str
    entries: tuple[BaselineEntry, ...] = ()

    def count(self) -> Counter[str]:
        """Return how many findings of each id it silences."""
        return Counter(entry.id for entry in self.entries)


def make_baseline(
    path: str,
    findings: Iterable[Finding],
    old: Baseline | None = None,
    audited: Collection[str] | None = None,
) -> Baseline:
    """Make a baseline of findings, keeping old entries of documents that were not audited.

    Entries for the same finding are copied from the old baseline, because a chart may generate
    other workload names each time.

    Args:
        audited: Paths of the audited documents; None for all.
    """
    before = old.entries if old else ()
    known = {entry.id: entry for entry in before}
    entries = [known.get(finding.fingerprint) or _entry(finding) for finding in findings]
    if audited is not None:
        entries += (entry for entry in before if entry.path not in audited)
    return Baseline(path, tuple(sorted(entries, key=lambda entry: entry.sort_key)))


def split_stale(
    baseline: Baseline, silenced: Mapping[str, int], audited: Collection[str], *, whole: bool
) -> tuple[Baseline, int]:
    """Remove the entries that match no finding, and return how many there were.

    Args:
        silenced: Number of findings silenced by each id.
        audited: Paths of the audited documents.
        whole: Whether all files were audited, so that entries for other paths are stale too.
    """
    left = Counter(silenced)
    kept = []
    for entry in baseline.entries:
        if left[entry.id] > 0:
            left[entry.id] -= 1
        elif whole or entry.path in audited:
            continue
        kept.append(entry)
    return replace(baseline, entries=tuple(kept)), len(baseline.entries) - len(kept)


def parse_baseline(text: str, path: str) -> Baseline:
    """Parse the text of a baseline file. Raises ConfigurationError with line and column."""
    documents = parse_strict(text, path, what=WHAT, hint=HINT)
    if len(documents) != 1:
        raise ConfigurationError(f"the {WHAT} is not one JSON object", where=path, hint=HINT)
    with naming(path, hint=HINT):
        return Baseline(path, _FILE.read(documents[0]))


def format_baseline(baseline: Baseline) -> str:
    findings = [asdict(entry) for entry in baseline.entries]
    value = {"version": VERSION, "findings": findings}
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _entry(finding: Finding) -> BaselineEntry:
    seen = finding.observation
    return BaselineEntry(
        id=finding.fingerprint,
        rule=finding.rule,
        path=seen.workload.document.stable_path,
        workload=str(seen.workload),
        containers=tuple(subject.container for subject in seen.subjects),
    )


def _findings(version: int, findings: tuple[BaselineEntry, ...] = ()) -> tuple[BaselineEntry, ...]:
    del version
    return findings


_TEXT: Final = Text(str)
_ENTRY: Final = Record(
    "a finding of the baseline",
    BaselineEntry,
    {
        "id": Key(_TEXT, "The fingerprint of the finding, which is compared.", required=True),
        "rule": Key(_TEXT, "The rule.", required=True),
        "path": Key(_TEXT, "The file, relative to the root of the repository.", required=True),
        "workload": Key(_TEXT, "KIND/NAME.", required=True),
        "containers": Key(ListOf(_TEXT), "The containers it is about."),
    },
)
_FILE: Final = Record(
    "the baseline",
    _findings,
    {
        "version": Key(Constant(VERSION, "the version of a baseline"), "1.", required=True),
        "findings": Key(ListOf(_ENTRY), "The silenced findings.", required=True),
    },
)
