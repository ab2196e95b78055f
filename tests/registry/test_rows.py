"""The manifests that an index lists: known from the registry and the cache, not locked."""

from pathlib import Path

from auditor.audit.audit import Auditor
from auditor.checks.rulebook import load_builtin_rules
from auditor.clusters.profiles import load_cluster
from auditor.images.images import KnownPlatforms
from auditor.images.platforms import parse_platform
from auditor.kubernetes.manifests import Document
from auditor.registry.cache import Cache, CachingInspector
from auditor.registry.lock import lock_entry
from auditor.registry.storage import write_answer
from tests.registry.conftest import Asker
from tests.support.images import ATTESTATION, OCI_INDEX, Pushed, row_of
from tests.support.registry import Registry
from tests.support.reports import FakeSource, workload

AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64")
UNKNOWN = parse_platform("unknown/unknown")


def pods(text: str) -> Document:
    return Document("pods.yaml", text, "pods.yaml")


def push(registry: Registry, repository: str) -> tuple[Pushed, Pushed, str]:
    """Two images and an attestation under tag 1: the images, and the digest of the index."""
    amd64, arm64 = (registry.push_single(repository, each) for each in (AMD64, ARM64))
    attested = registry.push_single(repository, UNKNOWN)
    rows = [
        row_of(amd64, AMD64),
        row_of(arm64, ARM64),
        row_of(attested, UNKNOWN, annotations=ATTESTATION),
    ]
    return amd64, arm64, registry.push_index(repository, "1", rows)


def test_an_index_knows_its_rows(registry: Registry, asker: Asker) -> None:
    amd64, arm64, _ = push(registry, "rows/plain")

    assert asker.known(registry.reference("rows/plain", "1")).rows == (amd64.digest, arm64.digest)


def test_a_nested_index_gives_its_rows(registry: Registry, asker: Asker) -> None:
    amd64, arm64, digest = push(registry, "rows/nested")
    body = registry.fetch(f"/v2/rows/nested/manifests/{digest}", OCI_INDEX)
    nested = Pushed(digest, len(body), OCI_INDEX)
    registry.push_index("rows/nested", "2", [row_of(nested)])

    assert asker.known(registry.reference("rows/nested", "2")).rows == (amd64.digest, arm64.digest)


def test_a_manifest_has_no_rows(registry: Registry, asker: Asker) -> None:
    registry.push_single("rows/single", AMD64, tag="1")

    assert asker.known(registry.reference("rows/single", "1")).rows == ()


def test_the_cache_keeps_them(registry: Registry, asker: Asker, tmp_path: Path) -> None:
    amd64, arm64, _ = push(registry, "rows/cached")
    reference = registry.reference("rows/cached", "1")
    for inner in (asker.inspector, None):
        answer = CachingInspector(inner, Cache(tmp_path)).inspect([reference])[reference]

    assert isinstance(answer, KnownPlatforms)
    assert (answer.source, answer.rows) == ("cache", (amd64.digest, arm64.digest))


def test_a_lock_file_does_not() -> None:
    answer = KnownPlatforms((AMD64,), "index", f"sha256:{'a' * 64}", rows=(f"sha256:{'b' * 64}",))

    assert "rows" in write_answer(answer)
    assert "rows" not in lock_entry(answer)


def test_the_digest_of_one_row_is_found(registry: Registry, asker: Asker) -> None:
    """The whole way: `tag@digest` in a manifest, the tag's index asked for, the finding."""
    amd64, _, index = push(registry, "rows/pinned")
    image = str(registry.reference("rows/pinned", "1", amd64.digest))
    text = workload(image=image, spec="nodeSelector: {kubernetes.io/os: linux}")
    auditor = Auditor(asker.inspector, (load_cluster("hybrid-arm64"),), load_builtin_rules())

    report = auditor.audit([FakeSource((pods(text),))])

    (finding,) = [item for item in report.findings if item.rule == "missing-arch-selector"]
    (explanation,) = finding.explanations
    assert explanation.rule == "digest-pins-one-platform"
    assert explanation.observation.fix.endswith(f"rows/pinned:1@{index}")
    tagged = [request for request in asker.requests if request.endswith("/manifests/1")]
    assert tagged == ["GET rows/pinned/manifests/1"]


def test_the_digest_of_an_index_raises_no_question(registry: Registry, asker: Asker) -> None:
    _, _, index = push(registry, "rows/whole")
    text = workload(image=str(registry.reference("rows/whole", "1", index)))
    auditor = Auditor(asker.inspector, (load_cluster("linux"),), load_builtin_rules())

    report = auditor.audit([FakeSource((pods(text),))])

    assert report.findings == ()
    assert asker.requests == [f"GET rows/whole/manifests/{index}"]
