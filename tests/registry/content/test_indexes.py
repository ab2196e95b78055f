"""The entries of an index, read from documents in memory; every other shape is in `test_client`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from auditor.images.images import UnknownReason
from auditor.images.platforms import Platform, parse_platform
from auditor.registry.content.documents import Descriptor, DocumentError, Index, parse_document
from auditor.registry.content.resolution import MAX_CHILDREN, Entry, Fetched, IndexReader
from auditor.registry.interface import Missing
from tests.support.images import (
    OCI_INDEX,
    OCI_MANIFEST,
    Pushed,
    config_of,
    digest_of,
    manifest_of,
    row_of,
)

LINUX = parse_platform("linux/amd64")
WINDOWS = parse_platform("windows/amd64")
SERVER_2022 = parse_platform("windows(10.0.20348.1970)/amd64")


class Documents:
    """The content of a repository. asked: the digests of the manifests that were read."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.asked: list[str] = []

    def add_image(self, config: Mapping[str, Any]) -> Pushed:
        blob = json.dumps(config).encode()
        self.held[digest_of(blob)] = blob
        return self._add(manifest_of(blob), OCI_MANIFEST)

    def add_index(self, *rows: Mapping[str, Any]) -> Pushed:
        return self._add({"schemaVersion": 2, "manifests": rows}, OCI_INDEX)

    def top(self) -> Fetched:
        raise NotImplementedError

    def manifest(self, descriptor: Descriptor) -> Fetched:
        self.asked.append(descriptor.digest)
        if descriptor.digest not in self.held:
            raise Missing(UnknownReason.NOT_FOUND, "it is not there")
        body = self.held[descriptor.digest]
        return Fetched(body, descriptor.digest, descriptor.media_type)

    def has(self, descriptor: Descriptor) -> bool:
        return descriptor.digest in self.held

    def config(self, descriptor: Descriptor) -> bytes:
        return self.held[descriptor.digest]

    def reader(self, *, verify_children: bool = False) -> IndexReader:
        return IndexReader(self, one_by_one, verify_children=verify_children)

    def _add(self, document: Mapping[str, Any], media_type: str) -> Pushed:
        body = json.dumps(document).encode()
        self.held[digest_of(body)] = body
        return Pushed(digest_of(body), len(body), media_type)


def one_by_one(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    return [function(item) for item in items]


def index(*rows: Mapping[str, Any]) -> Index:
    document = parse_document(json.dumps({"manifests": rows}).encode(), OCI_INDEX)
    assert isinstance(document, Index)
    return document


def test_an_index_that_is_listed_again_is_opened_once() -> None:
    """Otherwise a few rows on each of some levels would make millions of entries."""
    documents = Documents()
    image = documents.add_image(config_of(LINUX))
    inner = row_of(documents.add_index(row_of(image, LINUX)))
    outer = row_of(documents.add_index(inner, inner))

    entries = documents.reader().read(index(outer, inner, outer))

    assert entries == (Entry(LINUX, image.digest),)


def test_rows_that_name_one_manifest_are_all_entries() -> None:
    documents = Documents()
    image = documents.add_image(config_of(LINUX))

    entries = documents.reader().read(index(row_of(image), row_of(image)))

    assert entries == (Entry(LINUX, image.digest), Entry(LINUX, image.digest))
    assert documents.asked == [image.digest]


@pytest.mark.parametrize(
    ("of_row", "of_config", "found"),
    [
        (["win32k"], [], ("win32k",)),
        ([], ["win32k"], ("win32k",)),
        (["win32k"], ["other"], ("win32k",)),
    ],
)
def test_features_are_those_of_the_row_else_those_of_the_config(
    of_row: list[str], of_config: list[str], found: tuple[str, ...]
) -> None:
    documents = Documents()
    image = documents.add_image(config_of(SERVER_2022, **{"os.features": of_config}))
    platform = {"os": "windows", "architecture": "amd64", "os.features": of_row}

    [entry] = documents.reader().read(index({**row_of(image), "platform": platform}))

    assert entry.platform == Platform(
        "windows", "amd64", os_version="10.0.20348.1970", os_features=found
    )


def test_as_many_manifests_are_read_as_may_be() -> None:
    documents = Documents()
    images = [
        row_of(documents.add_image(config_of(LINUX, author=str(number))))
        for number in range(MAX_CHILDREN + 1)
    ]

    assert len(documents.reader().read(index(*images[1:]))) == MAX_CHILDREN
    with pytest.raises(DocumentError, match=f"more than {MAX_CHILDREN} manifests"):
        documents.reader().read(index(*images))


def test_a_missing_manifest_dangles_where_its_row_says_what_it_is() -> None:
    documents = Documents()
    rows = [row_of(Pushed(digest_of(b"gone"), 4, OCI_MANIFEST), some) for some in (WINDOWS, LINUX)]

    reader = documents.reader(verify_children=True)
    assert [entry.dangling for entry in reader.read(index(*rows[1:]))] == [True]
    reader = documents.reader()
    assert [entry.dangling for entry in reader.read(index(*rows[1:]))] == [False]
    assert [entry.dangling for entry in reader.read(index(*rows[:1]))] == [True]


def test_a_missing_manifest_whose_row_says_nothing_is_left_out() -> None:
    reader = Documents().reader()

    assert reader.read(index(row_of(Pushed(digest_of(b"gone"), 4, OCI_MANIFEST)))) == ()
    [note] = reader.notes
    assert note.endswith("of the index was skipped: it is not there")
