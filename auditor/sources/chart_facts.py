"""What all variants of a chart share, established once: safe copies, missing dependencies."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from auditor.errors import Problem
from auditor.sources.chart import Chart
from auditor.sources.chart_safety import made_safe, without_files
from auditor.sources.nondeterminism import RandomTemplates, find_random_templates
from auditor.sources.rendering import Dependency
from auditor.sources.template_graph import TemplateGraph

_T = TypeVar("_T")


class ChartFacts:
    """The facts about one chart. Copies are deleted with this object.

    Attributes:
        dependencies: The declared dependencies by the path of their chart.
    """

    def __init__(self) -> None:
        self.dependencies: dict[Path, tuple[Dependency, ...]] = {}
        self._known: dict[Hashable, Any] = {}
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.RLock] = {}
        self._copies = ExitStack()
        weakref.finalize(self, self._copies.close)

    def once(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return the value of a key; one thread makes it on first use. Errors are not kept."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.RLock())
        with lock:
            if key not in self._known:
                self._known[key] = make()
            known: _T = self._known[key]
            return known

    def safe(self, chart: Chart) -> tuple[Chart, tuple[Problem, ...]]:
        """Return the chart, or its safe copy and its problems. Raises SourceError."""
        return self.once(("safe", chart.path), lambda: self._copies.enter_context(made_safe(chart)))

    def without(self, chart: Path, paths: frozenset[str]) -> Path:
        """Return a copy of a chart without these files. Raises SourceError."""
        if not paths:
            return chart
        return self.once(
            ("without", chart, paths),
            lambda: self._copies.enter_context(without_files(chart, paths)),
        )

    def graph(self, chart: Path) -> TemplateGraph:
        return self.once(("graph", chart), lambda: TemplateGraph.read(chart))

    def random_templates(self, chart: Path) -> RandomTemplates:
        return self.once(("random", chart), lambda: find_random_templates(chart))
