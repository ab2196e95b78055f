"""A Helm for tests: a function from values to texts, and a count of how often it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.checks.assessment import Assessment, assess
from auditor.fixes.renderings import ChartView, Judging
from auditor.kubernetes.workloads import Workload
from auditor.sources.interface import HelmOptions
from auditor.sources.rendering import (
    NO_VALUES,
    Cause,
    Dependency,
    Rendered,
    Renderer,
    RenderError,
    Values,
)
from auditor.sources.values import merge

Template = Callable[[Mapping[str, Any]], str]


@dataclass
class FakeHelm:
    """Renders each template of `shop` with the values; a template fails by `fail`."""

    templates: Mapping[str, Template]
    values: dict[str, Any] = field(default_factory=dict)
    asked: list[Values] = field(default_factory=list)

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        self.asked.append(overlay)
        values = merge(self.values, dict(overlay))
        texts = {f"shop/templates/{name}": make(values) for name, make in self.templates.items()}
        return Rendered(texts)

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        raise NotImplementedError


def fail(message: str, cause: Cause = Cause.REFUSED) -> str:
    raise RenderError(cause, message)


def pod(name: str, selector: object = None, *, field_: str = "nodeSelector") -> str:
    """A Deployment; the selector is written as JSON, which is YAML."""
    import json

    wanted = f"      {field_}: {json.dumps(selector)}\n" if selector else ""
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  template:\n"
        f"    spec:\n{wanted}      containers:\n        - name: app\n          image: nginx:1.31\n"
    )


def view(helm: Renderer, values: Values) -> ChartView:
    """A chart `shop`, whose workloads are judged without images or clusters."""
    return ChartView("shop", Path("shop"), HelmOptions(), helm, values, Judging(_nowhere))


def _nowhere(workload: Workload) -> Assessment:
    return assess(workload, {}, ())
