"""The ways to render a chart: with its defaults, and with the values that come along with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.repositories import real_path
from auditor.sources.options import HelmOptions, SourceOptions, Variant

DEFAULT: Final = "default"
MAX_VARIANTS: Final = 100
"""Of some 500 charts that were tried, datadog has the most: 61."""

_CI_VALUES: Final = "ci/*-values.yaml"
"""Each is a way in which the chart must work, by the convention of helm/chart-testing."""


@dataclass(frozen=True, slots=True)
class NamedOptions:
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
