"""From options, configuration and files of other programs to how registries are asked."""

from pathlib import Path

import pytest

from auditor.cli.configuration import chart_hosts, registry_options
from auditor.config.model import ImageConfig
from auditor.config.settings import Registry
from auditor.errors import UsageError
from auditor.registry.options import HostOptions, Namespace, Place, RegistryOptions
from auditor.sources.interface import HostRules


def test_nothing_said_is_the_default() -> None:
    options = registry_options(ImageConfig())

    assert (options.hosts, options.namespaces, options.allowed) == ({}, (), ())
    assert options.run_timeout == RegistryOptions().run_timeout


def test_what_options_say() -> None:
    options = registry_options(
        ImageConfig(timeout=7, allowed=("a.corp",), verify_children=True, insecure=("b.corp:5000",))
    )

    assert options.hosts == {"a.corp": HostOptions(), "b.corp:5000": HostOptions(insecure="any")}
    assert (options.run_timeout, options.allowed) == (7, ("a.corp",))
    assert options.verify_children


def test_an_option_adds_to_the_configuration_and_that_goes_before_other_programs(
    tmp_path: Path,
) -> None:
    for host in ("said.corp", "other.corp"):
        (tmp_path / host).mkdir()
        (tmp_path / host / "hosts.toml").write_text(
            'skip_verify = true\n[host."https://mirror.test"]\n'
        )
    ca, mirror = Path("ca.pem"), Place("own.test")
    registries = {"said.corp": Registry(HostOptions(cas=(ca,)), mirrors=(mirror,))}

    options = registry_options(
        ImageConfig(registries=registries, node_configs=(tmp_path,), insecure=("said.corp",))
    )

    assert options.hosts == {
        "said.corp": HostOptions(insecure="any", cas=(ca,)),
        "other.corp": HostOptions(insecure="skip-verify"),
    }
    foreign = Place("mirror.test")
    assert options.namespaces == (
        Namespace("said.corp", (mirror,)),
        Namespace("other.corp", (foreign,)),
        Namespace("said.corp", (foreign,)),
    )


def test_a_registry_that_is_allowed_by_name_may_be_private() -> None:
    allowed = ("harbor.corp/team/*", "*.corp", "ghcr.io", "r?.corp", "[ab].corp")

    options = registry_options(
        ImageConfig(allowed=allowed, registries={"ghcr.io": Registry(HostOptions("http"))})
    )

    assert options.hosts == {"harbor.corp": HostOptions(), "ghcr.io": HostOptions("http")}


@pytest.mark.parametrize("host", ["", "a/b", "https://a", "a b", "user@a"])
def test_what_is_no_registry(host: str) -> None:
    with pytest.raises(UsageError, match="not a registry host"):
        registry_options(ImageConfig(insecure=(host,)))


def test_whom_helm_may_ask_for_charts() -> None:
    config = ImageConfig(
        allowed=("charts.example", "*.example/library/*"),
        insecure=("lab.test:5000",),
        registries={"registry.corp:8443": Registry(HostOptions())},
    )

    hosts = chart_hosts(config)

    assert hosts.allowed == ("charts.example", "*.example")
    assert hosts.private == {"charts.example", "lab.test", "registry.corp"}


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://charts.example/stable", True),
        ("oci://me@a.charts.example/x", False),
        ("oci://lab.test:5000/x", True),
        ("oci://lab.test/x", False),
        ("https://Docs.Example/x", True),
    ],
)
def test_which_hosts_are_allowed(address: str, allowed: bool) -> None:
    hosts = HostRules(("charts.example", "lab.test:5000", "docs.*"))

    assert hosts.allows(address) is allowed
    assert HostRules().allows(address)
    assert hosts.with_named(address).allows(address)
