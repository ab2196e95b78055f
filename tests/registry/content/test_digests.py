"""Which texts are digests, and whose."""

import hashlib

import pytest

from auditor.registry.content.documents import digest_of, is_digest, matches

BODY = b"{}"
EMPTY_OBJECT = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize(("algorithm", "length"), [("sha256", 64), ("sha384", 96), ("sha512", 128)])
def test_digests(algorithm: str, length: int) -> None:
    assert is_digest(f"{algorithm}:{'a' * length}")
    assert not is_digest(f"{algorithm}:{'A' * length}")
    assert not is_digest(f"{algorithm}:{'a' * (length - 1)}")
    assert not is_digest(f"{algorithm}:{'a' * length}\n")


@pytest.mark.parametrize(
    "text", ["", "sha256", "md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:.."]
)
def test_what_is_no_digest_matches_nothing(text: str) -> None:
    assert not is_digest(text)
    assert not matches(BODY, text)


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_content_proves_its_digest(algorithm: str) -> None:
    digest = f"{algorithm}:{hashlib.new(algorithm, BODY).hexdigest()}"
    assert matches(BODY, digest)
    assert matches(BODY, digest, len(BODY))
    assert not matches(BODY, digest, len(BODY) + 1)
    assert not matches(BODY + b" ", digest)


def test_the_usual_digest() -> None:
    assert digest_of(BODY) == EMPTY_OBJECT
