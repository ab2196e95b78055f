"""Dependencies that a chart declares and does not hold: it renders silently incomplete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from auditor.errors import Problem, SourceError
from auditor.sources.chart import Chart, Declaration
from auditor.sources.options import HelmOptions
from auditor.sources.rendering import NO_VALUES, Dependency, Renderer, Values
from auditor.sources.visible_values import visible_values

COMPLETE: Final = frozenset(("ok", "unpacked"))
_MISSING: Final = "missing"
_MAX_NESTING: Final = 8
_MAX_CHARTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Lack:
    """What one chart lacks of the dependencies that it declares."""

    chart: Chart
    dependencies: tuple[Dependency, ...]

    def problem(self, refusal: str = "", *, fetchable: bool = False) -> Problem:
        """The same for the user. refusal: what Helm said when it could not do without them.

        fetchable: podfit would fetch them, but was not told to.
        """
        what = f"chart {self.chart.name} is incomplete: dependencies are not in its charts/"
        listed = ", ".join(
            f"{item.name} {item.version} ({item.status})".replace("  ", " ")
            for item in self.dependencies
        )
        build = f"run `helm dependency build {self.chart.shown}`"
        hint = f"{build}, or add --dependency-update to this command" if fetchable else build
        return SourceError(
            f"{what}, and without them it cannot be rendered" if refusal else what,
            where=self.chart.shown,
            why=f"{listed}; Helm says: {refusal}" if refusal else listed,
            hint=hint if refusal else f"{hint}; the rest was audited",
        ).problem


def find_lacks(chart: Chart, options: HelmOptions, renderer: Renderer) -> tuple[Lack, ...]:
    """What a chart and the subcharts within it lack, given the options' values.

    chart: safe. Subcharts in archives are complete by the way they are made. Raises RenderError and
    SourceError.
    """
    lacks = list(_Search(renderer).lacks(chart, None))
    if not lacks:
        return ()
    values = visible_values(chart.path, options, renderer)
    return tuple(_Search(renderer).lacks(chart, values))


def lacking(
    declared: Sequence[Declaration], found: Sequence[Dependency], values: Values | None
) -> Iterator[Dependency]:
    """What is not there as declared, given the values that the chart's templates see.

    A missing dependency that is disabled is not lacking; without values none counts as disabled.
    One of another version is lacking even when disabled: Helm does not recognise it as the one that
    is declared, and renders it all the same.
    """
    for index, item in enumerate(found):
        if item.status in COMPLETE:
            continue
        declaration = declared[index] if index < len(declared) else Declaration(item.name)
        if item.status != _MISSING or values is None or is_enabled(declaration, values):
            yield item


def is_enabled(dependency: Declaration, values: Values) -> bool:
    """Whether Helm renders a dependency: its condition, else its tags, else yes.

    Of a condition's comma-separated paths the first that leads to a boolean decides
    (Helm `pkg/chart/v2/util/dependencies.go`).
    """
    for path in dependency.condition.strip().split(","):
        value = _at(values, path)
        if isinstance(value, bool):
            return value
    switches = _mapping_at(values, "tags")
    set_tags = [switches[tag] for tag in dependency.tags if isinstance(switches.get(tag), bool)]
    return any(set_tags) or not set_tags


@dataclass(slots=True)
class _Search:
    """Looks through a chart and its subcharts. left: charts that it will look at."""

    renderer: Renderer
    left: int = _MAX_CHARTS

    def lacks(self, chart: Chart, values: Values | None, nesting: int = 0) -> Iterator[Lack]:
        self.left -= 1
        if self.left < 0:
            raise SourceError(f"a chart holds more than {_MAX_CHARTS} charts", where=chart.shown)
        if chart.dependencies:
            found = self.renderer.dependencies(chart.path)
            if missing := tuple(lacking(chart.dependencies, found, values)):
                yield Lack(chart, missing)
        if nesting >= _MAX_NESTING:
            return
        for subchart in chart.subcharts():
            named = [item for item in chart.dependencies if item.name == subchart.name]
            for declaration in named or [Declaration(subchart.name)]:
                if values is None:
                    yield from self.lacks(subchart, None, nesting + 1)
                elif is_enabled(declaration, values):
                    below = _mapping_at(values, declaration.called)
                    yield from self.lacks(subchart, below, nesting + 1)


def _at(values: Values, path: str) -> Any:
    *parents, last = path.split(".")
    for key in parents:
        values = _mapping_at(values, key)
    return values.get(last)


def _mapping_at(values: Values, key: str) -> Values:
    value = values.get(key)
    return value if isinstance(value, Mapping) else NO_VALUES
