"""Cutting connections that are of no use any more; the peer check is in test_hostile.py."""

import socket
from collections.abc import Iterator

import pytest

from auditor.registry.network.connections import LiveConnections


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(0.05)
        yield ours, theirs


def is_cut(theirs: socket.socket) -> bool:
    try:
        return theirs.recv(1) == b""
    except TimeoutError:
        return False


def test_a_connection_is_cut_when_its_time_is_over(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    live, over = LiveConnections(), False

    with live.until(lambda: over):
        live.uses(pair[0])
        live.cut()
        assert not is_cut(pair[1])
        over = True
        live.cut()
        assert is_cut(pair[1])


def test_a_connection_that_comes_too_late_is_cut_at_once(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    live = LiveConnections()

    with live.until(lambda: True):
        live.uses(pair[0])
        assert is_cut(pair[1])


def test_a_connection_of_which_nobody_said_how_long_it_is_of_use_is_cut(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    live = LiveConnections()

    live.uses(pair[0])

    assert is_cut(pair[1])
    with live.until(lambda: True):
        """Leaving it forgets the connection."""


def test_a_connection_that_is_done_with_is_left_alone(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    live = LiveConnections()

    with live.until(lambda: False):
        live.uses(pair[0])
    live.cut()

    assert not is_cut(pair[1])
