"""What went wrong with a registry, and what the user can do, in one sentence each.

The reason decides what a report makes of it; the wording follows the cause.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from auditor.addresses import origin_of
from auditor.images import ImageReference, UnknownReason
from auditor.references import DOCKER_HUB, suspicion
from auditor.registry.failures import Missing, RegistryFailure, foreign
from auditor.registry.json_text import JsonError, parse_object, text_at
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.faults import PROXY, Fault, FaultKind
from auditor.registry.network.transport import Answer

_TLS_HINTS: Final = {
    FaultKind.PLAIN_HTTP: "if you trust the network, give --insecure-registry for this host",
    FaultKind.CERTIFICATE: (
        "give the registry's CA in SSL_CERT_FILE, or as `ca` of this host under `registries`"
    ),
    FaultKind.CLIENT_CERTIFICATE: (
        "set `client-cert` and `client-key` of this host under `registries`"
    ),
    FaultKind.TLS: "check the TLS settings of this host",
}
_PROXY_HINT: Final = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
_TLS: Final = b"HTTPS"
_REACH_HINT: Final = "check the name and the network, or use a lock file"


def explain_fault(endpoint: Endpoint, fault: Fault, attempts: int) -> RegistryFailure:
    """A request that got no answer."""
    name = f"registry {endpoint.name}"
    between = "" if fault.kind is FaultKind.PROXY else fault.where
    where = f"{name} (by way of {between})" if between else name
    if fault.kind is FaultKind.BLOCKED:
        message = f"refused to contact private address {fault.why} for {endpoint.name}"
        host = fault.where or endpoint.name
        hint = (
            f"if {host} is yours, list it under `registries` of a trusted configuration, or give "
            f"--allow-registry {host} --allow-registry '*'"
        )
        return RegistryFailure(UnknownReason.REFUSED, message, hint)
    if fault.kind in _TLS_HINTS:
        return RegistryFailure(UnknownReason.TLS, f"{where}: {fault.why}", _TLS_HINTS[fault.kind])
    if fault.kind is FaultKind.TOO_LARGE:
        return RegistryFailure(UnknownReason.TOO_LARGE, f"{where}: {fault.why}")
    if fault.kind is FaultKind.MALFORMED:
        return RegistryFailure(UnknownReason.MALFORMED, f"{where}: {fault.why}")
    tries = f" ({attempts} attempts)" if attempts > 1 else ""
    message = f"{where} unreachable: {fault.why}{tries}"
    hint = _PROXY_HINT if fault.where == PROXY else _REACH_HINT
    return RegistryFailure(UnknownReason.UNREACHABLE, message, hint)


def explain_exhausted(endpoint: Endpoint, answer: Answer, attempts: int) -> RegistryFailure:
    """A registry that keeps answering that it cannot now."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limited(endpoint, answer)
    there = origin_of(answer.url)
    by = "" if there == endpoint.origin else f" (by way of {there})"
    message = f"registry {endpoint.name}{by} answered {answer.status} ({attempts} attempts)"
    hint = "try again later, or use a lock file"
    return RegistryFailure(UnknownReason.UNREACHABLE, message, hint)


def not_found(reference: ImageReference, part: str) -> Missing:
    """A 404. part: of the image, "" for what the reference itself names."""
    repository = f"{reference.registry}/{reference.repository}"
    named = reference.digest or f'tag "{reference.tag}"'
    message = f"{part or named} not found in {repository}"
    return Missing(UnknownReason.NOT_FOUND, message, "" if part else suspicion(reference))


def unexpected(endpoint: Endpoint, answer: Answer, said: str) -> RegistryFailure:
    """An answer that is neither a success nor about authentication. said: the registry's words."""
    name = f"registry {endpoint.name}"
    if (
        answer.status == HTTPStatus.BAD_REQUEST
        and endpoint.origin.scheme == "http"
        and _TLS in answer.body
    ):
        hint = "leave out `insecure: http`; for a host of this machine set `ca` under `registries`"
        message = f"{name}: it speaks TLS where plain HTTP was expected"
        return RegistryFailure(UnknownReason.TLS, message, hint)
    detail = f": {said}" if said else ""
    return RegistryFailure(UnknownReason.FAILED, f"{name} answered {answer.status}{detail}")


def registry_message(answer: Answer) -> str:
    """What a registry says is wrong (distribution-spec `errors[0]`), safe to show, or "".

    Only of the registry's own words: what a redirect's target says is nobody's business.
    """
    try:
        errors = parse_object(answer.body).get("errors")
    except JsonError:
        return ""
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return ""
    return foreign(text_at(first, "message") or text_at(first, "code"))


def remaining_pulls(answer: Answer) -> tuple[int, int, int] | None:
    """Docker Hub's (left, of, seconds of the window) from `ratelimit-*` headers, or None."""
    left, _, window = answer.header("ratelimit-remaining").partition(";w=")
    most = answer.header("ratelimit-limit").partition(";")[0]
    if not all(text.isascii() and text.isdigit() for text in (left, most)):
        return None
    seconds = int(window[:9]) if window.isascii() and window.isdigit() else 0
    return int(left[:9]), int(most[:9]), seconds


def _limited(endpoint: Endpoint, answer: Answer) -> RegistryFailure:
    hint = "log in, use a mirror, or a lock file"
    if pulls := remaining_pulls(answer):
        left, most, seconds = pulls
        window = f", window {seconds / 3600:g} h" if seconds else ""
        message = f"{display(endpoint)} limit reached ({left} of {most} left{window})"
        return RegistryFailure(UnknownReason.RATE_LIMITED, message, hint)
    said = registry_message(answer)
    message = f"{display(endpoint)} limits requests" + (f": {said}" if said else "")
    return RegistryFailure(UnknownReason.RATE_LIMITED, message, hint)


def display(endpoint: Endpoint) -> str:
    return "Docker Hub" if endpoint.name == DOCKER_HUB else f"registry {endpoint.name}"
