"""Formats are found by name, and nothing is loaded before."""

import json
import subprocess
import sys

import pytest
from msgspec.structs import replace

from auditor.formats.catalog import FORMATS, PLAIN, WITHOUT_NOTICES, find_format, render
from tests.support.reports import SHOP, audit
from tests.support.tools import ROOT


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_whole_lines_and_the_same_each_time(name: str) -> None:
    text = render(name, audit(SHOP), PLAIN)

    assert text.endswith("\n")
    assert text == find_format(name)(audit(SHOP), PLAIN)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_that_does_not_tell_notices_says_so(name: str) -> None:
    text = render(name, replace(audit(SHOP), notices=("hear-me",)), PLAIN)

    assert ("hear-me" in text) is (name not in WITHOUT_NOTICES)


def test_a_version_of_json_can_be_pinned() -> None:
    assert FORMATS["json"] == FORMATS["json-v1"]


def test_the_catalog_loads_neither_formats_nor_libraries() -> None:
    probe = "import auditor.formats.catalog, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, timeout=60
    )

    loaded = set(json.loads(done.stdout))
    modules = {place.partition(":")[0] for place in FORMATS.values()}
    assert loaded & (modules | {"tabulate", "rich", "xml.etree.ElementTree"}) == set()
