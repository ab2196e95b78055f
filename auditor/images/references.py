"""Parse the `image` field of a container with the grammar of the nodes.

The kubelet, containerd's CRI plugin and Docker use github.com/distribution/reference (`regexp.go`,
`normalize.go`). Text that must be rendered or replaced first (template expressions, variables,
placeholders) is reported separately from invalid text.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final, NoReturn

from msgspec import Struct

from auditor.errors import printable, shorten
from auditor.images.images import ImageReference, UnknownPlatforms, UnknownReason

_RENDER: Final = "render it first; Kubernetes does not expand variables in `image`"
_REPLACE: Final = "replace it with the name of the image"

_SYNTAXES: Final = (
    (
        re.compile(r"ko://\S*"),
        "a ko import path",
        "run `ko resolve -f FILE` to replace it with the built image",
    ),
    (re.compile(r"\{\{.{0,60}"), "a template expression", _RENDER),
    (re.compile(r"\$\{[^}]{0,60}\}?|\$\([^)]{0,60}\)?|\$\w*"), "a variable", _RENDER),
    (
        re.compile(r"#\{[^}]{0,60}\}?#?|\{[^}]{0,60}\}?|\(\([^)]{0,60}|\[\[.{0,60}"),
        "a token",
        _RENDER,
    ),
    (re.compile(r"<[^>]{0,60}>?"), "a placeholder", _REPLACE),
    (
        re.compile(r"%[^%]{1,60}%|%\w\b|@[A-Za-z_][\w.-]{0,60}@|__[A-Z]\w{0,60}__"),
        "a token",
        _RENDER,
    ),
)
"""A pattern that no image name matches, its description, and a hint."""

_WORD: Final = re.compile(
    r"(?i:change|replace)[_-]?(?i:me)"
    r"|(?:[A-Z0-9]+[_-])*"
    r"(?:CHANGE|REPLACE|INSERT|YOUR|TODO|FIXME|PLACEHOLDER|XXX+|IMAGE|TAG|VERSION|DIGEST)"
    r"(?:[_-][A-Z0-9]+)*"
)
"""A placeholder for a name or a tag."""
_NAME_WORD: Final = re.compile(
    r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|REGISTRY|REPOSITORY|REPO|PROJECT|ACCOUNT|ORG|NAMESPACE|HOST"
)
"""A placeholder for a host or a part of a repository; it could be a real tag."""


class Placeholder(Struct, frozen=True):
    """Why a text is not an image name yet (a clause), and a hint."""

    what: str
    hint: str


def find_placeholder(text: str) -> Placeholder | None:
    """Return the first placeholder in an `image` field."""
    if text and not text.strip():
        return Placeholder("it is blank", "OpenShift image triggers set such a field")
    if text == "auto":
        return Placeholder(
            "Istio replaces `auto` when it injects its proxy",
            "the proxy's image is in the mesh configuration, not in this manifest",
        )
    for syntax, what, hint in _SYNTAXES:
        if match := syntax.search(text):
            return Placeholder(f"{what}, `{printable(match[0])}`", hint)
    return _find_word(text)


@lru_cache(maxsize=4096)
def is_unfilled(text: str) -> bool:
    """Return whether a text outside of `image`, such as a label value, holds a placeholder.

    No label, taint or name of an object can contain one of these patterns.
    """
    return any(syntax.search(text) for syntax, _, _ in _SYNTAXES[1:])


def _find_word(text: str) -> Placeholder | None:
    name, _, tag = text.rpartition(":")
    if not name or "/" in tag:
        name, tag = text, ""
    for word in re.split(r"[/:@.]", name):
        if _WORD.fullmatch(word) or _NAME_WORD.fullmatch(word):
            return Placeholder(f"`{word}` is a placeholder for a name", _REPLACE)
    if _WORD.fullmatch(tag):
        return Placeholder(f"`{tag}` is a placeholder for a tag", "replace it with the tag")
    return None


MAX_LENGTH: Final = 512
"""Maximum characters of a reference, as written and in its canonical form."""
MAX_REPOSITORY: Final = 255
MAX_TAG: Final = 128
MAX_PORT: Final = 65_535
_QUOTED: Final = 100

DOCKER_HUB: Final = "docker.io"
_HUB_LEGACY: Final = "index.docker.io"
_HUB_HOSTS: Final = frozenset({"registry-1.docker.io", "registry.hub.docker.com"})
_DIGEST_LENGTHS: Final = {"sha256": 64, "sha384": 96, "sha512": 128}

_COMPONENT: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_HOST: Final = re.compile(r"(?:\[(?P<address>[^\]]*)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[^:]*))?")
_IPV6: Final = re.compile(r"[0-9A-Fa-f:]+")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_DIGITS: Final = re.compile(r"[0-9]+")
_HEX: Final = re.compile(r"[0-9a-f]+")
_IMAGE_ID: Final = re.compile(r"[0-9a-f]{64}")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")


class _Rejected(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def parse_reference(text: str) -> ImageReference | UnknownPlatforms:
    """Parse an `image` field as a node does; on failure return the reason. Never raises.

    The reason is UNRESOLVED_TEMPLATE for a placeholder, else INVALID_REFERENCE: the kubelet would
    report `InvalidImageName`, or the pull would fail.
    """
    if found := find_placeholder(text[:MAX_LENGTH]):
        message = f"image {quote(text)} is unresolved: {found.what}"
        return UnknownPlatforms(UnknownReason.UNRESOLVED_TEMPLATE, message, found.hint)
    try:
        return _parse(text)
    except _Rejected as error:
        message = f"invalid image reference {quote(text)}: {_safe(str(error))}"
        return UnknownPlatforms(UnknownReason.INVALID_REFERENCE, message, _safe(error.hint))


def quote(text: str) -> str:
    """Quote untrusted text for a message: shortened, without unprintable characters."""
    shown = text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
    return f'"{printable(shown)}"'


def suspicion(reference: ImageReference) -> str:
    """Return a hint for an image that was not found: what the user may have meant, or "".

    The first component is a host only if it has a dot or a port, or is `localhost`; otherwise it is
    an account on Docker Hub.
    """
    first, _, rest = reference.repository.partition("/")
    if reference.registry in _HUB_HOSTS:
        return f"on Docker Hub, official images are under `library/`: library/{first}"
    if reference.registry != DOCKER_HUB:
        return _suspicious_host(reference)
    if first != "library":
        return (
            f"`{first}` has no dot or port, so it is an account on Docker Hub; for a host, did you "
            f"mean {first}:5000/{rest}?"
        )
    if _NUMBER.fullmatch(rest):
        return f"`{rest}` is a number: is the image name missing before the tag?"
    if "." in rest or (rest == "localhost" and reference.tag.isdigit()):
        return (
            f"`{rest}` is not taken for a host, as no repository follows it; did you mean "
            f"{rest}{':' + reference.tag if reference.tag.isdigit() else ''}/NAME?"
        )
    return ""


def _suspicious_host(reference: ImageReference) -> str:
    host = reference.registry
    if host == host.lower() or "." in host or ":" in host:
        return ""
    return (
        f"`{host}` is taken for a host because it has upper-case letters; for an account on "
        f"Docker Hub write {host.lower()}/{reference.repository}"
    )


def _parse(text: str) -> ImageReference:
    _check_text(text)
    name, at, digest = text.partition("@")
    domain, path = _split_domain(name)
    repository, colon, tag = path.partition(":")
    if domain:
        _check_host(domain)
    _check_repository(repository, domain)
    if colon:
        _check_tag(tag)
    if at:
        _check_digest(digest)
    reference = _normalised(domain, repository, tag, digest)
    if len(reference.repository) > MAX_REPOSITORY:
        _reject(f"the repository has more than {MAX_REPOSITORY} characters")
    if len(str(reference)) > MAX_LENGTH:
        _reject(f"its full form has more than {MAX_LENGTH} characters")
    return reference


def _normalised(domain: str, repository: str, tag: str, digest: str) -> ImageReference:
    if domain in ("", _HUB_LEGACY) or (domain in _HUB_HOSTS and "/" in repository):
        domain = DOCKER_HUB
    if domain == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return ImageReference(domain, repository, tag or ("" if digest else "latest"), digest)


def _split_domain(name: str) -> tuple[str, str]:
    """Split off a host before the first slash, as `splitDockerDomain` in normalize.go."""
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or set(first) & set(".:[") or first != first.lower()):
        return first, rest
    return "", name


def _check_text(text: str) -> None:
    if not text:
        _reject("it is empty", "set it; the API server rejects a container without an image")
    if len(text) > MAX_LENGTH:
        _reject(f"it has more than {MAX_LENGTH} characters")
    if text != text.strip():
        hint = f"write {quote(text.strip())}; the API server rejects pods with it"
        _reject("it has leading or trailing white space", hint)
    if any(c.isspace() for c in text):
        _reject("it contains white space")
    if match := _SCHEME.fullmatch(text):
        _reject(
            f"`{match[1]}://` is not part of an image name; the kubelet rejects it",
            f"write {quote(match[2])}",
        )
    if _IMAGE_ID.fullmatch(text):
        _reject("64 hexadecimal digits are an image ID", "write NAME@sha256:… for a digest")


def _check_host(domain: str) -> None:
    match = _HOST.fullmatch(domain)
    if match is None:
        _reject(f"`{domain}` is not host:port", "write an IPv6 address in brackets: [::1]:5000/x")
    if match["address"] is not None:
        _check_ipv6(match["address"])
    elif not all(_LABEL.fullmatch(label) for label in match["name"].split(".")):
        _reject(
            f"`{match['name']}` is not a host name",
            "letters, digits and `-`, in parts separated by one dot each",
        )
    if (port := match["port"]) is not None:
        if not _DIGITS.fullmatch(port):
            _reject(f"`{port}` is not a port number", "write host:5000/name")
        if not 0 < int(port) <= MAX_PORT:
            _reject(f"`{port}` is not a port number", f"ports range from 1 to {MAX_PORT}")


def _check_ipv6(address: str) -> None:
    if "%" in address:
        _reject("an IPv6 zone is not allowed in an image name")
    if not _IPV6.fullmatch(address):
        _reject(f"`{address}` is not an IPv6 address", "hexadecimal digits and colons only")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        _reject(f"`{address}` is not an IPv6 address")


def _check_repository(repository: str, domain: str) -> None:
    if not repository:
        _reject(
            f"no repository after `{domain}/`" if domain else "no name",
            "is a chart value or variable empty?",
        )
    if repository.startswith("["):
        _reject("a host without a repository", "write [::1]:5000/name")
    if repository != repository.lower():
        _reject("the repository must be lower case", f"write it {repository.lower()}")
    for part in repository.split("/"):
        if not part:
            _reject("an empty part next to a `/`", "is a chart value or variable empty?")
        if not _COMPONENT.fullmatch(part):
            _reject(
                f"`{part}` cannot be part of a repository's name",
                "lower-case letters and digits, with one `.`, one or two `_`, or `-` between them",
            )


def _check_tag(tag: str) -> None:
    if not tag:
        _reject("no tag after the colon", "is a chart value or variable empty?")
    if len(tag) > MAX_TAG:
        _reject(f"the tag has more than {MAX_TAG} characters")
    if "+" in tag:
        _reject("a tag cannot contain `+`", f"images use `_` instead: {tag.replace('+', '_')}")
    if not _TAG.fullmatch(tag):
        _reject(
            f"`{tag}` is not a tag",
            "letters, digits, `_`, `.` and `-`, not starting with `.` or `-`",
        )


def _check_digest(digest: str) -> None:
    algorithm, colon, hexadecimal = digest.partition(":")
    hint = "write NAME@sha256: and 64 hexadecimal digits"
    if not digest:
        _reject("no digest after the @", "is a chart value or variable empty?")
    if not colon:
        _reject(f"`{digest}` is not a digest", hint)
    length = _DIGEST_LENGTHS.get(algorithm)
    if length is None:
        _reject(f"`{algorithm}` digests are not supported", "use sha256, sha384 or sha512")
    if hexadecimal != hexadecimal.lower():
        _reject("a digest must be lower case", f"write {algorithm}:{hexadecimal.lower()}")
    head, colon, _ = hexadecimal.partition(":")
    if colon and len(head) == length:
        _reject("the tag follows the digest", "write NAME:TAG@DIGEST")
    if not _HEX.fullmatch(hexadecimal) or len(hexadecimal) != length:
        _reject(f"a {algorithm} digest has {length} hexadecimal digits", hint)


def _safe(text: str) -> str:
    return shorten(printable(text), 3 * _QUOTED)


def _reject(message: str, hint: str = "") -> NoReturn:
    raise _Rejected(message, hint)
