import pytest

from auditor.registry.network.endpoints import endpoint_of
from auditor.registry.options import HostOptions, RegistryOptions


@pytest.mark.parametrize(
    ("registry", "name", "url"),
    [
        ("docker.io", "docker.io", "https://registry-1.docker.io"),
        ("registry-1.docker.io", "docker.io", "https://registry-1.docker.io"),
        ("registry.hub.docker.com", "docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "ghcr.io", "https://ghcr.io"),
        ("ghcr.io:5000", "ghcr.io:5000", "https://ghcr.io:5000"),
        ("10.0.0.1:5000", "10.0.0.1:5000", "https://10.0.0.1:5000"),
        ("localhost", "localhost", "http://localhost"),
        ("localhost:5000", "localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:443", "127.0.0.1:443", "http://127.0.0.1:443"),
        ("[::1]:5000", "[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_where_a_registry_is_reached(registry: str, name: str, url: str) -> None:
    endpoint = endpoint_of(registry, RegistryOptions())

    assert (endpoint.name, endpoint.url) == (name, url)


@pytest.mark.parametrize(
    ("registry", "options", "scheme", "private"),
    [
        ("r.example", None, "https", False),
        ("r.example", HostOptions(), "https", True),
        ("r.example", HostOptions(insecure="http"), "http", True),
        ("r.example", HostOptions(insecure="skip-verify"), "https", True),
        ("localhost", None, "http", True),
        ("localhost", HostOptions(), "http", True),
        ("localhost", HostOptions(insecure="skip-verify"), "https", True),
        ("localhost.example", None, "https", False),
        ("10.0.0.1", None, "https", False),
    ],
)
def test_plain_http_and_private_addresses(
    registry: str, options: HostOptions | None, scheme: str, private: bool
) -> None:
    hosts = {registry: options} if options else {}

    endpoint = endpoint_of(registry, RegistryOptions(hosts=hosts))

    assert (endpoint.origin.scheme, endpoint.private) == (scheme, private)
