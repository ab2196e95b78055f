"""Every shape of image, out of a real registry."""

import base64
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    UnknownPlatforms,
    UnknownReason,
    VersionSource,
)
from auditor.images.platforms import Platform, make_platform, parse_platform
from auditor.registry.options import HostOptions
from tests.registry.conftest import Asker, MemoryBlobs, NewAsker
from tests.support.faults import FaultServer, Reply, Seen, index, redirect
from tests.support.images import (
    ATTESTATION,
    DOCKER_LIST,
    OCI_INDEX,
    OCI_MANIFEST,
    Pushed,
    config_of,
    digest_of,
    manifest_of,
    row_of,
)
from tests.support.registry import Registry

DATA = Path(__file__).parents[1] / "data"
LINUX = parse_platform("linux/amd64")
ARM = parse_platform("linux/arm64/v8")
WINDOWS = parse_platform("windows/amd64")
SERVER_2022 = parse_platform("windows(10.0.20348.1970)/amd64")


def texts(platforms: Iterable[Platform]) -> list[str]:
    return [str(platform) for platform in platforms]


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_costs_one_request(registry: Registry, asker: Asker, docker: bool) -> None:
    repository = f"shapes/index-{docker}".lower()
    rows = [
        row_of(registry.push_single(repository, platform, docker=docker), platform)
        for platform in (LINUX, ARM, SERVER_2022)
    ]
    digest = registry.push_index(repository, "1", rows, docker=docker)

    answer = asker.known(registry.reference(repository, "1"))

    assert answer == KnownPlatforms((LINUX, ARM, SERVER_2022), "index", digest)
    assert asker.requests == [f"GET {repository}/manifests/1"]


@pytest.mark.parametrize("docker", [False, True])
def test_a_single_manifest_is_what_its_config_says(
    registry: Registry, asker: Asker, docker: bool
) -> None:
    repository = f"shapes/single-{docker}".lower()
    pushed = registry.push_single(repository, ARM, tag="1", docker=docker)

    answer = asker.known(registry.reference(repository, "1"))

    assert answer == KnownPlatforms((ARM,), "manifest", pushed.digest)
    assert len(asker.requests) == 2


def test_a_single_windows_manifest_without_a_version_tells_it_in_its_history(
    registry: Registry, asker: Asker
) -> None:
    history = [{"created_by": "Apply image 10.0.26100.33438"}, {"created_by": "RUN 10.0.1.1"}]
    registry.push_single("shapes/history", tag="1", config=config_of(WINDOWS, history=history))

    answer = asker.known(registry.reference("shapes/history", "1"))

    found = parse_platform("windows(10.0.26100.33438)/amd64")
    assert answer.platforms == (found,)
    assert answer.completed == ((found, VersionSource.HISTORY),)


def test_nested_indexes_are_opened(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/nested", LINUX)
    inner = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [row_of(one, LINUX)]}
    )
    nested = registry.push_manifest("shapes/nested", "inner", inner.encode(), OCI_INDEX)
    two = registry.push_single("shapes/nested", ARM)
    registry.push_index("shapes/nested", "1", [row_of(nested), row_of(two, ARM)])

    answer = asker.known(registry.reference("shapes/nested", "1"))

    assert texts(answer.platforms) == ["linux/amd64", "linux/arm64/v8"]
    assert asker.requests == [
        "GET shapes/nested/manifests/1",
        f"GET shapes/nested/manifests/{nested.digest}",
    ]


def test_several_nested_indexes_are_noted(registry: Registry, asker: Asker) -> None:
    rows = []
    for platform in (LINUX, ARM):
        child = registry.push_single("shapes/nested-twice", platform)
        body = json.dumps({"schemaVersion": 2, "manifests": [row_of(child, platform)]}).encode()
        rows.append(row_of(registry.push_manifest("shapes/nested-twice", "", body, OCI_INDEX)))
    registry.push_index("shapes/nested-twice", "1", rows)

    answer = asker.known(registry.reference("shapes/nested-twice", "1"))

    assert texts(answer.platforms) == ["linux/amd64", "linux/arm64/v8"]
    assert answer.notes == ("it nests several indexes; containerd opens only the first",)


