"""References as the nodes read them: the grammar, its traps, and text that is not filled in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.images.images import ImageReference, UnknownPlatforms, UnknownReason
from auditor.images.references import MAX_LENGTH, parse_reference, quote, suspicion

A64 = "a" * 64

VALID = {
    "nginx": "docker.io/library/nginx:latest",
    "nginx:1.27": "docker.io/library/nginx:1.27",
    "docker.io/nginx": "docker.io/library/nginx:latest",
    "docker.io/library/nginx": "docker.io/library/nginx:latest",
    "docker.io/a/b/c:1": "docker.io/a/b/c:1",
    "index.docker.io/nginx": "docker.io/library/nginx:latest",
    "index.docker.io/grafana/loki:3": "docker.io/grafana/loki:3",
    "registry-1.docker.io/library/nginx": "docker.io/library/nginx:latest",
    "registry.hub.docker.com/grafana/loki": "docker.io/grafana/loki:latest",
    "registry-1.docker.io/nginx": "registry-1.docker.io/nginx:latest",
    "grafana/loki": "docker.io/grafana/loki:latest",
    "myhost/app": "docker.io/myhost/app:latest",
    "localhost/app": "localhost/app:latest",
    "localhost:5000/a": "localhost:5000/a:latest",
    "MyOrg/app": "MyOrg/app:latest",
    "GHCR.io/org/app:v1": "GHCR.io/org/app:v1",
    "192.168.1.1:5000": "docker.io/library/192.168.1.1:5000",
    "192.168.1.1:5000/app": "192.168.1.1:5000/app:latest",
    "[::1]:5000/x": "[::1]:5000/x:latest",
    "[2001:db8::1]/x": "[2001:db8::1]/x:latest",
    "reg:65535/x": "reg:65535/x:latest",
    "1.27": "docker.io/library/1.27:latest",
    "a__b/c-d/e---f.g_h": "docker.io/a__b/c-d/e---f.g_h:latest",
    "minio:RELEASE.2024-01-01T00-00-00Z": "docker.io/library/minio:RELEASE.2024-01-01T00-00-00Z",
    "app:PR-123": "docker.io/library/app:PR-123",
    "app:_x": "docker.io/library/app:_x",
    "auto/auto": "docker.io/auto/auto:latest",
    f"app:{'t' * 128}": f"docker.io/library/app:{'t' * 128}",
    f"app@sha256:{A64}": f"docker.io/library/app@sha256:{A64}",
    f"q.io/app:1@sha256:{A64}": f"q.io/app:1@sha256:{A64}",
    f"app@sha384:{'b' * 96}": f"docker.io/library/app@sha384:{'b' * 96}",
    f"app@sha512:{'c' * 128}": f"docker.io/library/app@sha512:{'c' * 128}",
}

UPPER = "the repository must be lower case"
EMPTY = "is a chart value or variable empty?"
DIGEST = "write NAME@sha256: and 64 hexadecimal digits"

INVALID = {
    "": ("it is empty", "set it; the API server rejects a container without an image"),
    "Nginx": (UPPER, "write it nginx"),
    "ghcr.io/Org/App": (UPPER, "write it org/app"),
    "myorg/App:1": (UPPER, "write it myorg/app"),
    "[::1]": ("a host without a repository", "write [::1]:5000/name"),
    "[::1]:5000": ("a host without a repository", "write [::1]:5000/name"),
    "[fe80::1%eth0]:5000/x": ("an IPv6 zone is not allowed in an image name", ""),
    "[::::]:5000/x": ("`::::` is not an IPv6 address", ""),
    "[64:ff9b::192.0.2.1]:5000/x": (
        "`64:ff9b::192.0.2.1` is not an IPv6 address",
        "hexadecimal digits and colons only",
    ),
    "::1:5000/x": (
        "`::1:5000` is not host:port",
        "write an IPv6 address in brackets: [::1]:5000/x",
    ),
    "foo_bar.example/app": (
        "`foo_bar.example` is not a host name",
        "letters, digits and `-`, in parts separated by one dot each",
    ),
    "-a.example/app": (
        "`-a.example` is not a host name",
        "letters, digits and `-`, in parts separated by one dot each",
    ),
    "app:": ("no tag after the colon", EMPTY),
    ":1.27": ("no name", EMPTY),
    "ghcr.io/:1": ("no repository after `ghcr.io/`", EMPTY),
    "app@": ("no digest after the @", EMPTY),
    "/app": ("an empty part next to a `/`", EMPTY),
    "app/": ("an empty part next to a `/`", EMPTY),
    "quay.io/a//b": ("an empty part next to a `/`", EMPTY),
    " nginx": (
        "it has leading or trailing white space",
        'write "nginx"; the API server rejects pods with it',
    ),
    "nginx\n": (
        "it has leading or trailing white space",
        'write "nginx"; the API server rejects pods with it',
    ),
    "nginx latest": ("it contains white space", ""),
    "reg:99999/x": ("`99999` is not a port number", "ports range from 1 to 65535"),
    "reg:0/x": ("`0` is not a port number", "ports range from 1 to 65535"),
    "reg:/x": ("`` is not a port number", "write host:5000/name"),
    "reg:²/x": ("`²` is not a port number", "write host:5000/name"),
    "app:1.0+build": ("a tag cannot contain `+`", "images use `_` instead: 1.0_build"),
    "app:-x": (
        "`-x` is not a tag",
        "letters, digits, `_`, `.` and `-`, not starting with `.` or `-`",
    ),
    "a:b:c": (
        "`b:c` is not a tag",
        "letters, digits, `_`, `.` and `-`, not starting with `.` or `-`",
    ),
    f"app:{'t' * 129}": ("the tag has more than 128 characters", ""),
    "app_": (
        "`app_` cannot be part of a repository's name",
        "lower-case letters and digits, with one `.`, one or two `_`, or `-` between them",
    ),
    "a___b": (
        "`a___b` cannot be part of a repository's name",
        "lower-case letters and digits, with one `.`, one or two `_`, or `-` between them",
    ),
    "app@sha256": ("`sha256` is not a digest", DIGEST),
    "app@sha256:abc": ("a sha256 digest has 64 hexadecimal digits", DIGEST),
    f"app@sha256:{'z' * 64}": ("a sha256 digest has 64 hexadecimal digits", DIGEST),
    f"app@sha256:{'A' * 64}": ("a digest must be lower case", f"write sha256:{A64}"),
    f"app@md5:{'a' * 32}": ("`md5` digests are not supported", "use sha256, sha384 or sha512"),
    f"app@sha256:{A64}:1": ("the tag follows the digest", "write NAME:TAG@DIGEST"),
    A64: ("64 hexadecimal digits are an image ID", "write NAME@sha256:… for a digest"),
    "docker://nginx": (
        "`docker://` is not part of an image name; the kubelet rejects it",
        'write "nginx"',
    ),
    "oci://ghcr.io/a/b": (
        "`oci://` is not part of an image name; the kubelet rejects it",
        'write "ghcr.io/a/b"',
    ),
    "https://ghcr.io/a/b:1": (
        "`https://` is not part of an image name; the kubelet rejects it",
        'write "ghcr.io/a/b:1"',
    ),
    "x" * (MAX_LENGTH + 1): ("it has more than 512 characters", ""),
    "x" * 256: ("the repository has more than 255 characters", ""),
    "x" * 248: ("the repository has more than 255 characters", ""),
    f"{'x' * 240}:{'t' * 128}@sha512:{'c' * 128}": (
        "its full form has more than 512 characters",
        "",
    ),
}

RENDER = "render it first; Kubernetes does not expand variables in `image`"
REPLACE = "replace it with the name of the image"

UNRESOLVED = {
    "${VAR}": ("a variable, `${VAR}`", RENDER),
    "ghcr.io/x/${APP}:1": ("a variable, `${APP}`", RENDER),
    "$VAR": ("a variable, `$VAR`", RENDER),
    "$(VAR)/x:1": ("a variable, `$(VAR)`", RENDER),
    "{{ .Values.image }}": ("a template expression, `{{ .Values.image }}`", RENDER),
    "{{" + "x" * 1000: ("a template expression, `{{" + "x" * 60 + "`", RENDER),
    "{image}": ("a token, `{image}`", RENDER),
    "#{IMAGE}#": ("a token, `#{IMAGE}#`", RENDER),
    "((image))": ("a token, `((image`", RENDER),
    "%IMAGE%": ("a token, `%IMAGE%`", RENDER),
    "@IMAGE@": ("a token, `@IMAGE@`", RENDER),
    "app:@TAG@": ("a token, `@TAG@`", RENDER),
    "__IMAGE__:1": ("a token, `__IMAGE__`", RENDER),
    "<your-image>": ("a placeholder, `<your-image>`", REPLACE),
    "repo/app:<nil>": ("a placeholder, `<nil>`", REPLACE),
    "REPLACE_ME": ("`REPLACE_ME` is a placeholder for a name", REPLACE),
    "CHANGEME": ("`CHANGEME` is a placeholder for a name", REPLACE),
    "changeme": ("`changeme` is a placeholder for a name", REPLACE),
    "ghcr.io/YOUR_ORG/app": ("`YOUR_ORG` is a placeholder for a name", REPLACE),
    "REGISTRY/app:1": ("`REGISTRY` is a placeholder for a name", REPLACE),
    "PROJECT_ID.dkr.ecr.eu-west-1.amazonaws.com/app": (
        "`PROJECT_ID` is a placeholder for a name",
        REPLACE,
    ),
    "app:IMAGE_TAG": ("`IMAGE_TAG` is a placeholder for a tag", "replace it with the tag"),
    "ko://github.com/x/y": (
        "a ko import path, `ko://github.com/x/y`",
        "run `ko resolve -f FILE` to replace it with the built image",
    ),
    " ": ("it is blank", "OpenShift image triggers set such a field"),
    "auto": (
        "Istio replaces `auto` when it injects its proxy",
        "the proxy's image is in the mesh configuration, not in this manifest",
    ),
}


def parsed(text: str) -> ImageReference:
    reference = parse_reference(text)
    assert isinstance(reference, ImageReference), reference
    return reference


@pytest.mark.parametrize(("text", "canonical"), VALID.items())
def test_what_a_node_accepts_becomes_canonical(text: str, canonical: str) -> None:
    assert str(parsed(text)) == canonical


def test_the_parts_of_a_reference() -> None:
    assert parsed(f"reg:5000/a/b:1@sha256:{A64}") == ImageReference(
        registry="reg:5000", repository="a/b", tag="1", digest=f"sha256:{A64}"
    )


def test_a_digest_needs_no_tag() -> None:
    assert parsed(f"app@sha256:{A64}").tag == ""


@pytest.mark.parametrize(("text", "expected"), INVALID.items())
def test_each_trap_has_its_own_words(text: str, expected: tuple[str, str]) -> None:
    answer = parse_reference(text)
    assert answer == UnknownPlatforms(
        UnknownReason.INVALID_REFERENCE,
        f"invalid image reference {quote(text)}: {expected[0]}",
        expected[1],
    )


@pytest.mark.parametrize(("text", "expected"), UNRESOLVED.items())
def test_text_to_be_filled_in_is_unresolved_and_not_invalid(
    text: str, expected: tuple[str, str]
) -> None:
    answer = parse_reference(text)
    assert answer == UnknownPlatforms(
        UnknownReason.UNRESOLVED_TEMPLATE,
        f"image {quote(text)} is unresolved: {expected[0]}",
        expected[1],
    )


@pytest.mark.parametrize(
    "text", ["\x1b[31mapp", "a/\u202egnp", "app:\x07", "x\x9b/a", "h\x1b.x/a", "a@sha256:\x1b"]
)
def test_nothing_unprintable_reaches_a_message(text: str) -> None:
    answer = parse_reference(text)
    assert isinstance(answer, UnknownPlatforms)
    assert answer.message.isprintable()
    assert answer.hint.isprintable()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (
            "myhost/app",
            (
                "`myhost` has no dot or port, so it is an account on Docker Hub; for a host, did "
                "you mean myhost:5000/app?"
            ),
        ),
        (
            "MyOrg/app",
            (
                "`MyOrg` is taken for a host because it has upper-case letters; for an account on "
                "Docker Hub write myorg/app"
            ),
        ),
        (
            "192.168.1.1:5000",
            (
                "`192.168.1.1` is not taken for a host, as no repository follows it; did you mean "
                "192.168.1.1:5000/NAME?"
            ),
        ),
        (
            "localhost:5000",
            (
                "`localhost` is not taken for a host, as no repository follows it; did you mean "
                "localhost:5000/NAME?"
            ),
        ),
        (
            "quay.io",
            (
                "`quay.io` is not taken for a host, as no repository follows it; did you mean "
                "quay.io/NAME?"
            ),
        ),
        ("1.27", "`1.27` is a number: is the image name missing before the tag?"),
        (
            "registry-1.docker.io/nginx",
            "on Docker Hub, official images are under `library/`: library/nginx",
        ),
        ("nginx", ""),
        ("ghcr.io/a/b", ""),
        ("LOCALHOST:5000/a", ""),
    ],
)
def test_what_may_be_meant_by_a_valid_reference(text: str, hint: str) -> None:
    assert suspicion(parsed(text)) == hint


HOSTS = st.sampled_from(
    ["", "docker.io/", "index.docker.io/", "registry-1.docker.io/", "localhost/", "localhost:5000/"]
) | st.from_regex(
    r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,9}[a-zA-Z0-9])?\.[a-z]{2,5}(:[1-9][0-9]{0,3})?/", fullmatch=True
)
PATHS = st.from_regex(
    r"(library/)?[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}){0,3}",
    fullmatch=True,
)
TAGS = st.just("") | st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
DIGESTS = st.just("") | st.from_regex(r"@sha256:[0-9a-f]{64}", fullmatch=True)
REFERENCES = st.builds("".join, st.tuples(HOSTS, PATHS, TAGS, DIGESTS))


@given(REFERENCES)
def test_the_canonical_form_is_a_fixed_point(text: str) -> None:
    reference = parse_reference(text)
    if isinstance(reference, ImageReference):
        assert parse_reference(str(reference)) == reference
    else:  # a stand-in word such as `:TAG` drawn by chance
        assert reference.reason is UnknownReason.UNRESOLVED_TEMPLATE


@given(REFERENCES)
def test_the_familiar_form_names_the_same_image(text: str) -> None:
    reference = parse_reference(text)
    if isinstance(reference, ImageReference):
        assert parse_reference(reference.familiar) == reference


@given(st.text(max_size=80) | st.text(alphabet="aA0:/@.[]-_%${}<>\n\x1b", max_size=600))
def test_any_text_has_an_answer(text: str) -> None:
    answer = parse_reference(text)
    if isinstance(answer, UnknownPlatforms):
        assert answer.message.isprintable()
        assert len(answer.message) < 1200
        assert len(answer.hint) < 600
    else:
        assert parse_reference(str(answer)) == answer
        assert len(str(answer)) <= MAX_LENGTH


@pytest.mark.parametrize("unit", ["a", "a-", "a__", "A_", "{{", "${", "@a", "/", ":", "%a", "XX_"])
def test_endless_text_is_answered_at_once(unit: str) -> None:
    answer = parse_reference(unit * 2_000_000)
    assert isinstance(answer, UnknownPlatforms)
    assert len(answer.message) < 1200
