"""A chart rendered with other values, and the workloads in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.errors import Problem
from auditor.manifests import Document
from auditor.remedies.budget import Budget
from auditor.remedies.judging import Judging
from auditor.remedies.keys import Key, overlay
from auditor.sources.options import HelmOptions
from auditor.sources.rendering import Renderer, Values
from auditor.workloads import Workload

WorkloadId = tuple[str, str, int, str]
"""Names a workload in every rendering: template, kind, place among its kind there, component."""


def workload_id(workload: Workload) -> WorkloadId:
    """Names are left out: 34 of 506 charts make up new ones each time."""
    return workload.document.template, workload.ref.kind, workload.nth, workload.component


@dataclass(frozen=True, slots=True)
class Reading:
    """What rendered texts hold: workloads, and a number of things that nobody can read."""

    workloads: Mapping[WorkloadId, Workload]
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class ChartView:
    """A chart as it is rendered for an audit, and what its templates see as `.Values`.

    names: of the objects that were audited, which tell them from objects that other values add.
    """

    name: str
    path: Path
    options: HelmOptions
    renderer: Renderer
    values: Values
    judging: Judging
    names: Mapping[WorkloadId, str] = field(default_factory=dict)

    def render(self, changes: Mapping[Key, object], budget: Budget) -> Mapping[str, str]:
        """Texts by template, with some keys changed.

        Raises RenderError where Helm refuses the chart, and SpentError where it did not get so far.
        """
        with budget.rendering(self.options.timeout) as seconds:
            options = replace(self.options, timeout=seconds)
            made = self.renderer.render(self.path, options, overlay(self.values, changes))
        return made.templates

    def read(self, texts: Mapping[str, str]) -> Reading:
        """The workloads in rendered texts, by what names them in the audit."""
        namespace = self.options.namespace or "default"
        found: list[Workload] = []
        unreadable = 0
        for template, text in texts.items():
            document = Document(
                template, text, "", chart=template, namespace=namespace, template=template
            )
            for item in self.judging.read(document):
                if isinstance(item, Problem):
                    unreadable += 1
                else:
                    found.append(item)
        return Reading(dict(self._identified(found)), unreadable)

    def _identified(self, found: Iterable[Workload]) -> Iterator[tuple[WorkloadId, Workload]]:
        kinds: dict[tuple[str, str], list[Workload]] = {}
        for item in found:
            kinds.setdefault(workload_id(item)[:2], []).append(item)
        for kind, items in kinds.items():
            known = {own[2]: name for own, name in self.names.items() if own[:2] == kind}
            places = _same_places({item.nth: item.ref.name for item in items}, known)
            for item in items:
                yield (*kind, places[item.nth], item.component), item


def _same_places(found: Mapping[int, str], known: Mapping[int, str]) -> dict[int, int]:
    """For each object of a kind its place in the audit, or one that no object had there.

    A name tells, where it is the only one; of the others the order does, if none is too many.
    """
    names = Counter(found.values()), Counter(known.values())
    named = {name: place for place, name in known.items() if names[1][name] == 1}
    same = {
        place: named[name] for place, name in found.items() if name in named and names[0][name] == 1
    }
    left = [place for place in found if place not in same]
    open_ = [place for place in known if place not in same.values()]
    if len(left) != len(open_) and known:
        first = max(known) + 1
        open_ = list(range(first, first + len(left)))
    return same | dict(zip(left, open_ or left, strict=True))
