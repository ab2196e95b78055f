"""What the configuration says of registries, as their client takes it."""

import pytest

from auditor.config.settings import Registry, read_place, with_registries
from auditor.registry.options import HostOptions, Namespace, Place, RegistryOptions

HTTP = HostOptions(insecure="http")


def test_hosts_are_added_to_the_options() -> None:
    options = with_registries(
        RegistryOptions(run_timeout=7), {"registry.corp:5000": Registry(HTTP), "a.test": Registry()}
    )

    assert options.run_timeout == 7
    assert dict(options.hosts) == {"registry.corp:5000": HTTP, "a.test": HostOptions()}
    assert options.allowed == ()


def test_what_is_allowed_is_all_that_is_asked() -> None:
    listed = {"a.test": Registry(allowed=("team/*", "base")), "b.test": Registry()}

    options = with_registries(RegistryOptions(), listed)
    assert options.allowed == ("a.test/team/*", "a.test/base", "b.test/*")


def test_mirrors_and_rewrites() -> None:
    mirror, moved = Place("harbor.corp", "dockerhub", pulls="digest"), Place("moved.corp:5000")

    options = with_registries(
        RegistryOptions(namespaces=(Namespace("imported.test", (mirror,)),)),
        {"docker.io": Registry(mirrors=(mirror,)), "old.corp": Registry(rewrite=moved)},
    )
    assert options.namespaces == (
        Namespace("docker.io", (mirror,)),
        Namespace("old.corp", origin=moved),
        Namespace("imported.test", (mirror,)),
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("harbor.corp", Place("harbor.corp")),
        ("harbor.corp:5000/a/b/", Place("harbor.corp:5000", "a/b")),
    ],
)
def test_a_place(text: str, place: Place) -> None:
    assert read_place(text) == place


@pytest.mark.parametrize("text", ["", "https://harbor.corp", "harbor corp", "harbor:99999", "*.a"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="a mirror must be host or host/path, not "):
        read_place(text)


def test_no_password_of_a_place_is_shown() -> None:
    with pytest.raises(ValueError, match=r"not `harbor\.corp`$"):
        read_place("https://me:hunter2@harbor.corp")


def test_without_registries_the_options_stay_as_they_are() -> None:
    assert with_registries(RegistryOptions(allowed=("x",)), {}).allowed == ("x",)
