import http.client
import socket
import ssl

import pytest
import requests
import urllib3.exceptions

from auditor.registry.network.connections import BlockedPeer, Fault, FaultKind, fault_of

SECRET = "https://x/?signature=hunter2"


def wrapped(cause: BaseException) -> requests.ConnectionError:
    """As requests gives it: the cause deep inside, the URL in every text."""
    retry = urllib3.exceptions.MaxRetryError(None, SECRET, cause)  # type: ignore[arg-type]
    return requests.ConnectionError(retry)


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, SECRET)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("cause", "kind", "why", "transient"),
    [
        (BlockedPeer("10.0.0.1"), FaultKind.BLOCKED, "10.0.0.1", False),
        (socket.gaierror(socket.EAI_NONAME, "x"), FaultKind.NAME, "does not resolve", False),
        (socket.gaierror(socket.EAI_AGAIN, "x"), FaultKind.NAME, "does not resolve", True),
        (UnicodeError("x"), FaultKind.NAME, "not a valid host name", False),
        (ConnectionRefusedError(111, "Connection refused"), FaultKind.CONNECT, "refused", True),
        (TimeoutError(), FaultKind.TIMEOUT, "the connection timed out", True),
        (tls("WRONG_VERSION_NUMBER"), FaultKind.PLAIN_HTTP, "uses plain HTTP", False),
        (
            tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"),
            FaultKind.CLIENT_CERTIFICATE,
            "requires a",
            False,
        ),
        (tls("NO_PROTOCOLS"), FaultKind.TLS, "TLS failed: no protocols", False),
        (ssl.SSLEOFError(8, "EOF"), FaultKind.CUT, "closed too early", True),
        (urllib3.exceptions.ProtocolError("x"), FaultKind.CUT, "closed too early", True),
        (http.client.IncompleteRead(b"x"), FaultKind.CUT, "closed too early", True),
        (http.client.RemoteDisconnected("x"), FaultKind.CUT, "closed too early", True),
        (http.client.BadStatusLine("SSH-2.0"), FaultKind.MALFORMED, "is not HTTP", False),
        (http.client.LineTooLong("x"), FaultKind.MALFORMED, "is not HTTP", False),
    ],
)
def test_what_it_comes_down_to(
    cause: BaseException, kind: FaultKind, why: str, transient: bool
) -> None:
    fault = fault_of(wrapped(cause))

    assert (fault.kind, fault.transient, fault.where) == (kind, transient, "")
    assert why in fault.why
    assert "hunter2" not in fault.why


def test_causes_that_go_in_circles() -> None:
    error = OSError()
    error.__cause__ = ValueError()
    error.__cause__.__context__ = error

    assert fault_of(error).kind is FaultKind.CUT


def test_a_fault_is_what_it_says() -> None:
    assert str(Fault(FaultKind.CUT, "why")) == "why"
