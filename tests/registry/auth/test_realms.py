import pytest

from auditor.registry.auth.tokens import RealmError, judge_realm
from auditor.registry.network.endpoints import endpoints_of
from auditor.registry.options import HostOptions, RegistryOptions


def trusted(registry: str, realm: str, *hosts: str) -> bool:
    options = RegistryOptions(hosts={registry: HostOptions(trusted_realms=frozenset(hosts))})
    return judge_realm(realm, endpoints_of(registry, options)[0]).trusted


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("docker.io", "https://auth.docker.io/token"),
        ("ghcr.io", "https://ghcr.io/token"),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth"),
        ("nvcr.io", "https://authn.nvidia.com/token"),
        ("quay.io", "https://quay.io/v2/auth"),
        ("registry.corp.example", "https://auth.corp.example/token"),
        ("registry.corp.example", "https://corp.example/jwt/auth"),
        ("corp.example", "https://auth.corp.example/token"),
        ("corp.example:5000", "https://corp.example:5001/token"),
        ("a.registry.example.co.uk", "https://b.registry.example.co.uk/token"),
    ],
)
def test_a_registrys_own_service_may_see_credentials(registry: str, realm: str) -> None:
    assert trusted(registry, realm)


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("docker.io", "https://auth.docker.io.evil.example/token"),
        ("docker.io", "https://evil.example/token"),
        ("quay.io", "https://evil.io/token"),
        ("registry.co.uk", "https://evil.co.uk/token"),
        ("a.registry.co.uk", "https://evil.co.uk/token"),
        ("one.com.au", "https://two.com.au/token"),
        ("a.one.example", "https://a.two.example/token"),
        ("10.0.0.1", "https://10.0.0.2/token"),
        ("ghcr.io", "https://io/token"),
    ],
)
def test_others_may_not(registry: str, realm: str) -> None:
    assert not trusted(registry, realm)


def test_a_related_host_speaks_the_scheme_of_the_registry() -> None:
    options = RegistryOptions(hosts={"registry.corp.example": HostOptions(insecure="any")})
    plain = next(
        endpoint
        for endpoint in endpoints_of("registry.corp.example", options)
        if endpoint.origin.scheme == "http"
    )
    assert judge_realm("http://auth.corp.example/token", plain).trusted
    assert not judge_realm("https://auth.corp.example/token", plain).trusted


@pytest.mark.parametrize("marked", [True, False])
def test_a_service_may_be_as_private_as_the_registry_beside_it(marked: bool) -> None:
    hosts = {"corp.example": HostOptions()} if marked else {}
    (endpoint,) = endpoints_of("corp.example", RegistryOptions(hosts=hosts))

    assert judge_realm("https://corp.example:5001/token", endpoint).private is marked
    assert not judge_realm("https://auth.corp.example/token", endpoint).private


def test_a_trusted_host_may() -> None:
    assert trusted("quay.io", "https://sso.example/token", "sso.example")
    assert trusted("quay.io", "https://sso.example:8443/token", "sso.example:8443")
    assert not trusted("quay.io", "https://sso.example/token", "sso.example:8443")


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("quay.io", "http://quay.io/token"),
        ("quay.io", "https://user:secret@quay.io/token"),
        ("quay.io", "quay.io/token"),
        ("quay.io", "https://"),
    ],
)
def test_some_are_not_asked_at_all(registry: str, realm: str) -> None:
    with pytest.raises(RealmError):
        trusted(registry, realm)


def test_plain_http_is_for_registries_that_speak_it() -> None:
    hosts = {"registry.corp.example:5000": HostOptions(insecure="http")}
    (endpoint,) = endpoints_of("registry.corp.example:5000", RegistryOptions(hosts=hosts))

    realm = judge_realm("http://auth.corp.example:5001/token", endpoint)

    assert realm.trusted
    assert not realm.private
