"""Flux: `HelmRelease`, with the sources that it names."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.manifests import Manifest
from auditor.sources.release import EMPTY, Places, Release, UnknownError, chart_address
from auditor.yaml.nodes import Node


def read_helm_release(item: Manifest, places: Places) -> Iterator[Release]:
    """Its chart, from one of the places. Raises ShapeError and UnknownError."""
    spec = item.root.get("spec") or EMPTY
    if spec.get("valuesFrom") is not None:
        raise UnknownError("its values come from objects in the cluster (valuesFrom)")
    chart = spec.at("chart", "spec")
    if chart is None:
        address, is_local = _flux_reference(spec.get("chartRef"), places), False
    else:
        address, is_local = _flux_chart(chart, places)
    values = spec.get("values")
    yield Release(
        name=str(item.ref),
        where=str(item.location),
        chart=address,
        is_local=is_local,
        values=(values.plain(),) if values else (),
        value_files=_flux_files(chart, is_local=is_local) if chart else (),
        release_name=spec.text_at("releaseName") or item.ref.name,
        namespace=spec.text_at("targetNamespace") or item.ref.namespace,
    )


def _flux_files(chart: Node, *, is_local: bool) -> tuple[str, ...]:
    """Paths from the root of what the sourceRef names: a repository, or the chart."""
    names = (file.text().removeprefix("./") for file in chart.items_at("valuesFiles"))
    return tuple(f"/{name}" if is_local else name for name in names)


def _flux_chart(chart: Node, places: Places) -> tuple[str, bool]:
    named = chart.get("sourceRef") or EMPTY
    kind, name = named.text_at("kind"), named.text_at("name")
    place = places.get((kind, name))
    if place is None:
        raise UnknownError(f"{kind}/{name} is not among what is audited")
    if kind == "GitRepository":
        return chart.text_at("chart"), True
    url = (place.get("spec") or EMPTY).text_at("url")
    return chart_address(url, chart.text_at("chart"), chart.text_at("version")), False


def _flux_reference(named: Node | None, places: Places) -> str:
    kind, name = (named.text_at("kind"), named.text_at("name")) if named else ("", "")
    place = places.get((kind, name))
    spec = place.get("spec") if place and kind == "OCIRepository" else None
    if spec is None:
        raise UnknownError(
            f"{kind}/{name} is not among what is audited" if kind else "it names none"
        )
    ref = spec.get("ref") or EMPTY
    version, digest = ref.text_at("tag") or ref.text_at("semver"), ref.text_at("digest")
    address = spec.text_at("url")
    return f"{address}@{digest}" if digest else f"{address}:{version}" if version else address
