import json
from typing import Any

import pytest

from auditor.images.images import VersionSource
from auditor.images.platforms import parse_platform
from auditor.registry.content.documents import ConfigPlatform, DocumentError, parse_config

WINDOWS = {"os": "windows", "architecture": "amd64"}
BASE = [{"created_by": "Apply image 10.0.26100.33438"}]


def parse(value: Any) -> ConfigPlatform:
    return parse_config(json.dumps(value).encode())


def test_linux() -> None:
    found = parse({"os": "linux", "architecture": "arm64", "variant": "v8", "os.version": "2.23"})

    assert found.platform == parse_platform("linux/arm64/v8")


def test_a_stated_version_comes_before_history() -> None:
    found = parse({**WINDOWS, "os.version": "10.0.20348.1", "history": BASE})

    assert found == ConfigPlatform(
        parse_platform("windows(10.0.20348.1)/amd64"), VersionSource.CONFIG
    )


def test_history() -> None:
    assert parse({**WINDOWS, "history": BASE}) == ConfigPlatform(
        parse_platform("windows(10.0.26100.33438)/amd64"), VersionSource.HISTORY
    )


@pytest.mark.parametrize(
    "history",
    [
        None,
        [],
        [None],
        [{}],
        [{"created_by": 7}],
        [{"created_by": "RUN echo Apply image 10.0.17763.1"}],
        [{"created_by": "Apply image 1809-RTM-amd64"}],
        [{"created_by": "Apply image 10.0.123456789"}],
        [{"created_by": "x"}, *BASE],
        BASE[0],
    ],
)
def test_history_that_tells_nothing(history: Any) -> None:
    assert parse({**WINDOWS, "history": history}).platform == parse_platform("windows/amd64")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "its config cannot be read: it is not JSON"),
        (b"[]", "its config cannot be read: it is not a JSON object"),
        (b"{}", "it has no operating system"),
        (b'{"os": "linux"}', "it has no architecture"),
        (b'{"os": "linux", "architecture": "a b"}', "its `architecture` is not a name"),
    ],
)
def test_no_platform(body: bytes, why: str) -> None:
    with pytest.raises(DocumentError, match=why):
        parse_config(body)
