"""What the configuration says of registries, as their client takes it."""

from auditor.config.registries import with_registries
from auditor.config.settings import Registry
from auditor.registry.options import HostOptions, RegistryOptions

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


def test_without_registries_the_options_stay_as_they_are() -> None:
    assert with_registries(RegistryOptions(allowed=("x",)), {}).allowed == ("x",)
