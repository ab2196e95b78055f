"""Containers that admission webhooks add to a pod, if the pod's annotations name their images.

An injector has a default image too, which only the cluster knows; without an annotation nothing is
read. The table holds annotations that replace that image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from auditor.files.yaml_nodes import Node
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.workloads import Container, Role

ANNOTATIONS: Final = "annotations"


class Switch(Struct, frozen=True):
    """An annotation or label that turns an injector on or off.

    Attributes:
        name: The annotation or label.
        on: The values with which the injector acts; empty for all but those of `off`.
        off: The values with which the injector does nothing.
    """

    name: str
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    def is_on(self, values: Mapping[str, str]) -> bool:
        value = values.get(self.name, "")
        return value in self.on if self.on else value not in self.off


class Injection(Struct, frozen=True):
    """An annotation that names the image of an injected container.

    Attributes:
        image: The annotation.
        container: The name that the injector gives the container.
        switch: What turns the injector on or off.
        tag: The annotation that names the tag, if the image has none; "" for none.
    """

    image: str
    container: str
    switch: Switch
    tag: str = ""


_YES: Final = ("true", "y", "yes", "on", "1")
_DAPR: Final = Switch("dapr.io/enabled", on=_YES)
_ISTIO: Final = Switch("sidecar.istio.io/inject", off=("false",))
_LINKERD: Final = Switch("linkerd.io/inject", off=("disabled",))
_VAULT: Final = Switch("vault.hashicorp.com/agent-inject", on=("true", "1", "t", "T", "TRUE"))
_DATADOG: Final = Switch("admission.datadoghq.com/enabled", off=("false",))
_DATADOG_LANGUAGES: Final = ("java", "js", "python", "dotnet", "ruby", "php")

INJECTIONS: Final = (
    # https://docs.dapr.io/reference/arguments-annotations-overview/
    Injection("dapr.io/sidecar-image", "daprd", _DAPR),
    # https://istio.io/latest/docs/reference/config/annotations/
    Injection("sidecar.istio.io/proxyImage", "istio-proxy", _ISTIO),
    # https://linkerd.io/2/reference/proxy-configuration/
    Injection(
        "config.linkerd.io/proxy-image",
        "linkerd-proxy",
        _LINKERD,
        "config.linkerd.io/proxy-version",
    ),
    Injection(
        "config.linkerd.io/init-image",
        "linkerd-init",
        _LINKERD,
        "config.linkerd.io/init-image-version",
    ),
    # https://developer.hashicorp.com/vault/docs/deploy/kubernetes/injector/annotations
    Injection("vault.hashicorp.com/agent-image", "vault-agent", _VAULT),
    # https://docs.datadoghq.com/tracing/trace_collection/library_injection_local/
    *(
        Injection(
            f"admission.datadoghq.com/{language}-lib.custom-image",
            f"datadog-lib-{language}-init",
            _DATADOG,
        )
        for language in _DATADOG_LANGUAGES
    ),
)


def injected_containers(metadata: Node | None, document: Document) -> Iterator[Container]:
    """Yield the containers that the annotations of a pod add to it.

    Args:
        metadata: The metadata of the pod or pod template.
        document: The document that holds it.
    """
    if metadata is None:
        return
    found = metadata.get(ANNOTATIONS)
    annotations = metadata.texts_at(ANNOTATIONS) if found and found.is_mapping else {}
    labels = metadata.get("labels")
    values = {
        **(metadata.texts_at("labels") if labels and labels.is_mapping else {}),
        **annotations,
    }
    for item in INJECTIONS:
        if item.image in annotations and item.switch.is_on(values):
            image = annotations[item.image].strip()
            tag = annotations.get(item.tag, "") if item.tag else ""
            if tag and ":" not in image.rpartition("/")[2] and "@" not in image:
                image = f"{image}:{tag}"
            node = metadata.mapping_at(ANNOTATIONS)[item.image]
            yield Container(item.container, Role.INJECTED, image, document.location(node))
