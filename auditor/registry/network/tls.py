"""Whom to trust: the operating system's certificates, the user's, and a host's own."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Final

from auditor.registry.network.faults import Fault, FaultKind
from auditor.registry.options import HostOptions

_BUNDLE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def tls_context(options: HostOptions, fallback: Path) -> ssl.SSLContext:
    """How to speak TLS with a host. fallback: roots for a system that has no store at all.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` are followed by OpenSSL itself. Raises Fault where a file of
    the user's cannot be used.
    """
    context = ssl.create_default_context()
    # Python 3.13 wants more of a private CA's certificate than the nodes, which use Go, do.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not _has_roots(context):
        context.load_verify_locations(fallback)
    for bundle in map(os.environ.get, _BUNDLE_VARIABLES):
        if bundle:
            _trust(context, Path(bundle))
    for file in options.cas:
        _trust(context, file)
    if options.client_certificate:
        _identify(context, options.client_certificate, options.client_key)
    if options.insecure == "skip-verify":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _has_roots(context: ssl.SSLContext) -> bool:
    """A folder of roots is read only when one is needed, so the context does not count them."""
    # typeshed says this is never None; it is where there is no such folder.
    folder: str | None = ssl.get_default_verify_paths().capath or None
    try:
        in_folder = folder is not None and any(Path(folder).iterdir())
    except OSError:
        in_folder = False
    return in_folder or context.cert_store_stats()["x509_ca"] > 0


def _trust(context: ssl.SSLContext, bundle: Path) -> None:
    try:
        if bundle.is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    except OSError as error:
        raise Fault(FaultKind.TLS, f"the CA file {bundle} cannot be used: {_why(error)}") from error


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        # Without a password callback OpenSSL would ask on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError) as error:
        why = f"the client certificate {certificate} cannot be used: {_why(error)}"
        raise Fault(FaultKind.TLS, why) from error


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "it is not PEM, or certificate and key do not match"
    return (error.strerror or "unknown reason") if isinstance(error, OSError) else str(error)
