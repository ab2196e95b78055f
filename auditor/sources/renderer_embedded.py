"""Helm inside podfit: the library of the extra `podfit[helm]`, in a process of its own."""

from __future__ import annotations

import importlib.util
from functools import partial
from pathlib import Path
from typing import Any, Final

from auditor.sources.options import HelmOptions
from auditor.sources.processes.worker import Worker
from auditor.sources.rendering import (
    NO_VALUES,
    Cause,
    Dependency,
    Rendered,
    RenderError,
    Values,
    warnings_in,
)
from auditor.sources.splitting import normalise
from auditor.sources.values import apply_set, drop_digits, keep_digits, merge
from auditor.sources.values_files import read_values_file

_QUICK_SECONDS: Final = 10.0
"""For what runs no template: parsing values, reading Chart.yaml."""
_NOTES: Final = "templates/NOTES.txt"


def is_installed() -> bool:
    return importlib.util.find_spec("helm_python") is not None


class EmbeddedRenderer:
    """Helm's library. All charts of a run share one process, made when it is first needed."""

    def __init__(self) -> None:
        self._worker = Worker()
        self._quickly = partial(self._worker.ask, timeout=_QUICK_SECONDS)

    def close(self) -> None:
        """End the process; the next call makes another."""
        self._worker.close()

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        self._quickly("validate_release_name", name=options.release_name)
        values = self._compose(options, overlay)
        try:
            return self._render(chart, values, options)
        except RenderError as error:
            plain = drop_digits(values)
            if error.cause is not Cause.REFUSED or plain == values:
                raise
            return self._render(chart, plain, options)

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        listed = self._quickly("list_dependencies", chart=str(chart.absolute()))
        return tuple(Dependency(item["name"], item["version"], item["status"]) for item in listed)

    def _render(self, chart: Path, values: dict[str, Any], options: HelmOptions) -> Rendered:
        settings = {
            "name": options.release_name,
            "namespace": options.namespace or "default",
            "kube_version": options.kube_version,
            "api_versions": options.api_versions,
        }
        texts: dict[str, str] = self._worker.ask(
            "render",
            options.timeout,
            chart=str(chart.absolute()),
            values=values,
            options={key: value for key, value in settings.items() if value},
        )
        templates = {
            name: normalise(texts[name]) for name in sorted(texts) if not name.endswith(_NOTES)
        }
        own = (text for name, text in texts.items() if name.partition("/")[2] == _NOTES)
        return Rendered(
            {name: text for name, text in templates.items() if text},
            next(own, ""),
            warnings_in(self._worker.log()),
        )

    def _compose(self, options: HelmOptions, overlay: Values) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in options.values_files:
            for text in read_values_file(name):
                values = merge(values, self._quickly("read_values", text=text))
        values = merge(values, dict(overlay))
        for call, expressions in (
            ("parse_set", options.set_values),
            ("parse_set_string", options.set_strings),
        ):
            for expression in expressions:
                values = apply_set(values, expression, partial(self._parse, call))
        return values

    def _parse(self, call: str, expression: str) -> dict[str, Any]:
        try:
            parsed: dict[str, Any] = keep_digits(self._quickly(call, expression=expression))
        except RenderError as error:
            flag = call.removeprefix("parse_").replace("_", "-")
            raise RenderError(
                error.cause, f"failed parsing --{flag} data: {error.text}: {expression}"
            ) from error
        return parsed
