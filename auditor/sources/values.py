"""Chart values: merging, `--set`, values files, variants, and the effective `.Values`.

Values files come first, then `--set`, then `--set-string`, as in Helm. Helm's own reader and parser
do the parsing; this module adds what they lack, such as `--set a[1].b=c` on an existing list item
(Helm `pkg/strvals`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import Problem, SourceError
from auditor.files.paths import real_path
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.sources.chart import CHART_FILE, REQUIREMENTS_FILE, SUBCHARTS, ArchiveError, is_archive
from auditor.sources.chart_safety import chart_files
from auditor.sources.files import read_text
from auditor.sources.interface import HelmOptions, SourceOptions, Variant
from auditor.sources.rendering import Cause, Rendered, Renderer, RenderError, Values

Parse = Callable[[str], dict[str, Any]]

_LONG: Final = 1_000_000
"""Go prints a float64 from this size on with an exponent."""


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `over` merged into `base` recursively; lists are replaced, inputs are not changed."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def apply_set(base: dict[str, Any], expression: str, parse: Parse) -> dict[str, Any]:
    """Return the values with one `--set` expression applied.

    Args:
        parse: Helm's own parser; its errors pass through.
    """
    whole = parse(expression)
    combined: dict[str, Any] = {}
    result = base
    for part in split_expression(expression):
        parsed, indexes = parse(part), _count_indexes(part)
        combined = _assign(combined, parsed, indexes)
        result = _assign(result, parsed, indexes)
    # If the parts differ from what Helm read, the expression was split at the wrong places.
    return result if combined == whole else merge(base, whole)


def split_expression(expression: str) -> Iterator[str]:
    """Split an expression into assignments, at unescaped commas outside of `{...}`."""
    start, in_key, in_list = 0, True, False
    position = 0
    while position < len(expression):
        match expression[position]:
            case "\\":
                position += 1
            case "=" if in_key:
                in_key = False
                in_list = expression[position + 1 : position + 2] == "{"
            case "}" if in_list:
                in_list = False
            case "," if not in_list:
                yield expression[start:position]
                start, in_key = position + 1, True
            case _:
                pass
        position += 1
    if start < len(expression):
        yield expression[start:]


def _count_indexes(assignment: str) -> int:
    key = re.match(r"(?:\\.|[^\\=])*", assignment)
    return len(re.findall(r"(?<!\\)\[", key[0])) if key else 0


def _assign(base: Any, parsed: Any, indexes: int) -> Any:
    """Apply one parsed assignment to the existing values.

    Helm parses `a[2]=x` as `{a: [null, null, x]}`; only the last item is assigned, the others are
    padding.
    """
    if isinstance(parsed, dict):
        below = base if isinstance(base, dict) else {}
        return below | {key: _assign(below.get(key), item, indexes) for key, item in parsed.items()}
    if isinstance(parsed, list) and indexes and parsed:
        items = list(base) if isinstance(base, list) else []
        items += [None] * (len(parsed) - len(items))
        items[len(parsed) - 1] = _assign(items[len(parsed) - 1], parsed[-1], indexes - 1)
        return items
    return parsed


class Digits(str):
    """An integer passed to Helm's library as text, to keep its digits.

    Helm reads `--set image.tag=20240101` as an integer and templates print its digits. The library
    takes values as JSON, which makes it the float 2.0240101e+07.
    """

    __slots__ = ()


def keep_digits(value: Any) -> Any:
    """Return the values with long integers as `Digits`."""
    return _replaced(value, lambda item: Digits(item) if _is_long(item) else item)


def drop_digits(value: Any) -> Any:
    """Return the values with each `Digits` as a number, for schemas that require one."""
    return _replaced(value, lambda item: int(item) if isinstance(item, Digits) else item)


def _is_long(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LONG


def _replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    match value:
        case dict():
            return {key: _replaced(item, replace) for key, item in value.items()}
        case list():
            return [_replaced(item, replace) for item in value]
        case _:
            return replace(value)


_DOCUMENT_END: Final = re.compile(r"^---[ \t]*(?:#.*)?\r?$", re.MULTILINE)


def read_values_file(name: str) -> tuple[str, ...]:
    """Return the text of each document of a values file, at least one. Raises SourceError.

    Helm 4 merges them; Helm 3 and Helm's library read only the first, so each is passed separately.
    """
    documents = _DOCUMENT_END.split(read_text(Path(name), name))
    return tuple(filter(str.strip, documents)) or ("",)


def check_values_files(options: HelmOptions) -> Iterator[Problem]:
    """Report values files of several documents, which Helm 3 and Helm 4 read differently.

    Raises SourceError if a file is missing, unreadable, not YAML or not a mapping.
    """
    for name in options.values_files:
        if not Path(name).exists():
            raise SourceError(
                f"values file {name} does not exist",
                where=name,
                hint="check the path; no chart was rendered",
            )
        documents = list(read_documents(read_text(Path(name), name)))
        if not documents:
            continue
        first = documents[0]
        if isinstance(first, YamlError):
            raise SourceError(
                f"values file {name} is not YAML that Helm can read",
                where=f"{name}:{first.line}:{first.column}",
                why=first.message,
                hint="fix it; no chart was rendered",
            )
        if not first.is_mapping:
            raise SourceError(
                f"values file {name} contains {first.type_name}, not a mapping of values",
                where=f"{name}:{first.line}:{first.column}",
                hint="write it as `key: value`; no chart was rendered",
            )
        if len(documents) > 1:
            second = documents[1]
            yield SourceError(
                f"values file {name} contains several documents",
                where=f"{name}:{second.line}",
                why="podfit merges them like Helm 4; Helm 3 reads only the first",
                hint="put each document into a separate file, and pass each with -f",
            ).problem


@contextmanager
def more_values(options: HelmOptions, text: str, *, first: bool) -> Iterator[HelmOptions]:
    """Yield options with one more values file, before or after the others."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="podfit-values-") as folder:
        path = Path(folder) / "values.yaml"
        path.write_text(text, encoding="utf-8")
        files = options.values_files
        more = (str(path), *files) if first else (*files, str(path))
        yield replace(options, values_files=more)


