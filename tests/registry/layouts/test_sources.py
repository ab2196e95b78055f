"""Images on disk: which names they answer to, what their documents say, and hostile files."""

import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import ConfigurationError, UsageError
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.images.platforms import Platform, parse_platform
from auditor.registry.layouts import (
    LayoutLookup,
    LayoutSource,
    parse_layout,
    read_layout,
    read_layouts,
)
from tests.support.images import (
    ATTESTATION,
    OCI_INDEX,
    OCI_MANIFEST,
    Pushed,
    config_of,
    manifest_of,
    row_of,
)

CONTAINERD = "io.containerd.image.name"
REF = "org.opencontainers.image.ref.name"
NGINX = ImageReference("docker.io", "library/nginx", "1.27")
APP = ImageReference("quay.io", "x/app", "1")
AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64/v8")
WINDOWS = parse_platform("windows(10.0.20348.1970)/amd64")


class Layout:
    """A layout in the making: its files by name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}

    def blob(self, content: bytes, media_type: str = "") -> Pushed:
        digest = hashlib.sha256(content).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = content
        return Pushed(f"sha256:{digest}", len(content), media_type)

    def manifest(self, platform: Platform | None, **config: Any) -> Pushed:
        blob = json.dumps(config_of(platform, **config)).encode()
        self.blob(blob)
        return self.blob(json.dumps(manifest_of(blob)).encode(), OCI_MANIFEST)

    def image(self, *platforms: Platform, rows: Sequence[Mapping[str, Any]] = ()) -> Pushed:
        index = [row_of(self.manifest(platform), platform) for platform in platforms]
        content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*index, *rows]}
        return self.blob(json.dumps(content).encode(), OCI_INDEX)

    def index(self, *rows: Mapping[str, Any]) -> None:
        self.files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": rows}).encode()

    def name(self, pushed: Pushed, **names: str) -> dict[str, Any]:
        keys = {"containerd": CONTAINERD, "ref": REF}
        return row_of(pushed, annotations={keys[key]: value for key, value in names.items()})

    def folder(self, path: Path) -> Path:
        for name, content in self.files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
        return path

    def archive(self, path: Path, prefix: str = "") -> Path:
        with tarfile.open(path, "w") as archive:
            for name, content in {**self.files, "blobs/sha256/layer": b"\x1f\x8b" * 5000}.items():
                add(archive, prefix + name, content)
        return path


def add(archive: tarfile.TarFile, name: str, content: bytes, **fields: Any) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    for field, value in fields.items():
        setattr(member, field, value)
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def layout() -> Layout:
    return Layout()


def read(text: str) -> Mapping[ImageReference, Any]:
    return read_layout(parse_layout(text))


def test_a_folder_as_containerd_and_docker_name_it(layout: Layout, tmp_path: Path) -> None:
    pushed = layout.image(AMD64, ARM64)
    layout.index(layout.name(pushed, containerd="docker.io/library/nginx:1.27", ref="1.27"))
    folder = layout.folder(tmp_path / "layout")
    assert read(f"oci:{folder}") == {
        NGINX: KnownPlatforms((AMD64, ARM64), "index", pushed.digest, f"oci:{folder}")
    }


def test_a_full_name_in_the_oci_annotation_counts_too(layout: Layout, tmp_path: Path) -> None:
    one, other = layout.image(AMD64), layout.manifest(ARM64)
    layout.index(layout.name(one, ref="nginx:1.27"), layout.name(other, ref="quay.io/x/app:1"))
    folder = layout.folder(tmp_path / "layout")
    assert read(f"oci:{folder}") == {
        NGINX: KnownPlatforms((AMD64,), "index", one.digest, f"oci:{folder}"),
        APP: KnownPlatforms((ARM64,), "manifest", other.digest, f"oci:{folder}"),
    }


def test_a_tag_alone_needs_a_name_from_the_user(layout: Layout, tmp_path: Path) -> None:
    pushed = layout.image(AMD64)
    layout.index(layout.name(pushed, ref="latest"))
    folder = layout.folder(tmp_path / "layout")
    with pytest.raises(ConfigurationError) as caught:
        read(f"oci:{folder}")
    problem = caught.value.problem
    assert problem.why == "it has no full name for a matching image (of latest)"
    assert problem.hint == f"set the name of the image: NAME=oci:{folder}"
    assert read(f"quay.io/x/app:1=oci:{folder}").keys() == {APP}


def test_one_of_several_is_chosen(layout: Layout, tmp_path: Path) -> None:
    one, other = layout.image(AMD64), layout.image(ARM64)
    layout.index(layout.name(one, ref="a"), layout.name(other, ref="b:1"))
    folder = layout.folder(tmp_path / "layout")
    assert read(f"quay.io/x/app:1=oci:{folder}:b:1")[APP].platforms == (ARM64,)
    with pytest.raises(ConfigurationError) as caught:
        read(f"quay.io/x/app:1=oci:{folder}")
    assert caught.value.problem.why == "it has 2 matching images (of a, b:1)"
    assert caught.value.problem.hint == f"choose one: NAME=oci:{folder}:REF"
    with pytest.raises(ConfigurationError, match="cannot read the image layout"):
        read(f"quay.io/x/app:1=oci:{folder}:c")


def test_an_index_that_is_the_image_itself(layout: Layout, tmp_path: Path) -> None:
    layout.index(*(row_of(layout.manifest(p), p) for p in (AMD64, ARM64)))
    folder = layout.folder(tmp_path / "layout")
    digest = f"sha256:{hashlib.sha256(layout.files['index.json']).hexdigest()}"
    assert read(f"quay.io/x/app:1=oci:{folder}") == {
        APP: KnownPlatforms((AMD64, ARM64), "index", digest, f"oci:{folder}")
    }


def test_gaps_are_filled_from_the_configs_that_are_there(layout: Layout, tmp_path: Path) -> None:
    bare = parse_platform("windows/amd64")
    rows = [
        row_of(layout.manifest(WINDOWS), bare),
        row_of(layout.manifest(ARM64)),
        row_of(layout.manifest(AMD64), AMD64, annotations=ATTESTATION),
    ]
    layout.index(layout.name(layout.image(rows=rows), ref="quay.io/x/app:1"))
    known = read(f"oci:{layout.folder(tmp_path / 'layout')}")[APP]
    assert known.platforms == (WINDOWS, ARM64)
    assert known.completed == ((WINDOWS, VersionSource.CONFIG),)


def test_platforms_that_were_not_copied_are_no_fault_of_the_image(
    layout: Layout, tmp_path: Path
) -> None:
    absent = row_of(Pushed(f"sha256:{'a' * 64}", 10, OCI_MANIFEST), ARM64)
    windows = row_of(
        Pushed(f"sha256:{'b' * 64}", 10, OCI_MANIFEST), parse_platform("windows/amd64")
    )
    layout.index(layout.name(layout.image(AMD64, rows=[absent, windows]), ref="quay.io/x/app:1"))
    known = read(f"oci:{layout.folder(tmp_path / 'layout')}")[APP]
    assert list(map(str, known.platforms)) == ["linux/amd64", "linux/arm64/v8", "windows/amd64"]
    assert known.dangling == ()
    assert known.notes == ("windows/amd64: its Windows build is unknown: it is not in the layout",)


@pytest.mark.parametrize("which", ["index", "manifest", "config"])
def test_content_that_is_not_its_digest(layout: Layout, tmp_path: Path, which: str) -> None:
    before = set(layout.files)
    pushed = layout.manifest(AMD64) if which != "index" else layout.image(AMD64)
    layout.index(layout.name(pushed, ref="quay.io/x/app:1"))
    damaged = pushed.digest
    if which == "config":
        (config,) = {f"sha256:{n[-64:]}" for n in set(layout.files) - before if "blobs" in n} - {
            pushed.digest
        }
        damaged = config
    layout.files[f"blobs/{damaged.replace(':', '/')}"] += b" "
    answer = read(f"oci:{layout.folder(tmp_path / 'layout')}")[APP]
    assert answer == UnknownPlatforms(
        UnknownReason.DIGEST_MISMATCH,
        f"content of {damaged} does not match its digest",
        "the layout is damaged; write it again",
    )


def test_an_image_that_is_not_there(layout: Layout, tmp_path: Path) -> None:
    layout.index(layout.name(Pushed(f"sha256:{'a' * 64}", 10, ""), ref="quay.io/x/app:1"))
    folder = layout.folder(tmp_path / "layout")
    assert read(f"oci:{folder}")[APP] == UnknownPlatforms(
        UnknownReason.MALFORMED,
        f"quay.io/x/app:1 in oci:{folder} cannot be read: it is not in the layout",
    )


@pytest.mark.parametrize("digest", ["", "sha256:../../../../etc/passwd", "sha256:abc"])
def test_a_digest_that_is_none_names_no_file(layout: Layout, tmp_path: Path, digest: str) -> None:
    layout.index(layout.name(Pushed(digest, 10, ""), ref="quay.io/x/app:1"))
    answer = read(f"oci:{layout.folder(tmp_path / 'layout')}")[APP]
    assert answer.message.endswith("cannot be read: it has no digest")


def test_the_first_of_two_images_of_one_name_counts(layout: Layout, tmp_path: Path) -> None:
    one, other = layout.image(AMD64), layout.image(ARM64)
    layout.index(layout.name(one, ref="nginx:1.27"), layout.name(other, ref="nginx:1.27"))
    assert read(f"oci:{layout.folder(tmp_path / 'layout')}")[NGINX].platforms == (AMD64,)


def test_a_document_that_is_too_large(layout: Layout, tmp_path: Path) -> None:
    pushed = layout.blob(b"{" + b" " * 5_000_000)
    layout.index(layout.name(pushed, ref="quay.io/x/app:1"))
    answer = read(f"oci:{layout.folder(tmp_path / 'layout')}")[APP]
    assert answer.reason is UnknownReason.MALFORMED
    assert answer.message.endswith(f"{pushed.digest[7:]} is larger than 4194304 bytes")


def test_an_embedded_manifest_is_as_good_as_a_file(layout: Layout, tmp_path: Path) -> None:
    pushed = layout.manifest(WINDOWS)
    content = layout.files.pop(f"blobs/{pushed.digest.replace(':', '/')}")
    row = row_of(pushed, parse_platform("windows/amd64"), data=base64.b64encode(content).decode())
    layout.index(layout.name(layout.image(rows=[row]), ref="quay.io/x/app:1"))
    known = read(f"oci:{layout.folder(tmp_path / 'layout')}")[APP]
    assert known.platforms == (WINDOWS,)


def test_something_that_is_no_image(layout: Layout, tmp_path: Path) -> None:
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.cncf.helm.config.v1+json",
            "digest": f"sha256:{'a' * 64}",
            "size": 2,
        },
        "layers": [],
    }
    layout.index(layout.name(layout.blob(json.dumps(manifest).encode()), ref="quay.io/x/app:1"))
    answer = read(f"oci:{layout.folder(tmp_path / 'layout')}")[APP]
    assert answer.reason is UnknownReason.NOT_AN_IMAGE
    assert answer.message == "quay.io/x/app:1 is a Helm chart, not a container image"


@pytest.mark.parametrize(
    ("index", "why"),
    [
        (b"", "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b"[" * 100_000, "it is nested too deep"),
        (b"{}", "index.json lists no images, or more than 1000"),
        (b'{"manifests": null}', "index.json lists no images, or more than 1000"),
        (b'{"manifests": [1, "x", null]}', "it has no full name for a matching image"),
        (
            json.dumps({"manifests": [{}] * 1001}).encode(),
            "index.json lists no images, or more than 1000",
        ),
        (b" " * (4 * 2**20 + 1), "index.json is larger than 4194304 bytes"),
    ],
)
def test_an_index_that_is_wrong(layout: Layout, tmp_path: Path, index: bytes, why: str) -> None:
    layout.files["index.json"] = index
    with pytest.raises(ConfigurationError) as caught:
        read(f"oci:{layout.folder(tmp_path / 'layout')}")
    assert caught.value.problem.why == why


def test_a_folder_without_an_index(layout: Layout, tmp_path: Path) -> None:
    folder = layout.folder(tmp_path / "layout")
    os.mkfifo(folder / "index.json")  # would block whoever reads it
    with pytest.raises(ConfigurationError) as caught:
        read(f"oci:{folder}")
    assert caught.value.problem.why == "it contains neither index.json nor manifest.json"
    assert caught.value.problem.where == str(folder)


@pytest.mark.parametrize("prefix", ["", "./"])
@pytest.mark.parametrize("scheme", ["oci-archive", "docker-archive"])
def test_an_archive(layout: Layout, tmp_path: Path, scheme: str, prefix: str) -> None:
    pushed = layout.image(AMD64, ARM64)
    layout.index(layout.name(pushed, containerd="docker.io/library/nginx:1.27", ref="1.27"))
    path = layout.archive(tmp_path / "image.tar", prefix)
    assert read(f"{scheme}:{path}") == {
        NGINX: KnownPlatforms((AMD64, ARM64), "index", pushed.digest, f"{scheme}:{path}")
    }


def test_a_compressed_archive(layout: Layout, tmp_path: Path) -> None:
    pushed = layout.image(AMD64)
    layout.index(layout.name(pushed, ref="quay.io/x/app:1"))
    path = layout.archive(tmp_path / "image.tar")
    packed = tmp_path / "image.tar.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read(f"oci-archive:{packed}").keys() == {APP}


def saved(layout: Layout, *tags: str, platform: Platform = AMD64, **config: Any) -> None:
    """What docker save wrote before version 25."""
    blob = json.dumps(config_of(platform, **config)).encode()
    name = f"{hashlib.sha256(blob).hexdigest()}.json"
    layout.files = {
        name: blob,
        "manifest.json": json.dumps([{"Config": name, "RepoTags": tags, "Layers": []}]).encode(),
    }


def test_what_docker_saved_before_version_25(layout: Layout, tmp_path: Path) -> None:
    saved(layout, "nginx:1.27", "quay.io/x/app:1")
    path = layout.archive(tmp_path / "image.tar")
    note = "it was saved for one platform; the image may have others"
    known = KnownPlatforms((AMD64,), "manifest", "", f"docker-archive:{path}", (note,))
    assert read(f"docker-archive:{path}") == {NGINX: known, APP: known}
    assert read(f"docker-archive:{path}:nginx:1.27") == {NGINX: known, APP: known}
    assert read(f"redis:7=docker-archive:{path}:nginx:1.27") == {
        ImageReference("docker.io", "library/redis", "7"): known
    }


def test_a_saved_windows_image_tells_its_build_by_its_history(
    layout: Layout, tmp_path: Path
) -> None:
    history = [{"created_by": "Apply image 10.0.20348.1970"}]
    saved(layout, "nginx:1.27", platform=parse_platform("windows/amd64"), history=history)
    known = read(f"docker-archive:{layout.archive(tmp_path / 'image.tar')}")[NGINX]
    assert known.platforms == (WINDOWS,)
    assert known.completed == ((WINDOWS, VersionSource.HISTORY),)


def test_a_saved_image_without_its_config(layout: Layout, tmp_path: Path) -> None:
    layout.files = {"manifest.json": b'[{"Config": "x.json", "RepoTags": ["nginx:1.27"]}]'}
    path = layout.archive(tmp_path / "image.tar")
    assert read(f"docker-archive:{path}")[NGINX] == UnknownPlatforms(
        UnknownReason.MALFORMED,
        f"nginx:1.27 in docker-archive:{path} cannot be read: its config: it is not in the layout",
    )


def test_a_saved_config_that_is_not_its_name(layout: Layout, tmp_path: Path) -> None:
    saved(layout, "nginx:1.27")
    (name,) = set(layout.files) - {"manifest.json"}
    layout.files[name] += b" "
    answer = read(f"docker-archive:{layout.archive(tmp_path / 'image.tar')}")[NGINX]
    assert answer.reason is UnknownReason.DIGEST_MISMATCH


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "manifest.json lists no images, or more than 1000"),
        (b"[1, {}]", "it has no full name for a matching image"),
        (b'[{"RepoTags": "x", "Config": []}]', "it has no full name for a matching image"),
        (b"[", "it is not JSON"),
    ],
)
def test_a_saved_list_that_is_wrong(
    layout: Layout, tmp_path: Path, content: bytes, why: str
) -> None:
    layout.files = {"manifest.json": content}
    with pytest.raises(ConfigurationError) as caught:
        read(f"docker-archive:{layout.archive(tmp_path / 'image.tar')}")
    assert caught.value.problem.why == why


def test_how_a_layout_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    assert parse_layout(f"oci:{folder}") == LayoutSource("oci", folder)
    assert parse_layout(f"oci:{folder}:c:1") == LayoutSource("oci", folder, "c:1")
    assert parse_layout(f"nginx:1.27=oci:{folder}:c") == LayoutSource("oci", folder, "c", NGINX)
    (tmp_path / "x=oci:y").mkdir()
    equals = parse_layout(f"oci-archive:{tmp_path}/x=oci:y")
    assert equals == LayoutSource("oci-archive", tmp_path / "x=oci:y")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "`` is not an image layout"),
        ("nginx", "`nginx` is not an image layout"),
        ("dir:x", "`dir:x` is not an image layout"),
        ("nginx=dir:x", "`nginx=dir:x` is not an image layout"),
        ("oci:no/such:folder", "there is no image layout at `no/such:folder`"),
        ("oci:", "there is no image layout at ``"),
        ("oci:\0", "there is no image layout at `\\x00`"),
        (f"oci:{'x' * 500}", f"there is no image layout at `{'x' * 100} … {'x' * 100}`"),
        ("Nginx=oci:.", 'invalid image reference "Nginx": the repository must be lower case'),
    ],
)
def test_how_a_layout_is_not_written(text: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_layout(text)
    assert caught.value.problem.what == what


def test_lookups_by_name_and_by_digest() -> None:
    digest, other = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
    known = KnownPlatforms((AMD64,), "index", digest, "oci:x")
    lookup = LayoutLookup({APP: known, NGINX: UnknownPlatforms(UnknownReason.MALFORMED, "x")})
    assert lookup(APP) == known
    assert lookup(ImageReference("quay.io", "x/app", "2")) is None
    assert lookup(ImageReference("quay.io", "x/app", "", digest)) == known
    assert lookup(ImageReference("quay.io", "x/app", "2", digest)) == known
    assert lookup(ImageReference("quay.io", "x/app", "1", other)) is None
    assert lookup(ImageReference("quay.io", "y/app", "1", digest)) is None
    assert isinstance(lookup(NGINX), UnknownPlatforms)


def test_the_first_of_several_layouts_counts(tmp_path: Path) -> None:
    sources = []
    for name, platform in (("one", AMD64), ("two", ARM64)):
        layout = Layout()
        layout.index(layout.name(layout.image(platform), ref="quay.io/x/app:1"))
        sources.append(parse_layout(f"oci:{layout.folder(tmp_path / name)}"))
    answer = read_layouts(sources)(APP)
    assert isinstance(answer, KnownPlatforms)
    assert answer.platforms == (AMD64,)
