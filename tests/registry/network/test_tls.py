import ssl
from pathlib import Path

import pytest

from auditor.registry.network.connections import Fault
from auditor.registry.network.transport import tls_context
from auditor.registry.options import HostOptions
from tests.support.certificates import make_certificates


@pytest.fixture
def no_system_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(empty))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))


def names(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


@pytest.mark.usefixtures("no_system_store")
def test_a_system_without_a_store_gets_the_fallback(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)

    assert names(tls_context(HostOptions(), certificates.ca)) == 1


@pytest.mark.usefixtures("no_system_store")
def test_a_folder_of_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificates = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    assert names(tls_context(HostOptions(), certificates.ca)) == 0
    assert names(tls_context(HostOptions(cas=(tmp_path,)), certificates.ca)) == 0
    assert names(tls_context(HostOptions(cas=(certificates.ca,)), certificates.ca)) == 1


def test_verification_is_on_unless_it_is_switched_off(tmp_path: Path) -> None:
    fallback = make_certificates(tmp_path).ca
    strict = tls_context(HostOptions(), fallback)
    lax = tls_context(HostOptions(insecure="skip-verify"), fallback)

    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (lax.verify_mode, lax.check_hostname) == (ssl.CERT_NONE, False)


def test_no_more_is_asked_of_a_private_ca_than_nodes_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_in_python_3_13() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_in_python_3_13)

    context = tls_context(HostOptions(), make_certificates(tmp_path).ca)

    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_a_client_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    wrong_key = HostOptions(
        client_certificate=certificates.client, client_key=certificates.server_key
    )
    missing = HostOptions(client_certificate=tmp_path / "none.pem")

    with pytest.raises(Fault, match="it is not PEM, or certificate and key do not match"):
        tls_context(wrong_key, certificates.ca)
    with pytest.raises(Fault, match="No such file or directory"):
        tls_context(missing, certificates.ca)
