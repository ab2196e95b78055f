"""Charts of Argo CD's `Application`, and of `ApplicationSet` with a list generator."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from auditor.files.yaml_nodes import Node
from auditor.kubernetes.manifests import Manifest
from auditor.sources.fetching.fetch import OCI
from auditor.sources.helm import EMPTY, Places, Release, UnknownError, chart_address, values_text

_PARAMETER: Final = re.compile(r"\{\{-?\s*\.?([\w.-]+?)\s*-?\}\}")
_MAX_ELEMENTS: Final = 100


def read_application(item: Manifest, places: Places) -> Iterator[Release]:
    """Yield the charts among an Application's sources. Raises ShapeError and UnknownError."""
    del places
    spec = item.root.get("spec")
    if spec is not None:
        yield from _argo(str(item.ref), item, spec, ("spec",))


def read_application_set(item: Manifest, places: Places) -> Iterator[Release]:
    """Yield the charts of the Application for each element of the list generators.

    Raises ShapeError, and UnknownError for other generators, which need more than the object.
    """
    del places
    generators = item.root.at("spec", "generators")
    template = item.root.at("spec", "template")
    for generator in generators.items() if generators else ():
        listed = generator.at("list", "elements")
        if listed is None or template is None:
            raise UnknownError("it has a generator that is not a list")
        for element in listed.items()[:_MAX_ELEMENTS]:
            made = _filled(template.plain(), element.plain())
            name = made.get("metadata", {}).get("name", item.ref.name)
            spec = _node(made.get("spec"))
            yield from _argo(f"Application/{name}", item, spec, ("spec", "template", "spec"))


def _argo(name: str, item: Manifest, spec: Node, path: tuple[str | int, ...]) -> Iterator[Release]:
    single = spec.get("source")
    sources = spec.items_at("sources") if single is None else (single,)
    refs = {
        f"${source.text_at('ref')}": source.text_at("repoURL")
        for source in sources
        if source.text_at("ref")
    }
    namespace = (spec.get("destination") or EMPTY).text_at("namespace")
    for index, source in enumerate(sources):
        chart, folder = source.text_at("chart"), source.text_at("path")
        if not chart and (not folder or source.get("kustomize") or source.get("directory")):
            continue  # only values, or manifests, which are audited as files
        helm = source.get("helm") or EMPTY
        parameters = [
            (f"{one.text_at('name')}={one.text_at('value')}", one.flag_at("forceString"))
            for one in helm.items_at("parameters")
        ]
        given = helm.get("valuesObject")
        files = [file.text() for file in helm.items_at("valueFiles")]
        repositories = [refs[head] for head in map(_head, files) if head in refs]
        yield Release(
            name=name,
            where=str(item.location),
            chart=_argo_chart(source) if chart else folder,
            is_local=not chart,
            values=(given.plain(),) if given else values_text(helm.text_at("values")),
            value_files=tuple(_argo_file(file, refs) for file in files),
            set_values=tuple(text for text, forced in parameters if not forced),
            set_strings=tuple(text for text, forced in parameters if forced),
            release_name=helm.text_at("releaseName") or name.partition("/")[2],
            namespace=namespace,
            repositories=tuple(
                repositories if chart else [source.text_at("repoURL"), *repositories]
            ),
            may_be_plain=source.get("helm") is None,
            values_path=(
                *path,
                *(("source",) if single else ("sources", index)),
                "helm",
                "values" if helm.text_at("values") and not given else "valuesObject",
            ),
            holder=item,
        )


def _argo_chart(source: Node) -> str:
    url, chart = source.text_at("repoURL"), source.text_at("chart")
    registry = f"{OCI}{url}"  # a repository without a scheme is a registry
    return chart_address(url if "://" in url else registry, chart, source.text_at("targetRevision"))


def _argo_file(file: str, refs: Collection[str]) -> str:
    """Make `$values/prod.yaml` a path from the root of the repository with `ref: values`."""
    head = _head(file)
    return file.removeprefix(head) if head in refs else file


def _head(file: str) -> str:
    return file.partition("/")[0]


def _filled(value: Any, element: Mapping[str, Any]) -> Any:
    """Return a template with the parameters of one element filled in."""
    match value:
        case dict():
            return {key: _filled(item, element) for key, item in value.items()}
        case list():
            return [_filled(item, element) for item in value]
        case str():
            return _PARAMETER.sub(lambda match: _parameter(match, element), value)
        case _:
            return value


def _parameter(match: re.Match[str], element: Mapping[str, Any]) -> str:
    found: Any = element
    for key in match[1].split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return match[0] if found is None else str(found)


def _node(value: Any) -> Node:
    """Return a plain value as a node."""
    match value:
        case dict():
            return Node({key: _node(item) for key, item in value.items()}, 1, 1)
        case list():
            return Node(tuple(map(_node, value)), 1, 1)
        case None:
            return EMPTY
        case _:
            return Node(value, 1, 1)
