"""Charts of k3s and RKE2: `HelmChart`, and `HelmChartConfig` with values for a chart of its name.

Follows helm-controller (pkg/controllers/chart/chart.go).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from auditor.files.yaml_nodes import Node
from auditor.kubernetes.manifests import Manifest
from auditor.sources.fetching.fetch import OCI
from auditor.sources.helm import EMPTY, Places, Release, UnknownError, chart_address, values_text

_TYPED: Final = frozenset(("true", "false", "null"))
_COMMA: Final = re.compile(r"\\*,")


def read_helm_chart(item: Manifest, places: Places) -> Iterator[Release]:
    """Yield the chart unless it is embedded in the object. Raises ShapeError and UnknownError."""
    spec = item.root.get("spec") or EMPTY
    config = places.get(("HelmChartConfig", item.ref.namespace, item.ref.name))
    holder = config or item  # the configuration takes precedence
    last = holder.root.get("spec") or EMPTY
    chart, repository = spec.text_at("chart"), spec.text_at("repo")
    if spec.text_at("chartContent") or not chart:
        raise UnknownError("its chart is embedded (chartContent) or missing")
    version = spec.text_at("version")
    named = repository or chart.startswith(OCI)
    settings = sorted(spec.mapping_at("set").items())
    yield Release(
        name=str(item.ref),
        where=str(item.location),
        chart=chart_address(repository, chart, version) if named else chart,
        values=(*_values(spec), *(_values(last) if config else ())),
        set_values=tuple(f"{key}={_text(node)}" for key, node in settings if _is_typed(node)),
        set_strings=tuple(
            f"{key}={_COMMA.sub(_escaped, _text(node))}"
            for key, node in settings
            if not _is_typed(node)
        ),
        release_name=item.ref.name,
        namespace=spec.text_at("targetNamespace") or item.ref.namespace,
        values_path=("spec", "values" if last.get("values") else "valuesContent"),
        holder=holder,
    )


def read_helm_chart_config(item: Manifest, places: Places) -> Iterator[Release]:
    """Yield nothing, as `read_helm_chart` applies it. Raises UnknownError without a HelmChart."""
    if ("HelmChart", item.ref.namespace, item.ref.name) not in places:
        raise UnknownError(f"HelmChart/{item.ref.name} is not among the audited objects")
    yield from ()


def _values(spec: Node) -> Iterator[Mapping[str, Any]]:
    """Yield the values of a chart or its configuration in order of precedence."""
    if spec.get("valuesSecrets") is not None:
        raise UnknownError("its values come from objects in the cluster (valuesSecrets)")
    yield from values_text(spec.text_at("valuesContent"))
    if values := spec.get("values"):
        yield values.plain()


def _is_typed(setting: Node) -> bool:
    """Whether a setting is passed to `--set`, which parses types, and not to `--set-string`."""
    return not isinstance(setting.value, str) or setting.value.lower() in _TYPED


def _text(setting: Node) -> str:
    return setting.value if isinstance(setting.value, str) else json.dumps(setting.plain())


def _escaped(comma: re.Match[str]) -> str:
    """Escape a comma in a value, unless it is escaped already."""
    return rf"\{comma[0]}" if len(comma[0]) % 2 else comma[0]
