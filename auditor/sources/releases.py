"""Objects that tell a controller to install a chart: of Argo CD, of Flux, of k3s."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document, Manifest, read_manifests
from auditor.sources.fetching import OCI
from auditor.yaml import Node, ShapeError, YamlError, read_documents

_GROUPS: Final = re.compile(r"argoproj\.io/|toolkit\.fluxcd\.io/|helm\.cattle\.io/")
_INSTALLING: Final = frozenset(("Application", "ApplicationSet", "HelmRelease", "HelmChart"))
_PLACES: Final = frozenset(("HelmRepository", "OCIRepository", "GitRepository"))
_PARAMETER: Final = re.compile(r"\{\{-?\s*\.?([\w.-]+?)\s*-?\}\}")
_MAX_ELEMENTS: Final = 100
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Release:
    """A chart that a controller is told to install.

    name: of the object that says so, `Application/shop`. where: its place. chart: a SOURCE of a
    chart elsewhere; or, where it is_local, a folder from the root of the repository. values: in the
    order in which they count, after value_files: those of the chart, or from the root after `/`.
    """

    name: str
    where: str
    chart: str
    is_local: bool = False
    values: tuple[Mapping[str, Any], ...] = ()
    value_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    release_name: str = ""
    namespace: str = ""


@dataclass(slots=True)
class Releases:
    """The installing objects of one SOURCE, and the places that they name."""

    manifests: list[Manifest] = field(default_factory=list)
    _read: int = 0

    def look(self, document: Document) -> None:
        """Keep what a document holds of them."""
        if _GROUPS.search(document.text):
            self.manifests += (
                item
                for item in read_manifests(document)
                if isinstance(item, Manifest) and item.ref.kind in _INSTALLING | _PLACES
                if _GROUPS.search(item.ref.api_version)
            )

    @property
    def notices(self) -> tuple[str, ...]:
        """What to tell the user of those that nobody followed."""
        found = self.unread
        if not found:
            return ()
        named = ", ".join(f"{item.ref} ({item.location})" for item in found[:_NAMED])
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        what = "object installs a chart" if len(found) == 1 else "objects install charts"
        return (
            f"{len(found)} {what} that podfit did not follow: {named}{more}; --follow audits them",
        )

    @property
    def unread(self) -> tuple[Manifest, ...]:
        """The objects that install, and that nobody followed."""
        return tuple(item for item in self.manifests if item.ref.kind in _INSTALLING)[self._read :]

    def clear(self) -> None:
        self.manifests.clear()
        self._read = 0

    def read(self) -> Iterator[Release | Problem]:
        """What those install that were not read before; what cannot be told is a `Problem`."""
        places = {
            (item.ref.kind, item.ref.name): item.root
            for item in self.manifests
            if item.ref.kind in _PLACES
        }
        fresh = self.unread
        self._read += len(fresh)
        for item in fresh:
            try:
                yield from _READERS[item.ref.kind](item, places)
            except (ShapeError, _UnknownError) as error:
                yield not_followed(str(item.ref), str(item.location), str(error))


class _UnknownError(Exception):
    """Why it cannot be told which chart is meant."""


_Places = Mapping[tuple[str, str], Node]


def not_followed(name: str, where: str, why: str) -> Problem:
    """A release whose chart was not audited."""
    return SourceError(
        f"{name} was not followed to its chart",
        where=where,
        why=why,
        hint="audit the chart itself, with the values that it is given",
    ).problem


def _application(item: Manifest, places: _Places) -> Iterator[Release]:
    del places
    spec = item.root.get("spec")
    if spec is not None:
        yield from _argo(str(item.ref), str(item.location), spec)


def _application_set(item: Manifest, places: _Places) -> Iterator[Release]:
    """With list generators, which alone need nothing but the object itself."""
    del places
    generators = item.root.at("spec", "generators")
    template = item.root.at("spec", "template")
    for generator in generators.items() if generators else ():
        listed = generator.at("list", "elements")
        if listed is None or template is None:
            raise _UnknownError("it has a generator that is no list")
        for element in listed.items()[:_MAX_ELEMENTS]:
            made = _filled(template.plain(), element.plain())
            name = made.get("metadata", {}).get("name", item.ref.name)
            yield from _argo(f"Application/{name}", str(item.location), _node(made.get("spec")))


def _argo(name: str, where: str, spec: Node) -> Iterator[Release]:
    single = spec.get("source")
    sources = spec.items_at("sources") if single is None else (single,)
    refs = {f"${source.text_at('ref')}" for source in sources if source.text_at("ref")}
    namespace = (spec.get("destination") or Node({}, 1, 1)).text_at("namespace")
    for source in sources:
        chart, path = source.text_at("chart"), source.text_at("path")
        if not chart and (not path or source.get("kustomize") or source.get("directory")):
            continue  # only values, or manifests, which are audited where they are
        helm = source.get("helm") or Node({}, 1, 1)
        parameters = [
            (f"{item.text_at('name')}={item.text_at('value')}", item.flag_at("forceString"))
            for item in helm.items_at("parameters")
        ]
        given = helm.get("valuesObject")
        yield Release(
            name=name,
            where=where,
            chart=_argo_chart(source) if chart else path,
            is_local=not chart,
            values=(given.plain(),) if given else _values_text(helm.text_at("values")),
            value_files=tuple(
                _argo_file(file.text(), refs) for file in helm.items_at("valueFiles")
            ),
            set_values=tuple(text for text, forced in parameters if not forced),
            set_strings=tuple(text for text, forced in parameters if forced),
            release_name=helm.text_at("releaseName") or name.partition("/")[2],
            namespace=namespace,
        )


def _argo_chart(source: Node) -> str:
    """A repository without a scheme is a registry."""
    url, chart = source.text_at("repoURL"), source.text_at("chart")
    return chart_address(
        url if "://" in url else f"{OCI}{url}", chart, source.text_at("targetRevision")
    )


def _argo_file(file: str, refs: set[str]) -> str:
    """`$values/prod.yaml` counts from the root of the repository that is called so."""
    head, _, rest = file.partition("/")
    return f"/{rest}" if head in refs else file


def _helm_release(item: Manifest, places: _Places) -> Iterator[Release]:
    spec = item.root.get("spec") or Node({}, 1, 1)
    if spec.get("valuesFrom") is not None:
        raise _UnknownError("its values come from objects in the cluster (valuesFrom)")
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


def _flux_chart(chart: Node, places: _Places) -> tuple[str, bool]:
    named = chart.get("sourceRef") or Node({}, 1, 1)
    kind, name = named.text_at("kind"), named.text_at("name")
    place = places.get((kind, name))
    if place is None:
        raise _UnknownError(f"{kind}/{name} is not among what is audited")
    if kind == "GitRepository":
        return chart.text_at("chart"), True
    url = (place.get("spec") or Node({}, 1, 1)).text_at("url")
    return chart_address(url, chart.text_at("chart"), chart.text_at("version")), False


def _flux_reference(named: Node | None, places: _Places) -> str:
    kind, name = (named.text_at("kind"), named.text_at("name")) if named else ("", "")
    place = places.get((kind, name))
    spec = place.get("spec") if place and kind == "OCIRepository" else None
    if spec is None:
        raise _UnknownError(
            f"{kind}/{name} is not among what is audited" if kind else "it names none"
        )
    ref = spec.get("ref") or Node({}, 1, 1)
    version, digest = ref.text_at("tag") or ref.text_at("semver"), ref.text_at("digest")
    address = spec.text_at("url")
    return f"{address}@{digest}" if digest else f"{address}:{version}" if version else address


def _helm_chart(item: Manifest, places: _Places) -> Iterator[Release]:
    del places
    spec = item.root.get("spec") or Node({}, 1, 1)
    chart, repository = spec.text_at("chart"), spec.text_at("repo")
    if not chart:
        raise _UnknownError("it brings its chart along (chartContent), or names none")
    version = spec.text_at("version")
    named = repository or chart.startswith(OCI)
    settings = (spec.get("set") or Node({}, 1, 1)).mapping()
    yield Release(
        name=str(item.ref),
        where=str(item.location),
        chart=chart_address(repository, chart, version) if named else chart,
        values=_values_text(spec.text_at("valuesContent")),
        set_values=tuple(f"{key}={node.value}" for key, node in settings.items()),
        release_name=item.ref.name,
        namespace=spec.text_at("targetNamespace") or item.ref.namespace,
    )


_READERS: Final = {
    "Application": _application,
    "ApplicationSet": _application_set,
    "HelmRelease": _helm_release,
    "HelmChart": _helm_chart,
}


def chart_address(repository: str, chart: str, version: str) -> str:
    """A chart of a repository as a SOURCE."""
    if chart.startswith(OCI) or repository.startswith(OCI):
        address = chart if chart.startswith(OCI) else f"{repository.rstrip('/')}/{chart}"
        return f"{address}:{version}" if version and version != "*" else address
    return f"{repository.rstrip('/')}/{chart}@{version}"


def _values_text(text: str) -> tuple[Mapping[str, Any], ...]:
    root = _parsed(text)
    return (root.plain(),) if root is not None else ()


def _parsed(text: str) -> Node | None:
    root = next(iter(read_documents(text)), None) if text.strip() else None
    if isinstance(root, YamlError) or (root is not None and not root.is_mapping):
        raise _UnknownError("its values are not YAML that Helm can read")
    return root


def _filled(value: Any, element: Mapping[str, Any]) -> Any:
    """A template with the parameters of one element."""
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
    """A plain value as it would be read."""
    match value:
        case dict():
            return Node({key: _node(item) for key, item in value.items()}, 1, 1)
        case list():
            return Node(tuple(map(_node, value)), 1, 1)
        case None:
            return Node({}, 1, 1)
        case _:
            return Node(value, 1, 1)
