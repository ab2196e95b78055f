"""What a chart's templates see as `.Values`, subcharts' defaults, aliases and all."""

from __future__ import annotations

import base64
import json
import re
import tempfile
from pathlib import Path
from typing import Final

from auditor.errors import SourceError
from auditor.sources.archives import ArchiveError, is_archive
from auditor.sources.chart import CHART_FILE, REQUIREMENTS_FILE, SUBCHARTS
from auditor.sources.contents.chart_files import chart_files
from auditor.sources.options import HelmOptions
from auditor.sources.rendering import Cause, Rendered, Renderer, RenderError, Values

_KEPT: Final = re.compile(
    rf"(?:{SUBCHARTS}/[^/]+/)*(?:{CHART_FILE}|{REQUIREMENTS_FILE}|values\.yaml|\.helmignore)"
)
_TEMPLATE: Final = "templates/podfit-values.yaml"
_PROBE: Final = "kind: Values\nvalues: {{ .Values | toJson | b64enc }}\n"
_ANSWER: Final = re.compile(r"^values: (\S*)$", re.MULTILINE)


def visible_values(chart: Path, options: HelmOptions, renderer: Renderer) -> Values:
    """The values as Helm itself puts them together, given those of the options.

    A copy of the chart without its templates is rendered. It prints its values and nothing else:
    it is fast, and no template or schema can fail. Aliases are applied, disabled subcharts gone.
    chart: safe, so that no link leads out of it. Raises RenderError and SourceError.
    """
    with tempfile.TemporaryDirectory(prefix="podfit-values-") as name:
        copy = Path(name, "chart")
        try:
            for path, content in chart_files(chart, _is_kept):
                _write(copy / _as_folders(path), content)
            _write(copy / _TEMPLATE, _PROBE.encode())
        except (OSError, ArchiveError) as error:
            raise SourceError(
                f"{chart.as_posix()} cannot be copied", where=chart.as_posix(), why=str(error)
            ) from error
        return _read(renderer.render(copy, options))


def _is_kept(path: str) -> bool:
    return _KEPT.fullmatch(path) is not None


def _as_folders(path: str) -> str:
    """Archives become folders, which must not have the name of an archive."""
    return "/".join(f"{part}-unpacked" if is_archive(part) else part for part in path.split("/"))


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _read(rendered: Rendered) -> Values:
    for name, text in rendered.templates.items():
        if name.endswith(f"/{_TEMPLATE}") and (match := _ANSWER.search(text)):
            values: Values = json.loads(base64.b64decode(match[1]))
            return values
    raise RenderError(Cause.REFUSED, "the chart does not show its values")
