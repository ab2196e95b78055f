"""Where code hosts look for a file."""

import pytest
from msgspec.structs import replace

from auditor.formats.catalog import PLAIN, Style
from auditor.formats.excerpt import repository_path, source_link, split_place, uri
from auditor.kubernetes.manifests import Document, Location
from tests.support.reports import audit, workload

BLOB = Style(source_url="https://github.com/o/r/blob/abc/")


def document(path: str = "pods.yaml", *, identity: str = "", chart: str = "") -> Document:
    return Document(
        path, workload(), ".", chart=chart, identity=identity, in_repository=bool(identity)
    )


def test_the_path_from_the_root_of_the_repository() -> None:
    (known,) = audit(document(identity="deploy/pods.yaml")).findings
    (unknown,) = audit(document("../pods.yaml")).findings
    elsewhere = replace(known.observation, location=Location("charts/x/values.yaml", 3))

    assert repository_path(known.observation) == "deploy/pods.yaml"
    assert repository_path(unknown.observation) == "../pods.yaml"
    assert repository_path(elsewhere) == "charts/x/values.yaml"


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("deploy/pods.yaml", "deploy/pods.yaml"),
        ("a b/größe#1?.yaml", "a%20b/gr%C3%B6%C3%9Fe%231%3F.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
        ("oci://registry.test/chart", "oci%3A//registry.test/chart"),
        ("/srv/pods.yaml", "file:///srv/pods.yaml"),
        ("C:/deploy/pods.yaml", "file:///C:/deploy/pods.yaml"),
        ("\udc80.yaml", "%3F.yaml"),
    ],
)
def test_uris(path: str, written: str) -> None:
    assert uri(path) == written


def test_links_to_the_source() -> None:
    (exact,) = audit(document(identity="deploy/a b.yaml")).findings
    (made,) = audit(document(identity="charts/x/templates/a.yaml", chart="charts/x")).findings
    (nowhere,) = audit(document("<stdin>")).findings

    assert source_link(exact.observation, BLOB) == (
        "https://github.com/o/r/blob/abc/deploy/a%20b.yaml#L8"
    )
    assert source_link(made.observation, BLOB) == (
        "https://github.com/o/r/blob/abc/charts/x/templates/a.yaml"
    )
    assert source_link(nowhere.observation, BLOB) == ""
    assert source_link(exact.observation, PLAIN) == ""


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("", ("", 1)),
        ("charts/shop", ("charts/shop", 1)),
        ("a.yaml:12", ("a.yaml", 12)),
        ("a.yaml:12:20", ("a.yaml", 12)),
        ("odd:name.yaml:3:1", ("odd:name.yaml", 3)),
    ],
)
def test_the_place_of_a_problem(where: str, place: tuple[str, int]) -> None:
    assert split_place(where) == place