def test_indexes_nested_too_deep_are_refused(registry: Registry, asker: Asker) -> None:
    rows = [row_of(registry.push_single("shapes/deep", LINUX), LINUX)]
    for _ in range(5):
        body = json.dumps({"schemaVersion": 2, "manifests": rows}).encode()
        rows = [row_of(registry.push_manifest("shapes/deep", "", body, OCI_INDEX))]
    registry.push_index("shapes/deep", "1", rows)

    answer = asker.unknown(registry.reference("shapes/deep", "1"))

    assert answer.reason is UnknownReason.MALFORMED
    assert "indexes are nested more than 4 levels deep" in answer.message


def test_rows_without_a_platform_are_what_their_configs_say(
    registry: Registry, asker: Asker
) -> None:
    rows = [
        row_of(registry.push_single("shapes/bare-rows", LINUX)),
        row_of(registry.push_single("shapes/bare-rows", SERVER_2022), platform=None),
    ]
    registry.push_index("shapes/bare-rows", "1", rows)

    answer = asker.known(registry.reference("shapes/bare-rows", "1"))

    assert answer.platforms == (LINUX, SERVER_2022)
    assert answer.completed == ((SERVER_2022, VersionSource.CONFIG),)


def test_windows_rows_without_a_version_get_it_from_config_or_history(
    registry: Registry, asker: Asker
) -> None:
    history = [{"created_by": "Apply image 10.0.17763.3770"}]
    rows = [
        row_of(registry.push_single("shapes/windows", SERVER_2022), WINDOWS),
        row_of(
            registry.push_single("shapes/windows", config=config_of(WINDOWS, history=history)),
            WINDOWS,
        ),
    ]
    registry.push_index("shapes/windows", "1", rows)

    answer = asker.known(registry.reference("shapes/windows", "1"))

    old = parse_platform("windows(10.0.17763.3770)/amd64")
    assert answer.platforms == (SERVER_2022, old)
    assert answer.completed == ((SERVER_2022, VersionSource.CONFIG), (old, VersionSource.HISTORY))


def test_a_windows_image_that_nowhere_states_its_version_has_none(
    registry: Registry, asker: Asker
) -> None:
    """HostProcess images are legal without: they run on any build."""
    row = row_of(registry.push_single("shapes/host-process", WINDOWS), WINDOWS)
    registry.push_index("shapes/host-process", "1", [row])

    answer = asker.known(registry.reference("shapes/host-process", "1"))

    assert answer.platforms == (WINDOWS,)
    assert answer.completed == ()


def test_a_config_that_contradicts_its_row_is_noted(registry: Registry, asker: Asker) -> None:
    row = row_of(registry.push_single("shapes/contradiction", LINUX), WINDOWS)
    registry.push_index("shapes/contradiction", "1", [row])

    answer = asker.known(registry.reference("shapes/contradiction", "1"))

    assert answer.platforms == (WINDOWS,)
    assert answer.notes == ("windows/amd64: its config is for linux/amd64",)


def test_embedded_content_is_used_if_it_is_what_it_claims(registry: Registry, asker: Asker) -> None:
    config = json.dumps(config_of(SERVER_2022)).encode()
    body = manifest_of(config)
    body["config"]["data"] = base64.b64encode(config).decode()
    manifest = json.dumps(body).encode()
    registry.push_blob("shapes/data", config)
    pushed = registry.push_manifest("shapes/data", "", manifest, OCI_MANIFEST)
    good = row_of(pushed, WINDOWS, data=base64.b64encode(manifest).decode())
    registry.push_index("shapes/data", "good", [good])
    lie = base64.b64encode(manifest.replace(b"sha256", b"sha257")).decode()
    registry.push_index("shapes/data", "lie", [row_of(pushed, WINDOWS, data=lie)])

    assert asker.known(registry.reference("shapes/data", "good")).platforms == (SERVER_2022,)
    assert asker.requests == ["GET shapes/data/manifests/good"]
    assert asker.known(registry.reference("shapes/data", "lie")).platforms == (SERVER_2022,)
    assert asker.requests[1:] == [
        "GET shapes/data/manifests/lie",
        f"GET shapes/data/manifests/{pushed.digest}",
    ]


