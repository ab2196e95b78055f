"""From a `Config` to the options with which registries are asked."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from auditor.addresses import origin_of
from auditor.config.model import ImageConfig
from auditor.config.registries import host_name, with_registries
from auditor.errors import UsageError
from auditor.registry.node_config.reading import read_node_configs
from auditor.registry.options import HostOptions, RegistryOptions
from auditor.sources.options import HostRules


def registry_options(config: ImageConfig) -> RegistryOptions:
    """Options, then the configuration, then what other programs know, the first that says it.

    Raises `UsageError` and `ConfigurationError`.
    """
    options = RegistryOptions(
        run_timeout=config.timeout,
        allowed=config.allowed,
        verify_children=config.verify_children,
    )
    options = with_registries(options, config.registries)
    options = read_node_configs(config.node_configs).applied_to(options)
    named = {host: HostOptions() for host in map(_named, config.allowed) if host}
    options = replace(options, hosts={**named, **options.hosts})
    insecure = {
        host: replace(options.hosts.get(host, HostOptions()), insecure="any")
        for host in map(_host, config.insecure)
    }
    return replace(options, hosts={**options.hosts, **insecure})


def chart_hosts(config: ImageConfig) -> HostRules:
    """Whom Helm may ask for charts: as for images, by host alone."""
    options = with_registries(RegistryOptions(allowed=config.allowed), config.registries)
    named = {*options.hosts, *config.insecure, *map(_named, options.allowed)}
    return HostRules(
        tuple(glob.partition("/")[0] for glob in options.allowed),
        frozenset(urlsplit(f"//{host}").hostname or "" for host in named if host),
    )


def _named(glob: str) -> str:
    """The host that a glob names outright, which may then have a private address; "" for none."""
    host = glob.partition("/")[0]
    return "" if set(host) & set("*?[") else host


def _host(text: str) -> str:
    try:
        host_name(text)
        origin_of(f"https://{text}")
    except ValueError as error:
        hint = "write host or host:port, as images name it"
        raise UsageError(f"--insecure-registry {text}: it is no registry", hint=hint) from error
    return text
