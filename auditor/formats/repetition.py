"""What one finding after the other says in the same words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from auditor.findings import Finding
from auditor.formats.words import shown_with

_SHORT: Final = 60
"""Characters that are quicker to read than to look up."""


def repetitions(findings: Iterable[Finding]) -> Iterator[Mapping[str, str]]:
    """For each finding, what it shares word for word with an earlier one of its rule.

    By the label of the note: where it was said. What is short is said again.
    """
    first: dict[tuple[str, str, str], str] = {}
    for finding in findings:
        seen = finding.observation
        shared = {}
        for label, text in (("why", seen.why), ("with", shown_with(finding))):
            key = (finding.rule, label, text)
            if len(text) > _SHORT and key in first:
                shared[label] = f"as for {first[key]} above"
            first.setdefault(key, str(seen.workload))
        yield shared