def test_attestations_and_duplicates_are_left_out(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/attested", LINUX)
    attestation = registry.push_single("shapes/attested", config={"attestation": True})
    unknown = make_platform("unknown", "unknown")
    rows = [
        row_of(one, LINUX),
        row_of(attestation, unknown, annotations=ATTESTATION),
        row_of(attestation, annotations=ATTESTATION),
        row_of(attestation, unknown),
        row_of(one, LINUX),
    ]
    registry.push_index("shapes/attested", "1", rows)

    answer = asker.known(registry.reference("shapes/attested", "1"))

    assert answer.platforms == (LINUX,)
    assert answer.notes == ()
    assert len(asker.requests) == 1


def test_an_index_of_attestations_has_no_platforms(registry: Registry, asker: Asker) -> None:
    pushed = registry.push_single("shapes/only-attested", config={"attestation": True})
    digest = registry.push_index(
        "shapes/only-attested", "1", [row_of(pushed, annotations=ATTESTATION)]
    )

    assert asker.ask(registry.reference("shapes/only-attested", "1")) == KnownPlatforms(
        (), "index", digest
    )


def test_odd_rows_are_noted(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/odd", LINUX)
    two = registry.push_single("shapes/odd", LINUX, config=config_of(LINUX, author="someone"))
    rows = [row_of(one, LINUX), row_of(two, LINUX), row_of(one, ARM)]
    registry.push_index("shapes/odd", "1", rows)

    answer = asker.known(registry.reference("shapes/odd", "1"))

    assert answer.platforms == (LINUX, ARM)
    assert answer.notes == (
        "linux/amd64 is listed for several manifests; nodes use one of them",
        "one manifest is listed for linux/amd64 and for linux/arm64/v8: one is mislabelled",
    )


def test_malformed_rows_are_left_out_with_a_note(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/malformed", LINUX)
    rows = [row_of(one, LINUX), {**row_of(one), "platform": {"os": "", "architecture": "arm64"}}]
    registry.push_index("shapes/malformed", "1", rows)

    answer = asker.known(registry.reference("shapes/malformed", "1"))

    assert answer.platforms == (LINUX,)
    assert answer.notes == ("row 2 of the index was skipped: it has no operating system",)


def test_an_index_of_malformed_rows_only_is_no_answer(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/only-malformed", LINUX)
    row = {**row_of(one), "platform": {"os": "", "architecture": "arm64"}}
    registry.push_index("shapes/only-malformed", "1", [row])

    answer = asker.unknown(registry.reference("shapes/only-malformed", "1"))

    assert answer.reason is UnknownReason.MALFORMED


@pytest.mark.parametrize("rows", ["null", "[]"])
def test_an_index_without_rows_has_no_platforms(
    registry: Registry, asker: Asker, rows: str
) -> None:
    body = f'{{"schemaVersion": 2, "mediaType": "{OCI_INDEX}", "manifests": {rows}}}'.encode()
    registry.push_manifest("shapes/no-rows", f"t{len(rows)}", body, OCI_INDEX)

    assert asker.known(registry.reference("shapes/no-rows", f"t{len(rows)}")).platforms == ()


def test_a_document_that_could_be_read_two_ways_is_refused(
    registry: Registry, asker: Asker
) -> None:
    """CVE-2021-41190; distribution stores such a Docker list."""
    one = registry.push_single("shapes/ambiguous", LINUX, docker=True)
    config = json.dumps(config_of(ARM)).encode()
    body = {**manifest_of(config, docker=True), "mediaType": DOCKER_LIST}
    body["manifests"] = [row_of(one, LINUX)]
    registry.push_blob("shapes/ambiguous", config)
    registry.push_manifest("shapes/ambiguous", "1", json.dumps(body).encode(), DOCKER_LIST)

    answer = asker.unknown(registry.reference("shapes/ambiguous", "1"))

    assert answer.reason is UnknownReason.MALFORMED
    assert "it could be read as an index or as a manifest" in answer.message


def test_schema_1_is_said_to_be_that(registry: Registry, asker: Asker) -> None:
    """The registry itself rewrites schema 2 to it for a client that accepts nothing newer."""
    layer = registry.push_blob("shapes/schema1", b"layer")
    history = [{"created_by": "x"}]
    config = config_of(LINUX, history=history, rootfs={"type": "layers", "diff_ids": [layer]})
    blob = json.dumps(config).encode()
    registry.push_blob("shapes/schema1", blob)
    kind = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    body = manifest_of(blob, docker=True, layers=[{"mediaType": kind, "digest": layer, "size": 5}])
    registry.push_manifest("shapes/schema1", "1", json.dumps(body).encode(), body["mediaType"])
    rewritten = registry.fetch("/v2/shapes/schema1/manifests/1")
    assert b"fsLayers" in rewritten
    signed = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    registry.push_manifest("shapes/schema1", "1", rewritten, signed)

    answer = asker.unknown(registry.reference("shapes/schema1", "1"))

    assert answer.reason is UnknownReason.SCHEMA_1
    assert answer.message.endswith(
        "/shapes/schema1:1 is in Docker's schema 1, which containerd 2 cannot pull"
    )


@pytest.mark.parametrize(
    ("config_type", "more", "what"),
    [
        ("application/vnd.cncf.helm.config.v1+json", {}, "a Helm chart"),
        ("application/vnd.wasm.config.v0+json", {}, "a WebAssembly module"),
        (
            "application/vnd.oci.empty.v1+json",
            {"artifactType": "text/spdx+json"},
            "a bill of materials",
        ),
        ("application/vnd.example+json", {}, "an artifact of type application/vnd.example+json"),
    ],
)
def test_artifacts_are_said_to_be_what_they_are(
    registry: Registry, asker: Asker, config_type: str, more: dict[str, Any], what: str
) -> None:
    body = manifest_of(b"{}", **more)
    body["config"]["mediaType"] = config_type
    registry.push_blob("shapes/artifact", b"{}")
    tag = digest_of(config_type.encode())[7:20]
    registry.push_manifest("shapes/artifact", tag, json.dumps(body).encode(), OCI_MANIFEST)
    reference = registry.reference("shapes/artifact", tag)

    answer = asker.unknown(reference)

    assert answer.reason is UnknownReason.NOT_AN_IMAGE
    assert answer.message == f"{reference} is {what}, not a container image"


def test_a_missing_child_is_dangling(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/dangling", LINUX)
    gone = registry.push_single("shapes/dangling", SERVER_2022)
    registry.push_index("shapes/dangling", "1", [row_of(one, LINUX), row_of(gone, WINDOWS)])
    registry.delete_manifest("shapes/dangling", gone.digest)

    answer = asker.known(registry.reference("shapes/dangling", "1"))

    assert answer.platforms == (LINUX,)
    assert answer.dangling == (WINDOWS,)


def test_children_that_need_no_reading_are_verified_on_request(
    registry: Registry, new_asker: NewAsker
) -> None:
    one = registry.push_single("shapes/verified", LINUX)
    gone = registry.push_single("shapes/verified", ARM)
    registry.push_index("shapes/verified", "1", [row_of(one, LINUX), row_of(gone, ARM)])
    registry.delete_manifest("shapes/verified", gone.digest)
    reference = registry.reference("shapes/verified", "1")

    assert new_asker().known(reference).platforms == (LINUX, ARM)
    strict = new_asker(verify_children=True).known(reference)

    assert (strict.platforms, strict.dangling) == ((LINUX,), (ARM,))


def test_by_digest(registry: Registry, asker: Asker) -> None:
    digest = registry.push_image("shapes/by-digest", "1", ["linux/amd64"])
    pinned = registry.reference("shapes/by-digest", digest=digest)
    both = registry.reference("shapes/by-digest", "moved-on", digest)

    answers = asker.inspector.inspect([pinned, both])

    assert answers == dict.fromkeys([pinned, both], KnownPlatforms((LINUX,), "index", digest))
    assert asker.requests == [f"GET shapes/by-digest/manifests/{digest}"]


def test_a_missing_tag(registry: Registry, asker: Asker) -> None:
    registry.push_image("shapes/tags", "1")

    answer = asker.unknown(registry.reference("shapes/tags", "2"))

    assert answer == UnknownPlatforms(
        UnknownReason.NOT_FOUND, f'tag "2" not found in {registry.host}/shapes/tags'
    )


def test_a_missing_repository(registry: Registry, asker: Asker) -> None:
    answer = asker.unknown(registry.reference("shapes/nowhere"))

    assert answer.reason is UnknownReason.NOT_FOUND


def test_content_by_digest_comes_from_the_blobs(registry: Registry, new_asker: NewAsker) -> None:
    blobs = MemoryBlobs()
    row = row_of(registry.push_single("shapes/blobs", SERVER_2022), WINDOWS)
    digest = registry.push_index("shapes/blobs", "1", [row])
    reference = registry.reference("shapes/blobs", "1")

    first = new_asker(blobs=blobs)
    answer = first.known(reference)
    assert len(first.requests) == 3
    again = new_asker(blobs=blobs)
    assert again.known(reference) == answer
    assert again.requests == ["GET shapes/blobs/manifests/1"]
    pinned = new_asker(blobs=blobs)
    assert pinned.known(registry.reference("shapes/blobs", digest=digest)) == answer
    assert pinned.requests == [f"HEAD shapes/blobs/manifests/{digest}"]


def test_kept_content_does_not_prove_that_a_repository_has_it(
    registry: Registry, new_asker: NewAsker
) -> None:
    blobs = MemoryBlobs()
    digest = registry.push_image("shapes/has-it", "1")
    new_asker(blobs=blobs).known(registry.reference("shapes/has-it", "1"))

    answer = new_asker(blobs=blobs).unknown(registry.reference("shapes/has-it-not", digest=digest))

    assert answer.reason is UnknownReason.NOT_FOUND


def test_poisoned_blobs_are_fetched_again(registry: Registry, new_asker: NewAsker) -> None:
    blobs = MemoryBlobs()
    row = row_of(registry.push_single("shapes/poisoned", SERVER_2022), WINDOWS)
    digest = registry.push_index("shapes/poisoned", "1", [row])
    reference = registry.reference("shapes/poisoned", digest=digest)
    answer = new_asker(blobs=blobs).known(reference)
    blobs.kept = dict.fromkeys(blobs.kept, b'{"manifests": []}')

    assert new_asker(blobs=blobs).known(reference) == answer


def test_digests_cost_a_head_request(registry: Registry, asker: Asker) -> None:
    digest = registry.push_image("shapes/head", "1")
    here, gone = registry.reference("shapes/head", "1"), registry.reference("shapes/head", "2")

    assert asker.digest(here) == digest
    assert asker.requests == ["HEAD shapes/head/manifests/1"]
    answers = asker.inspector.digests([here, gone])
    assert answers[here] == digest
    unknown = answers[gone]
    assert isinstance(unknown, UnknownPlatforms)
    assert unknown.reason is UnknownReason.NOT_FOUND


def test_many_images_at_once_each_asked_once(registry: Registry, asker: Asker) -> None:
    for number in range(12):
        registry.push_image(f"many/image-{number}", "1", ["linux/amd64", "linux/arm64"])
    references = [registry.reference(f"many/image-{number}", "1") for number in range(12)]
    progress: list[tuple[int, int]] = []

    answers = asker.inspector.inspect(
        [*references, *references], lambda done, total: progress.append((done, total))
    )

    assert list(answers) == references
    assert all(isinstance(answer, KnownPlatforms) for answer in answers.values())
    assert len(asker.requests) == 12
    assert progress == [(done, 12) for done in range(1, 13)]


def test_a_host_is_asked_by_few_at_once(server: FaultServer, new_asker: NewAsker) -> None:
    """The first alone, as it finds out how to ask; then three, who wait in vain for a fourth."""
    lock, fourth, now, most = threading.Lock(), threading.Event(), 0, 0
    settled = False

    def answer(_: Seen) -> Reply:
        nonlocal now, most, settled
        with lock:
            now += 1
            most = max(most, now)
            if now > 3:
                fourth.set()
        if len(server.seen) > 1 and not settled:
            settled = not fourth.wait(0.3)
        with lock:
            now -= 1
        return index(b'{"schemaVersion": 2, "manifests": []}')

    server.handle("*", answer)
    asker = new_asker(workers_per_host=3)
    images = [ImageReference(server.host, f"app{number}", "1") for number in range(30)]

    asker.inspector.inspect(images)

    assert len(server.seen) == 30
    assert most == 3


def test_docker_hub_is_asked_by_fewer(new_asker: NewAsker) -> None:
    inspector = new_asker(workers_per_host=8, workers_docker_hub=4).inspector

    assert [inspector._workers_for(host) for host in ("docker.io", "ghcr.io")] == [4, 8]


def test_an_invalid_reference_is_not_asked_for(asker: Asker) -> None:
    answer = asker.unknown(ImageReference("127.0.0.1:1", "Upper/Case", "1"))

    assert answer.reason is UnknownReason.INVALID_REFERENCE


@pytest.mark.parametrize(
    ("globs", "asked"),
    [(("127.0.0.1:*",), True), (("*/allowed/*",), True), (("ghcr.io", "quay.io/*"), False)],
)
def test_only_allowed_registries_are_asked(
    registry: Registry, new_asker: NewAsker, globs: tuple[str, ...], asked: bool
) -> None:
    registry.push_image("allowed/image", "1")
    asker = new_asker(allowed=globs)

    answer = asker.ask(registry.reference("allowed/image", "1"))

    assert isinstance(answer, KnownPlatforms) is asked
    assert bool(asker.requests) is asked
    if isinstance(answer, UnknownPlatforms):
        assert answer.reason is UnknownReason.REFUSED


def test_pause_3_4_1_resolves_to_its_real_platforms(registry: Registry, asker: Asker) -> None:
    """13 rows: 5 Linux architectures, and 4 Windows builds that only their configs know."""
    builds = iter(["10.0.17763.1757", "10.0.18363.1379", "10.0.19041.804", "10.0.19042.804"])
    listed = json.loads((DATA / "pause-3.4.1.manifest-list.json").read_text())
    pushed: dict[str, Any] = {}
    for row in listed["manifests"]:
        if row["digest"] not in pushed:
            says = row["platform"]
            build = next(builds) if says["os"] == "windows" else ""
            platform = make_platform(
                says["os"], says["architecture"], says.get("variant", ""), build
            )
            pushed[row["digest"]] = registry.push_single("pause", platform, docker=True)
    rows = [
        {**row_of(pushed[row["digest"]]), "platform": row["platform"]}
        for row in listed["manifests"]
    ]
    registry.push_index("pause", "3.4.1", rows, docker=True)

    answer = asker.known(registry.reference("pause", "3.4.1"))

    assert texts(answer.platforms) == [
        "linux/amd64",
        "linux/arm/v7",
        "linux/arm64",
        "linux/ppc64le",
        "linux/s390x",
        "windows(10.0.17763.1757)/amd64",
        "windows(10.0.18363.1379)/amd64",
        "windows(10.0.19041.804)/amd64",
        "windows(10.0.19042.804)/amd64",
    ]
    assert [source for _, source in answer.completed] == [VersionSource.CONFIG] * 4
    assert len(asker.requests) == 1 + 4 * 2


IMAGES = json.loads((DATA / "images.json").read_text())["images"]


@pytest.mark.parametrize("image", IMAGES, ids=[image["ref"] for image in IMAGES])
def test_images_of_the_world(registry: Registry, asker: Asker, image: dict[str, Any]) -> None:
    """An image of the shape of each that is on record, pushed as real manifests and configs."""
    repository = f"world/image-{IMAGES.index(image)}"
    single, expected, rows = "list" not in image["kind"] and "index" not in image["kind"], [], []
    docker = "docker" in image["kind"]
    for entry in image["entries"]:
        says = entry["platform"]
        features = tuple(says.get("os.features", ()))
        platform = make_platform(
            says["os"],
            says["architecture"],
            says.get("variant", ""),
            says.get("os.version", ""),
            features,
        )
        pushed = registry.push_single(
            repository, platform, docker=docker, tag="1" if single else ""
        )
        more = {"annotations": entry["annotations"]} if "annotations" in entry else {}
        rows.append({**row_of(pushed, **more), "platform": says})
        if not platform.is_attestation:
            version = platform.os_version if platform.os == "windows" else ""
            expected.append(
                make_platform(
                    platform.os, platform.architecture, platform.variant, version, features
                )
            )
    if not single:
        registry.push_index(repository, "1", rows, docker=docker)

    answer = asker.known(registry.reference(repository, "1"))

    assert answer.platforms == tuple(dict.fromkeys(expected))
    assert answer.kind == ("manifest" if single else "index")


def test_a_host_name_reaches_a_loopback_registry_that_is_configured(
    registry: Registry, new_asker: NewAsker
) -> None:
    registry.push_image("named/localhost", "1")
    port = registry.host.rpartition(":")[2]
    reference = ImageReference(f"localhost:{port}", "named/localhost", "1")

    assert new_asker().known(reference).platforms == (LINUX,)
    hosts = {f"localhost:{port}": HostOptions(insecure="http")}
    assert new_asker(hosts=hosts).known(reference).platforms == (LINUX,)


def test_a_pull_through_redirect(
    registry: Registry, server: FaultServer, new_asker: NewAsker
) -> None:
    """Manifests and blobs both, as registry.k8s.io and every cloud's storage do."""
    row = row_of(registry.push_single("redirected/app", SERVER_2022), WINDOWS)
    registry.push_index("redirected/app", "1", [row])
    server.handle("*", lambda seen: redirect(f"http://{registry.host}{seen.path}"))
    asker = new_asker(hosts={registry.host: HostOptions()})

    answer = asker.known(ImageReference(server.host, "redirected/app", "1"))

    assert answer.platforms == (SERVER_2022,)
    assert len(server.seen) == 3


@pytest.mark.parametrize("platform", [None, WINDOWS])
@pytest.mark.parametrize(
    ("body", "media_type", "why"),
    [
        (
            {**manifest_of(b"{}"), "artifactType": "text/x"},
            OCI_MANIFEST,
            "it is an artifact of type",
        ),
        (manifest_of(b"{}"), OCI_MANIFEST, "it has no operating system"),
    ],
)
def test_children_that_are_no_images(
    registry: Registry,
    asker: Asker,
    body: dict[str, Any],
    media_type: str,
    why: str,
    platform: Platform | None,
) -> None:
    registry.push_blob("shapes/no-images", b"{}")
    odd = registry.push_manifest("shapes/no-images", "", json.dumps(body).encode(), media_type)
    good = registry.push_single("shapes/no-images", LINUX)
    registry.push_index("shapes/no-images", "1", [row_of(odd, platform), row_of(good, LINUX)])

    answer = asker.known(registry.reference("shapes/no-images", "1"))

    assert answer.platforms == ((LINUX,) if platform is None else (WINDOWS, LINUX))
    (note,) = answer.notes
    assert why in note


def test_a_missing_child_without_a_platform_is_noted(registry: Registry, asker: Asker) -> None:
    gone, good = (registry.push_single("shapes/gone", platform) for platform in (ARM, LINUX))
    registry.push_index("shapes/gone", "1", [row_of(gone), row_of(good, LINUX)])
    registry.delete_manifest("shapes/gone", gone.digest)

    answer = asker.known(registry.reference("shapes/gone", "1"))

    assert (answer.platforms, answer.dangling) == ((LINUX,), ())
    (note,) = answer.notes
    assert note == (
        f"row {gone.digest} of the index was skipped: "
        f"manifest {gone.digest} not found in {registry.host}/shapes/gone"
    )


def test_an_attestation_that_only_its_config_tells(registry: Registry, asker: Asker) -> None:
    hidden = registry.push_single("shapes/hidden", make_platform("unknown", "unknown"))
    registry.push_index("shapes/hidden", "1", [row_of(hidden)])

    assert asker.known(registry.reference("shapes/hidden", "1")).platforms == ()


def test_one_nested_index_twice(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/twice", LINUX)
    body = json.dumps({"schemaVersion": 2, "manifests": [row_of(one, LINUX)]}).encode()
    nested = row_of(registry.push_manifest("shapes/twice", "", body, OCI_INDEX))
    registry.push_index("shapes/twice", "1", [nested, nested])

    answer = asker.known(registry.reference("shapes/twice", "1"))

    assert answer.platforms == (LINUX,)
    assert len(asker.requests) == 2


def test_notes_have_an_end(registry: Registry, asker: Asker) -> None:
    one = registry.push_single("shapes/notes", LINUX)
    bad = {**row_of(one), "platform": {}}
    registry.push_index("shapes/notes", "1", [row_of(one, LINUX), *([bad] * 30)])

    answer = asker.known(registry.reference("shapes/notes", "1"))

    assert len(answer.notes) == 11
    assert answer.notes[-1] == "and 20 more"


@pytest.mark.parametrize("status", [403, 418])
def test_a_child_that_cannot_be_verified_is_not_called_missing(
    server: FaultServer, new_asker: NewAsker, status: int
) -> None:
    row = row_of(Pushed(f"sha256:{'a' * 64}", 500, OCI_MANIFEST), LINUX)
    body = json.dumps({"schemaVersion": 2, "manifests": [row]}).encode()
    server.on("/v2/app/manifests/1", index(body))
    server.handle("*", lambda _: Reply(status))
    asker = new_asker(verify_children=True)

    answer = asker.unknown(ImageReference(server.host, "app", "1"))

    assert answer.reason in (UnknownReason.NOT_FOUND_OR_DENIED, UnknownReason.FAILED)


def test_a_digest_by_get_is_verified(server: FaultServer, asker: Asker) -> None:
    body = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    pinned = ImageReference(server.host, "app", digest=digest_of(body))
    server.on(f"GET /v2/app/manifests/{pinned.digest}", index(body), index(body + b" "))

    assert asker.digest(pinned) == pinned.digest
    answer = asker.digest(pinned)
    assert isinstance(answer, UnknownPlatforms)
    assert answer.reason is UnknownReason.DIGEST_MISMATCH


def test_a_missing_config(registry: Registry, server: FaultServer, new_asker: NewAsker) -> None:
    pushed = registry.push_single("shapes/no-config", LINUX, tag="1")
    manifest = registry.fetch(f"/v2/shapes/no-config/manifests/{pushed.digest}", OCI_MANIFEST)
    server.on("/v2/app/manifests/1", Reply(200, manifest))

    answer = new_asker().unknown(ImageReference(server.host, "app", "1"))

    assert answer.reason is UnknownReason.NOT_FOUND
    assert answer.message.startswith("config sha256:")
