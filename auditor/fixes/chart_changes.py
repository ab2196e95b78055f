"""The values of each chart that resolve its findings, proved in every variant of the chart."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.findings import Guard
from auditor.errors import SourceError
from auditor.files.yaml_editing import TextEdit, YamlText, apply_edits
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.files.yaml_writing import block
from auditor.fixes.finder import Answer, ChartSearch
from auditor.fixes.paths import Key, overlay
from auditor.fixes.renderings import Judging, WorkloadId, workload_id
from auditor.fixes.repairs import Bench
from auditor.fixes.verification import Need
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.workloads import Workload
from auditor.sources.files import read_text
from auditor.sources.helm import ChartSource, Release
from auditor.sources.rendering import Values
from auditor.sources.values import more_values

_NOTE: Final = "# Written by `podfit fix`: pass it to Helm with -f, after your other values.\n"


class ChartChange(Struct, frozen=True):
    """Values for one chart, and the numbers of the needs that they resolve.

    `is_proved` tells whether they resolve them in every variant, without harm.
    """

    source: ChartSource
    values: Values
    changes: Mapping[Key, Any]
    numbers: tuple[int, ...]
    is_proved: bool = True

    @property
    def overlay(self) -> dict[str, Any]:
        """What Helm merges over the values."""
        return overlay(self.values, self.changes)

    def in_holder(self, release: Release) -> tuple[TextEdit, ...]:
        """Return the edits that add the values to the object of a release. Raises ValueError."""
        if release.holder is None or release.holder.document.rendered:
            raise ValueError("the object that installs the chart is not in a file of its own")
        *keys, last = release.values_path
        parsed = YamlText(release.holder.document.text)
        root = release.holder.root
        place = (root.line, root.column)
        held: Any = root.plain()
        for key in keys:
            held = held[int(key)] if isinstance(held, list) else (held or {}).get(key)
        known = held.get(last) if isinstance(held, Mapping) else None
        value: Any = self.overlay
        if last == "valuesContent" or (last == "values" and isinstance(known, str)):
            text = known if isinstance(known, str) else ""
            value = apply_edits(text, value_edits(text, self.overlay))
        change: dict[Any, Any] = {last: value}
        for key in reversed(keys):
            change = {key: change}
        return tuple(sorted(set(parsed.edits(place, change))))

    def written(self, path: Path) -> tuple[str | None, tuple[TextEdit, ...]]:
        """Return the text of a values file and the edits that add the values.

        Raises ValueError if it cannot be extended.
        """
        if not path.exists():
            return None, (TextEdit(0, 0, _NOTE + block(self.overlay)),)
        try:
            text = read_text(path, str(path))
        except SourceError as error:
            raise ValueError(error.problem.what) from error
        edits = value_edits(text, self.overlay)
        if _values(apply_edits(text, edits)) != _merged(_values(text), self.overlay):
            raise ValueError("its text is not plain enough")
        return text, edits


def _values(text: str) -> Any:
    root = next(iter(read_documents(text)), None)
    if isinstance(root, YamlError):
        raise ValueError(root.message)  # noqa: TRY004 - the text is wrong, not the type
    return {} if root is None else root.plain()


def _merged(base: Any, over: Any) -> Any:
    """Return values as Helm merges them: mappings by key, all else replaced."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: _merged(base.get(key), value) for key, value in over.items()}}


def value_edits(text: str, values: Mapping[str, Any]) -> tuple[TextEdit, ...]:
    """Return the edits that merge values into a text. Raises ValueError."""
    parsed = YamlText(text)
    if not parsed.roots:
        return (TextEdit(len(text), len(text), block(dict(values))),)
    root = parsed.roots[0]
    return tuple(sorted(set(parsed.edits((root.line, root.column), values))))


def chart_changes(
    search: ChartSearch, needs: Sequence[Need], proof: ValuesProof
) -> Iterator[ChartChange]:
    """Yield the values for each chart and each object that installs one.

    The values of the variants of a chart are put together if that holds.
    """
    groups: dict[Hashable, list[Answer]] = {}
    numbers: dict[int, list[int]] = {}
    for number, answers in search.answered(needs):
        for answer in answers:
            if answer.chosen and answer.need.has_home:
                groups.setdefault(_target(answer.found.source), []).append(answer)
                numbers.setdefault(id(answer.need), []).append(number)
    for target, answers in groups.items():
        sources = [item for item in search.sources if _target(item) == target]
        kept: ChartChange | None = None
        for one in dict.fromkeys(id(item.found) for item in answers):
            own = [item for item in answers if id(item.found) == one]
            wider = _with(kept, own, numbers)
            met = [need for need in needs if need.number in wider.numbers]
            if all(proof.holds(wider, source, met) for source in sources):
                kept = wider
            else:
                yield replace(_with(None, own, numbers), is_proved=False)
        if kept is not None:
            yield kept


def _target(source: ChartSource) -> Hashable:
    """Return what identifies the place of the values of a chart."""
    release = source.release
    if release is None or release.holder is None:
        return source.shown
    return id(release.holder.document), release.holder.ordinal, release.values_path


def _with(
    kept: ChartChange | None, answers: Sequence[Answer], numbers: Mapping[int, Sequence[int]]
) -> ChartChange:
    found = answers[0].found
    changes = {item.knob.key: item.setting.value for answer in answers for item in answer.chosen}
    own = {number for answer in answers for number in numbers[id(answer.need)]}
    if kept is None:
        return ChartChange(found.source, found.values, changes, tuple(sorted(own)))
    merged = {**changes, **kept.changes}
    return replace(kept, changes=merged, numbers=tuple(sorted({*own, *kept.numbers})))


class ValuesProof(Struct, frozen=True):
    """Renders charts with values, and judges the workloads.

    Attributes:
        in_place: Whether the values become defaults of the chart, which other values override.
    """

    bench: Bench
    judging: Judging
    in_place: bool = False

    def holds(self, change: ChartChange, source: ChartSource, met: Sequence[Need]) -> bool:
        """Return whether the values resolve the needs and make no workload of a variant worse."""
        assess = self.judging.assess
        text = block(change.overlay)
        with more_values(source.options, text, first=self.in_place) as options:
            changed = dataclasses.replace(source, options=options)
            before, after = (self._workloads(item) for item in (source, changed))
        wholes = {need.workload: need.whole for need in met}
        judged = {
            name: assess(item)
            for name, item in after.items()
            if name in wholes or item != before.get(name)
        }
        return before.keys() == after.keys() and all(
            not self.bench.objection(assess(before[name]), now, wholes.get(name, Guard()))
            and all(need.is_met_in(now) for need in met if need.workload == name)
            for name, now in judged.items()
        )

    def _workloads(self, source: ChartSource) -> dict[WorkloadId, Workload]:
        documents = (item for item in source.documents() if isinstance(item, Document))
        found = (item for document in documents for item in self.judging.read(document))
        return {workload_id(item): item for item in found if isinstance(item, Workload)}
