"""No test can reach beyond this machine: the guard that says so is itself tested."""

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_an_address_elsewhere_is_refused() -> None:
    with socket.socket() as connection:
        connection.settimeout(1)
        with pytest.raises(SocketConnectBlockedError):
            connection.connect(("192.0.2.1", 80))  # TEST-NET-1 (RFC 5737): nobody is there


def test_loopback_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address, timeout=5) as connection:
            assert connection.getpeername() == address
