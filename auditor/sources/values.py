"""The user's values: files, then `--set`, then `--set-string`, merged as Helm merges them.

Helm's own reader and parser are used (they come as arguments); only what they do not offer is
here: `--set a[1].b=c` changes one item of a list that stands already (Helm `pkg/strvals`).

Values files (`-f`), looked at before Helm reads them, so that the message can say where.

The ways to render a chart: with its defaults, and with the values that come along with it.

What a chart's templates see as `.Values`, subcharts' defaults, aliases and all.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Callable, Iterator
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
"""From here on Go prints a float64 with an exponent."""


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, mapping by mapping; lists are replaced. Neither is changed."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def apply_set(base: dict[str, Any], expression: str, parse: Parse) -> dict[str, Any]:
    """The values with one `--set` expression applied.

    parse: Helm's own parser; its errors pass through.
    """
    whole = parse(expression)
    parts = list(split_expression(expression))
    alone: dict[str, Any] = {}
    result = base
    for part in parts:
        parsed, indexes = parse(part), _count_indexes(part)
        alone = _assign(alone, parsed, indexes)
        result = _assign(result, parsed, indexes)
    # Where the parts do not add up to what Helm read, the expression was cut at the wrong places.
    return result if alone == whole else merge(base, whole)


def split_expression(expression: str) -> Iterator[str]:
    """The assignments of an expression: it is cut at commas outside of `{...}`, unless escaped."""
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
    """One assignment, as Helm's parser gives it on its own, put into what stands already.

    On its own `a[2]=x` is `{a: [null, null, x]}`: the last item is meant, the others are padding.
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
    """An integer that keeps its digits on the way to Helm's library.

    `--set image.tag=20240101` is an integer to Helm, and templates write its digits; the library
    takes values as JSON, where it becomes the float 2.0240101e+07. As text it is written right.
    """

    __slots__ = ()


def keep_digits(value: Any) -> Any:
    """The same values with the integers that would lose their digits as `Digits`."""
    return _replaced(value, lambda item: Digits(item) if _is_long(item) else item)


def drop_digits(value: Any) -> Any:
    """The same values with every `Digits` as a number: for a schema or template that insists."""
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
    """The documents of a values file, each as its text, at least one. Raises SourceError.

    Helm 4 merges them; Helm 3 and Helm's library read only the first, so they are given one by one.
    """
    documents = _DOCUMENT_END.split(read_text(Path(name), name))
    return tuple(filter(str.strip, documents)) or ("",)


def check_values_files(options: HelmOptions) -> Iterator[Problem]:
    """Values files of several documents, which not every Helm reads alike.

    Raises SourceError for a file that is absent, unreadable, no YAML or no mapping.
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
                hint="mend it; no chart was rendered",
            )
        if not first.is_mapping:
            raise SourceError(
                f"values file {name} holds {first.type_name}, not a mapping of values",
                where=f"{name}:{first.line}:{first.column}",
                hint="write it as `key: value`; no chart was rendered",
            )
        if len(documents) > 1:
            second = documents[1]
            yield SourceError(
                f"values file {name} holds several documents",
                where=f"{name}:{second.line}",
                why="Helm 4 merges them, as was done here; Helm 3 reads only the first",
                hint="put each document into a file of its own, and give each with -f",
            ).problem


DEFAULT: Final = "default"
MAX_VARIANTS: Final = 100
"""Of some 500 charts that were tried, datadog has the most: 61."""

_CI_VALUES: Final = "ci/*-values.yaml"
"""Each is a way in which the chart must work, by the convention of helm/chart-testing."""


class NamedOptions(Struct, frozen=True):
    """How to render a chart. name: of the variant; "" where there is only one."""

    name: str
    options: HelmOptions


def find_variants(
    chart: Path, shown: str, options: SourceOptions
) -> Iterator[NamedOptions | Problem]:
    """The defaults, `ci/*-values.yaml`, then the variants of the configuration, each name once.

    Values that the user gives stand instead of all of them. Those beyond `MAX_VARIANTS` are left
    out, with a problem.
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
            hint="--no-ci-values leaves out those of ci/; -f audits with one values file",
        ).problem


def _ci_variants(chart: Path, options: SourceOptions) -> Iterator[Variant]:
    """A link that leads out of the chart is no file of the chart."""
    if not options.ci_values or not chart.is_dir():
        return
    root = real_path(chart)
    for path in sorted(chart.glob(_CI_VALUES)):
        there = real_path(path)
        if path.is_file() and there.is_relative_to(root) and not options.excludes(there):
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