DEFAULT: Final = "default"
MAX_VARIANTS: Final = 100
"""Of some 500 surveyed charts, datadog has the most: 61."""

_CI_VALUES: Final = "ci/*-values.yaml"
"""Values that helm/chart-testing renders the chart with."""


class NamedOptions(Struct, frozen=True):
    """Options to render a chart with, and the name of the variant ("" if it is the only one)."""

    name: str
    options: HelmOptions


def find_variants(
    chart: Path, shown: str, options: SourceOptions
) -> Iterator[NamedOptions | Problem]:
    """Yield the defaults, `ci/*-values.yaml` and the configured variants, each name once.

    Values on the command line replace them all. More than `MAX_VARIANTS` variants are a problem,
    and the rest is left out.
    """
    if options.helm.give_values:
        yield NamedOptions("", options.helm)
        return
    found = [Variant(DEFAULT), *_ci_variants(chart, options), *options.variants_of(chart)]
    variants = list({variant.name: variant for variant in found}.values())
    if len(variants) == 1:
        yield _named(variants[0], options.helm, "")
        return
    for variant in variants[:MAX_VARIANTS]:
        yield _named(variant, options.helm, variant.name)
    if len(variants) > MAX_VARIANTS:
        yield SourceError(
            f"{shown} has {len(variants)} variants; the first {MAX_VARIANTS} were audited",
            where=shown,
            hint="--no-ci-values leaves out those in ci/; -f audits with one values file",
        ).problem


def _ci_variants(chart: Path, options: SourceOptions) -> Iterator[Variant]:
    """Yield a variant for each values file in ci/, except links to files outside the chart."""
    if not options.ci_values or not chart.is_dir():
        return
    root = real_path(chart)
    for path in sorted(chart.glob(_CI_VALUES)):
        target = real_path(path)
        if path.is_file() and target.is_relative_to(root) and not options.excludes(target):
            name = path.relative_to(chart).as_posix()
            yield Variant(name, values_files=(path.as_posix(),))


def _named(variant: Variant, options: HelmOptions, name: str) -> NamedOptions:
    values = replace(
        options,
        values_files=variant.values_files,
        set_values=variant.set_values,
        set_strings=variant.set_strings,
    )
    return NamedOptions(name, values)


_KEPT: Final = re.compile(
    rf"(?:{SUBCHARTS}/[^/]+/)*(?:{CHART_FILE}|{REQUIREMENTS_FILE}|values\.yaml|\.helmignore)"
)
_TEMPLATE: Final = "templates/podfit-values.yaml"
_PROBE: Final = "kind: Values\nvalues: {{ .Values | toJson | b64enc }}\n"
_ANSWER: Final = re.compile(r"^values: (\S*)$", re.MULTILINE)


def visible_values(chart: Path, options: HelmOptions, renderer: Renderer) -> Values:
    """Return `.Values` as Helm computes it, with aliases and without disabled subcharts.

    Renders a copy of the chart whose only template prints the values, so that it is fast and no
    template or schema of the chart can fail. Raises RenderError and SourceError.

    Args:
        chart: A safe chart, without links to files outside it.
    """
    import tempfile

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
    """Rename unpacked archives, as a folder must not have the name of an archive."""
    return "/".join(f"{part}-unpacked" if is_archive(part) else part for part in path.split("/"))


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _read(rendered: Rendered) -> Values:
    for name, text in rendered.templates.items():
        if name.endswith(f"/{_TEMPLATE}") and (match := _ANSWER.search(text)):
            values: Values = json.loads(base64.b64decode(match[1]))
            return values
    raise RenderError(Cause.REFUSED, "the effective values of the chart cannot be read")
