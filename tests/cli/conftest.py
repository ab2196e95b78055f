"""What the tests of commands share: servers that misbehave."""

from collections.abc import Iterator

import pytest

from tests.support.faults import FaultServer, run_server


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with run_server() as running:
        yield running


@pytest.fixture
def other_server() -> Iterator[FaultServer]:
    """A second one: another port of the same machine is another origin."""
    with run_server() as running:
        yield running
