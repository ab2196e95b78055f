"""Documents as bytes: what they are, and that no bytes can do harm."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.images.platforms import Platform, parse_platform
from auditor.registry.content.documents import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    Artifact,
    Descriptor,
    DocumentError,
    ImageManifest,
    Index,
    Row,
    Schema1,
    parse_document,
)

DIGEST = f"sha256:{'a' * 64}"
OCI_INDEX, DOCKER_LIST = INDEX_TYPES
OCI_MANIFEST, DOCKER_MANIFEST = MANIFEST_TYPES
SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
LINUX = {"os": "linux", "architecture": "amd64"}
ROW = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 7, "platform": LINUX}
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 7}


def parse(value: Any, content_type: str = "") -> Any:
    return parse_document(json.dumps(value).encode(), content_type)


def rows(*entries: Any) -> tuple[Row, ...]:
    index = parse({"manifests": entries}, OCI_INDEX)
    assert isinstance(index, Index)
    return index.rows


def notes(*entries: Any) -> tuple[str, ...]:
    index = parse({"manifests": entries}, OCI_INDEX)
    assert isinstance(index, Index)
    return index.notes


@pytest.mark.parametrize("header", ["", "text/plain", "application/json; charset=utf-8"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"mediaType": OCI_INDEX, "manifests": []}, Index),
        ({"mediaType": DOCKER_LIST, "manifests": []}, Index),
        ({"manifests": []}, Index),
        ({"mediaType": OCI_MANIFEST, "config": CONFIG}, ImageManifest),
        ({"mediaType": DOCKER_MANIFEST, "config": CONFIG}, ImageManifest),
        ({"config": CONFIG, "layers": []}, ImageManifest),
        ({"fsLayers": []}, Schema1),
        ({"mediaType": "application/vnd.future.v3+json", "manifests": []}, Index),
    ],
)
def test_the_kind_by_body_and_structure(value: Any, kind: type, header: str) -> None:
    assert isinstance(parse(value, header), kind)


def test_the_kind_by_header() -> None:
    assert isinstance(parse({"config": CONFIG}, OCI_MANIFEST + "; charset=utf-8"), ImageManifest)
    assert isinstance(parse({"manifests": []}, OCI_INDEX.upper()), Index)
    assert isinstance(parse({"name": "x"}, SIGNED), Schema1)


@pytest.mark.parametrize(
    ("value", "header", "why"),
    [
        ({"mediaType": OCI_INDEX, "manifests": []}, OCI_MANIFEST, "a manifest by its header"),
        ({"mediaType": OCI_MANIFEST, "config": CONFIG}, DOCKER_LIST, "an index by its header"),
        ({"manifests": [], "config": CONFIG}, "", "as an index or as a manifest"),
        ({"manifests": [], "layers": []}, OCI_INDEX, "as an index or as a manifest"),
        ({"config": CONFIG}, OCI_INDEX, "does not match its media type"),
        ({"manifests": []}, OCI_MANIFEST, "does not match its media type"),
        ({"layers": []}, OCI_INDEX, "does not match its media type"),
        ({"config": CONFIG, "fsLayers": []}, OCI_MANIFEST, "does not match its media type"),
        ({"manifests": []}, SIGNED, "does not match its media type"),
        ({"mediaType": OCI_MANIFEST}, "", "it has no config"),
        ({"config": []}, "", "it has no config"),
        ({"config": {"digest": "sha256:x"}}, "", "its digest is not valid"),
        ({"errors": []}, "", "it is neither an index nor a manifest"),
        ({"manifests": [{}] * 1001}, "", "it has 1001 rows, more than 1000"),
    ],
)
def test_refused(value: Any, header: str, why: str) -> None:
    with pytest.raises(DocumentError, match=why):
        parse(value, header)


def test_too_large() -> None:
    with pytest.raises(DocumentError, match="larger than 4194304 bytes"):
        parse_document(b" " * 4_194_305)


def test_an_index_and_a_manifest_of_two_families_agree() -> None:
    assert isinstance(parse({"mediaType": OCI_INDEX, "manifests": []}, DOCKER_LIST), Index)


def test_a_row() -> None:
    data = base64.b64encode(b"content").decode()

    assert rows({**ROW, "data": data, "unknown": ["x"]}) == (
        Row(Descriptor(DIGEST, 7, OCI_MANIFEST, b"content"), parse_platform("linux/amd64")),
    )


@pytest.mark.parametrize("data", ["%%%", "", 7, None, ["x"], "ü"])
def test_embedded_data_that_is_none(data: Any) -> None:
    assert rows({**ROW, "data": data})[0].descriptor.data is None


@pytest.mark.parametrize(
    "entry",
    [
        {key: value for key, value in ROW.items() if key != "platform"},
        {**ROW, "platform": None},
        {**ROW, "mediaType": OCI_INDEX},
    ],
)
def test_rows_whose_platform_another_document_knows(entry: Any) -> None:
    assert [row.platform for row in rows(entry)] == [None]


@pytest.mark.parametrize("size", [None, 0])
def test_a_row_without_a_size(size: int | None) -> None:
    assert rows({**ROW, "size": size})[0].descriptor.size is None


@pytest.mark.parametrize(
    "entry",
    [
        {**ROW, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {**ROW, "annotations": {"vnd.docker.reference.digest": DIGEST}},
        {**ROW, "platform": {"os": "unknown", "architecture": "unknown"}},
        {**ROW, "platform": {"os": "linux", "architecture": "unknown"}},
    ],
)
def test_attestations_are_left_out_without_a_note(entry: Any) -> None:
    assert (rows(entry), notes(entry)) == ((), ())


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (None, "it is not an object"),
        ("x", "it is not an object"),
        ({**ROW, "digest": None}, "it has no digest"),
        ({**ROW, "digest": "sha256:zz"}, "its digest is not valid"),
        ({**ROW, "size": -1}, "its size is not a number of bytes"),
        ({**ROW, "size": "7"}, "its size is not a number of bytes"),
        ({**ROW, "size": True}, "its size is not a number of bytes"),
        ({**ROW, "platform": "linux/amd64"}, "its platform is not an object"),
        ({**ROW, "platform": {}}, "it has no operating system"),
        ({**ROW, "platform": {"os": "linux"}}, "it has no architecture"),
        ({**ROW, "platform": {**LINUX, "os": 7}}, "its `os` is not a name"),
        ({**ROW, "platform": {**LINUX, "variant": ["v8"]}}, "its `variant` is not a name"),
        ({**ROW, "platform": {**LINUX, "os.features": "x"}}, "its `os.features` is not a list"),
        ({**ROW, "platform": {**LINUX, "os.features": [7]}}, "its `os.features` is not a list"),
        ({**ROW, "mediaType": "text/x"}, "its media type text/x is not that of an image"),
    ],
)
def test_rows_that_make_no_sense_are_noted(entry: Any, why: str) -> None:
    assert [row.platform for row in rows(entry, ROW)] == [parse_platform("linux/amd64")]
    (note,) = notes(ROW, entry)
    assert note.startswith("row 2 of the index was skipped: ")
    assert why in note


def test_versions_count_for_windows_only() -> None:
    version = {"os.version": "10.0.20348.1", "os.features": ["win32k"]}
    windows = {"os": "Windows", "architecture": "x86_64", **version}

    assert [
        row.platform
        for row in rows({**ROW, "platform": windows}, {**ROW, "platform": {**LINUX, **version}})
    ] == [
        Platform("windows", "amd64", os_version="10.0.20348.1", os_features=("win32k",)),
        Platform("linux", "amd64", os_features=("win32k",)),
    ]


@pytest.mark.parametrize(
    ("config_type", "more", "what"),
    [
        ("application/vnd.cncf.helm.config.v1+json", {}, "a Helm chart"),
        ("application/vnd.wasm.config.v0+json", {}, "a WebAssembly module"),
        ("application/vnd.docker.plugin.v1+json", {}, "a Docker plugin"),
        ("application/vnd.cncf.flux.config.v1+json", {}, "a Flux artifact"),
        (CONFIG["mediaType"], {"artifactType": "application/spdx+json"}, "a bill of materials"),
        (
            CONFIG["mediaType"],
            {"layers": [{"mediaType": "application/vnd.dev.cosign.simplesigning.v1+json"}]},
            "a signature",
        ),
        (
            CONFIG["mediaType"],
            {"layers": [{"mediaType": "application/vnd.in-toto+json"}]},
            "an attestation",
        ),
        ("application/x\x1b[2J", {}, r"an artifact of type application/x\x1b[2J"),
    ],
)
def test_artifacts(config_type: str, more: dict[str, Any], what: str) -> None:
    value = {"mediaType": OCI_MANIFEST, "config": {**CONFIG, "mediaType": config_type}, **more}

    assert parse(value) == Artifact(what)


@pytest.mark.parametrize(
    "layers",
    [
        None,
        [],
        [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}],
        [{"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}],
        [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd"}, {"mediaType": "x/y"}],
        [{}],
        ["x"],
    ],
)
@pytest.mark.parametrize("config_type", [CONFIG["mediaType"], ""])
def test_images(layers: Any, config_type: str) -> None:
    value = {"config": {**CONFIG, "mediaType": config_type}, "layers": layers}

    assert isinstance(parse(value), ImageManifest)


def test_an_image_stays_one_whatever_artifact_it_says_it_is() -> None:
    """Nodes look at its config, not at its `artifactType`."""
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
    value = {"artifactType": "application/vnd.example+json", "config": CONFIG, "layers": [layer]}

    assert isinstance(parse(value), ImageManifest)


KEYS = (
    "manifests config layers mediaType platform digest size os architecture annotations data "
    "fsLayers history artifactType"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            inner | st.sampled_from([OCI_INDEX, OCI_MANIFEST, DIGEST, "linux"]),
            max_size=6,
        )
    ),
    max_leaves=25,
)


def notes_or_error(body: bytes, content_type: str) -> tuple[str, ...]:
    try:
        document = parse_document(body, content_type)
    except DocumentError as error:
        return (str(error),)
    return document.notes if isinstance(document, Index) else ()


@given(JSON)
def test_no_json_does_harm(value: Any) -> None:
    assert all(map(str.isprintable, notes_or_error(json.dumps(value).encode(), "")))


@given(st.binary(max_size=200), st.text(max_size=40))
def test_no_bytes_do_harm(body: bytes, content_type: str) -> None:
    assert all(map(str.isprintable, notes_or_error(body, content_type)))
