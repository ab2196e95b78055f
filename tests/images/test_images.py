"""How an image's name is shown."""

import pytest

from auditor.images.images import ImageReference

DIGEST = f"sha256:{'a' * 64}"


@pytest.mark.parametrize(
    ("reference", "canonical", "familiar"),
    [
        (
            ImageReference("docker.io", "library/nginx", "1.27"),
            "docker.io/library/nginx:1.27",
            "nginx:1.27",
        ),
        (
            ImageReference("docker.io", "grafana/loki", "3", DIGEST),
            f"docker.io/grafana/loki:3@{DIGEST}",
            f"grafana/loki:3@{DIGEST}",
        ),
        (
            ImageReference("docker.io", "library/a/b", "1"),
            "docker.io/library/a/b:1",
            "library/a/b:1",
        ),
        (
            ImageReference("docker.io", "library/quay.io", "443"),
            "docker.io/library/quay.io:443",
            "quay.io:443",
        ),
        (
            ImageReference("docker.io", "localhost/app", "1"),
            "docker.io/localhost/app:1",
            "docker.io/localhost/app:1",
        ),
        (
            ImageReference("docker.io", "x.y/app", "1"),
            "docker.io/x.y/app:1",
            "docker.io/x.y/app:1",
        ),
        (
            ImageReference("quay.io", "library/app", "1"),
            "quay.io/library/app:1",
            "quay.io/library/app:1",
        ),
    ],
)
def test_the_familiar_form_is_short_where_it_names_the_same(
    reference: ImageReference, canonical: str, familiar: str
) -> None:
    assert str(reference) == canonical
    assert reference.familiar == familiar
