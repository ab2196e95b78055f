"""k3s and RKE2: `HelmChart`."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.manifests import Manifest
from auditor.sources.fetching import OCI
from auditor.sources.release import EMPTY, Places, Release, UnknownError, chart_address, values_text


def read_helm_chart(item: Manifest, places: Places) -> Iterator[Release]:
    """Its chart, unless that is packed into the object. Raises ShapeError and UnknownError."""
    del places
    spec = item.root.get("spec") or EMPTY
    chart, repository = spec.text_at("chart"), spec.text_at("repo")
    if not chart:
        raise UnknownError("it brings its chart along (chartContent), or names none")
    version = spec.text_at("version")
    named = repository or chart.startswith(OCI)
    settings = (spec.get("set") or EMPTY).mapping()
    yield Release(
        name=str(item.ref),
        where=str(item.location),
        chart=chart_address(repository, chart, version) if named else chart,
        values=values_text(spec.text_at("valuesContent")),
        set_values=tuple(f"{key}={node.value}" for key, node in settings.items()),
        release_name=item.ref.name,
        namespace=spec.text_at("targetNamespace") or item.ref.namespace,
    )
