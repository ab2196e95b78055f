"""`IgnoreEntry`: what the configuration silences: whole folders, charts that cannot be edited.

The baseline: findings that were there when podfit was introduced, to be looked at later.

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

Only `id` counts (`Finding.fingerprint`), as often as it stands there; the rest is for readers. It
holds no lines and no image tags, so that unrelated edits do not touch it, and is sorted, so that
the same findings give the same bytes.
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
    """Globs that a finding must meet, each kind with any of its own; () is met by everything.

    kind: in any case. container, image: of every container that the finding is about, so that one
    ignored container does not hide another. image: with or without registry and tag. path: from the
    root of the repository; a folder stands for all that is in it.
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
            and _lies_in(self.path, workload.document.stable_path)
        )


class IgnoreEntry(Struct, frozen=True):
    """One entry of `ignore` in the configuration.

    expires: the last day on which it holds; None for ever. location: in the configuration.
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


def _image_names(text: str) -> tuple[str, ...]:
    reference = parse_reference(text)
    return (text, *(reference.names if isinstance(reference, ImageReference) else ()))


def _meets(globs: Globs, names: Iterable[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for name in names for glob in globs)


def _meets_all(globs: Globs, subjects: Iterable[tuple[str, ...]]) -> bool:
    """A finding about no container in particular is about none that is named."""
    if not globs:
        return True
    each = [_meets(globs, names) for names in subjects]
    return bool(each) and all(each)


def _lies_in(globs: Globs, path: str) -> bool:
    return not globs or any(covers(glob, path) for glob in globs)


BASELINE_NAME: Final = ".podfit-baseline.json"
VERSION: Final = 1
MAX_BYTES: Final = 16 * 2**20
WHAT: Final = "baseline"
HINT: Final = "`podfit baseline` writes it anew"


class BaselineEntry(Struct, frozen=True):
    """One finding. path: of its document, from the root of the repository."""

    id: str
    rule: str
    path: str
    workload: str
    containers: tuple[str, ...] = ()

    @property
    def sort_key(self) -> tuple[str, str, str]:
        return (self.path, self.rule, self.id)


class Baseline(Struct, frozen=True):
    """The findings of a baseline file. path: of the file, as the user would write it."""

    path: str
    entries: tuple[BaselineEntry, ...] = ()

    def count(self) -> Counter[str]:
        """How many findings of each id it silences."""
        return Counter(entry.id for entry in self.entries)


def make_baseline(
    path: str,
    findings: Iterable[Finding],
    old: Baseline | None = None,
    audited: Collection[str] | None = None,
) -> Baseline:
    """The baseline of these findings, and of the old one where nothing was looked for.

    audited: paths of the documents that were read; None for all there are. Entries that are in the
    old one are kept as they are: a chart may give its workloads another name each time.
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
    """The baseline without entries that no finding needs any more, and how many those are.

    silenced: how many findings each id silenced. audited: paths of the documents that were read;
    whole: everything was, so an entry of any other path is of a file that is gone.
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
    """The baseline in the text of a file. Raises `ConfigurationError` with line and column."""
    documents = parse_strict(text, path, what=WHAT, hint=HINT)
    if len(documents) != 1:
        raise ConfigurationError(f"the {WHAT} is not one JSON object", where=path, hint=HINT)
    with naming(path, hint=HINT):
        return Baseline(path, _FILE.read(documents[0]))


def format_baseline(baseline: Baseline) -> str:
    """The text of a baseline file."""
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
        "id": Key(_TEXT, "The fingerprint of the finding: all that counts.", required=True),
        "rule": Key(_TEXT, "The rule.", required=True),
        "path": Key(_TEXT, "The file, from the root of the repository.", required=True),
        "workload": Key(_TEXT, "KIND/NAME.", required=True),
        "containers": Key(ListOf(_TEXT), "The containers it is about."),
    },
)
_FILE: Final = Record(
    "the baseline",
    _findings,
    {
        "version": Key(Constant(VERSION, "the version of a baseline"), "1.", required=True),
        "findings": Key(ListOf(_ENTRY), "What is silenced.", required=True),
    },
)
