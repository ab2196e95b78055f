"""Charts of Flux `HelmRelease` objects, with the sources that they reference."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.files.yaml_nodes import Node
from auditor.kubernetes.manifests import Manifest
from auditor.sources.helm import EMPTY, Places, Release, UnknownError, chart_address


def read_helm_release(item: Manifest, places: Places) -> Iterator[Release]:
    """Yield the release's chart. Raises ShapeError and UnknownError."""
    spec = item.root.get("spec") or EMPTY
    if spec.get("valuesFrom") is not None:
        raise UnknownError("its values come from objects in the cluster (valuesFrom)")
    chart = spec.at("chart", "spec")
    if chart is None:
        address, repository = _flux_reference(spec.get("chartRef"), item, places), None
    else:
        address, repository = _flux_chart(chart, item, places)
    is_local = repository is not None
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
        repositories=(repository,) if repository else (),
        values_path=("spec", "values"),
        holder=item,
    )


def _flux_files(chart: Node, *, is_local: bool) -> tuple[str, ...]:
    """Return valuesFiles, which are relative to the sourceRef: a repository or the chart."""
    names = (file.text().removeprefix("./") for file in chart.items_at("valuesFiles"))
    return tuple(f"/{name}" if is_local else name for name in names)


def _flux_chart(chart: Node, item: Manifest, places: Places) -> tuple[str, str | None]:
    """Return a chart's address; for a folder in a git repository also the repository's URL."""
    kind, spec = _flux_place(chart.get("sourceRef") or EMPTY, item, places)
    if kind == "GitRepository":
        return chart.text_at("chart"), spec.text_at("url")
    address = chart_address(spec.text_at("url"), chart.text_at("chart"), chart.text_at("version"))
    return address, None


def _flux_reference(named: Node | None, item: Manifest, places: Places) -> str:
    if named is None:
        raise UnknownError("it references no chart")
    kind, spec = _flux_place(named, item, places)
    if kind != "OCIRepository":
        raise UnknownError(f"{kind} does not identify a chart")
    ref = spec.get("ref") or EMPTY
    version, digest = ref.text_at("tag") or ref.text_at("semver"), ref.text_at("digest")
    address = spec.text_at("url")
    return f"{address}@{digest}" if digest else f"{address}:{version}" if version else address


def _flux_place(named: Node, item: Manifest, places: Places) -> tuple[str, Node]:
    """Return the kind and `spec` of a referenced object. Raises UnknownError.

    Many manifests get their namespace later, so a single object of that kind and name matches.
    """
    kind, name = named.text_at("kind"), named.text_at("name")
    namespace = named.text_at("namespace") or item.ref.namespace
    found = {key[1]: place for key, place in places.items() if (key[0], key[2]) == (kind, name)}
    place = found.get(namespace) or (next(iter(found.values())) if len(found) == 1 else None)
    if place is None:
        raise UnknownError(f"{kind}/{name} is not among the audited objects")
    return kind, place.root.get("spec") or EMPTY
