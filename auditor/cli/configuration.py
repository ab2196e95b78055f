"""Conversion of options, variables and configuration files to a `Config`.

Also the registry options of a `Config`, and the implementation of `podfit config`.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from msgspec import Struct, field
from msgspec.structs import replace

from auditor.checks.findings import Severity
from auditor.checks.requirements import PlatformRequirement
from auditor.checks.rulebook import load_rulebook
from auditor.cli.console import say, tell_notices
from auditor.cli.options import (
    ClusterFlags,
    ConfigFlags,
    GateFlags,
    IgnoreFlags,
    ImageFlags,
    PedanticFlags,
    RequirementFlags,
    RuleFlags,
    SourceFlags,
)
from auditor.cli.terminal import write_text
from auditor.clusters.profiles import BUILT_IN, DEFAULT
from auditor.config.files import find_config, shown_path
from auditor.config.keys import read_platform
from auditor.config.model import Area, Config, IgnoreConfig, ImageConfig, Lookup, Reach, find_areas
from auditor.config.policy_base import PolicyBase, open_policy_base
from auditor.config.precedence import Given, Resolved, Setting, resolve
from auditor.config.settings import Cluster, host_name, with_registries
from auditor.config.show import STARTER, entries_of, schema_text, to_json, to_yaml
from auditor.errors import UsageError
from auditor.files.addresses import origin_of
from auditor.files.paths import CONFIG_NAMES, Home, find_home, real_path
from auditor.formats.escape import json_text
from auditor.policy.policy import Gate
from auditor.registry.cache import charts_folder, default_root
from auditor.registry.options import HostOptions, RegistryOptions
from auditor.sources.interface import HelmOptions, HostRules, SourceOptions
from auditor.sources.parallel import count_cores


def registry_options(config: ImageConfig) -> RegistryOptions:
    """Return the registry options.

    Command-line options take precedence over the configuration, and that over the configuration
    files of other programs. Raises `UsageError` or `ConfigurationError`.
    """
    options = RegistryOptions(
        run_timeout=config.timeout,
        allowed=config.allowed,
        verify_children=config.verify_children,
    )
    options = with_registries(options, config.registries)
    if config.node_configs:
        from auditor.registry.node_config import read_node_configs

        options = read_node_configs(config.node_configs).applied_to(options)
    named = {host: HostOptions() for host in map(_named, config.allowed) if host}
    options = replace(options, hosts={**named, **options.hosts})
    insecure = {
        host: dataclasses.replace(options.hosts.get(host, HostOptions()), insecure="any")
        for host in map(_host, config.insecure)
    }
    return replace(options, hosts={**options.hosts, **insecure})


def chart_hosts(config: ImageConfig) -> HostRules:
    """Return the hosts from which Helm may fetch charts: those for images, without paths."""
    options = with_registries(RegistryOptions(allowed=config.allowed), config.registries)
    named = {*options.hosts, *config.insecure, *map(_named, options.allowed)}
    return HostRules(
        tuple(glob.partition("/")[0] for glob in options.allowed),
        frozenset(urlsplit(f"//{host}").hostname or "" for host in named if host),
    )


def _named(glob: str) -> str:
    """Return the host of a glob without wildcards, which may have a private address, or ""."""
    host = glob.partition("/")[0]
    return "" if set(host) & set("*?[") else host


def _host(text: str) -> str:
    try:
        host_name(text)
        origin_of(f"https://{text}")
    except ValueError as error:
        hint = "write host or host:port, as in image references"
        raise UsageError(f"--insecure-registry {text}: not a registry host", hint=hint) from error
    return text


class Flags(Struct, frozen=True):
    """Option groups of a command; a group that the command lacks has its default."""

    sources: SourceFlags = field(default_factory=SourceFlags)
    images: ImageFlags = field(default_factory=ImageFlags)
    config: ConfigFlags = field(default_factory=ConfigFlags)
    clusters: ClusterFlags = field(default_factory=ClusterFlags)
    gate: GateFlags = field(default_factory=GateFlags)
    rules: PedanticFlags = field(default_factory=RuleFlags)
    ignores: IgnoreFlags = field(default_factory=IgnoreFlags)
    requirements: RequirementFlags = field(default_factory=RequirementFlags)

    @property
    def named(self) -> tuple[str, ...]:
        """The SOURCEs, with paths below the current folder relative to it."""
        return tuple(map(_from_here, self.sources.sources))


def _from_here(source: str) -> str:
    path = Path(source)
    if not path.is_absolute() or not path.is_relative_to(Path.cwd()):
        return source
    return path.relative_to(Path.cwd()).as_posix()


def make_config(flags: Flags) -> Config:
    """Return the configuration of a run.

    Raises `UsageError` if options contradict each other, and `ConfigurationError` if a
    configuration file is invalid.
    """
    if flags.images.offline and flags.sources.dependency_update:
        raise UsageError("--offline cannot be used with --dependency-update")
    found = survey(flags)
    flags, areas, resolved = found.flags, found.areas, found.resolved
    fail_on = resolved.fail_on.value
    images = _image_config(flags.images, resolved)
    return Config(
        sources=flags.named,
        source_options=SourceOptions(
            helm=_helm_options(flags.sources),
            trees=tuple(area.tree for area in areas),
            ci_values=not flags.sources.no_ci_values,
            dependency_update=flags.sources.dependency_update,
            cache=charts_folder(flags.images.cache_dir or default_root(os.environ)),
            offline=flags.images.offline,
            hosts=chart_hosts(images),
            follow=flags.sources.follow,
            jobs=flags.sources.jobs or count_cores(),
        ),
        allow_empty=flags.sources.allow_empty,
        clusters=_distinct(resolved.cluster.value),
        images=images,
        gate=Gate(None if fail_on == "never" else Severity[fail_on.upper()], resolved.strict.value),
        pedantic=resolved.pedantic.value,
        remedies=isinstance(flags.rules, RuleFlags) and flags.rules.remedies,
        rules={name: setting.value for name, setting in resolved.rules.items()},
        rule_folders=tuple(flags.config.rule_folders),
        custom_resources=tuple(setting.value for setting in resolved.custom_resources),
        ignores=IgnoreConfig(not flags.ignores.no_ignores, flags.ignores.baseline),
        requirements=tuple(_requirements(flags.requirements, areas)),
        areas=areas,
        notices=notices_of(areas),
        policy_base=found.base,
    )


def _requirements(flags: RequirementFlags, areas: Sequence[Area]) -> Iterator[PlatformRequirement]:
    for text in flags.require:
        try:
            yield PlatformRequirement((read_platform(text),))
        except ValueError as error:
            raise UsageError(f"--require: {error}") from error
    for area in areas:
        for requirement in area.settings.require:
            yield replace(requirement, root=str(area.root))


def _with_trusted_files(flags: Flags, base: PolicyBase) -> Flags:
    """Replace each policy file that the options name by its trusted version."""

    def trusted(path: Path | None) -> Path | None:
        return path and base.path(path)

    clusters = [
        name if name in BUILT_IN else str(base.path(Path(name))) for name in flags.clusters.cluster
    ]
    config = replace(
        flags.config,
        config=trusted(flags.config.config),
        rule_folders=[base.path(folder) for folder in flags.config.rule_folders],
    )
    return replace(
        flags,
        config=config,
        clusters=replace(flags.clusters, cluster=clusters),
        images=replace(
            flags.images,
            lock_file=trusted(flags.images.lock_file),
            registry_config=[base.path(path) for path in flags.images.registry_config],
        ),
        ignores=replace(flags.ignores, baseline=trusted(flags.ignores.baseline)),
    )


class Surveyed(Struct, frozen=True):
    """Every setting of a run.

    Attributes:
        flags: The options; with `--policy-from`, they name the trusted files.
        base: The origin of trusted files, or None.
        areas: The areas of the SOURCEs.
        resolved: The settings with their origins.
    """

    flags: Flags
    base: PolicyBase | None
    areas: tuple[Area, ...]
    resolved: Resolved


def survey(flags: Flags) -> Surveyed:
    """Find the areas of the SOURCEs and resolve every setting."""
    wanted = flags.gate.policy_from
    base = None if wanted is None else open_policy_base(wanted)
    if base:
        flags = _with_trusted_files(flags, base)
    config = flags.config
    if config.config is not None and config.no_config:
        raise UsageError("--config cannot be used with --no-config")
    lookup = Lookup(
        config.config, wanted=not config.no_config, trusted=config.trust_config, base=base
    )
    areas = find_areas(flags.named, load_rulebook(config.rule_folders), lookup)
    resolved = resolve(given_settings(flags), areas, cluster=DEFAULT)
    return Surveyed(flags, base, areas, resolved)


def given_settings(flags: Flags) -> Given:
    """Return the configuration keys that options and variables set."""
    values: dict[str, tuple[str, Any]] = {
        "cluster": ("cluster", tuple(flags.clusters.cluster)),
        "fail-on": ("fail_on", flags.gate.fail_on.value),
        "strict": ("strict", flags.gate.strict),
        "pedantic": ("pedantic", flags.rules.pedantic),
        "lock-file": ("lock_file", flags.images.lock_file),
        "baseline": ("baseline", flags.ignores.baseline),
    }
    given = flags.config.given
    return {
        key: Setting(value, _raw(value), given[parameter])
        for key, (parameter, value) in values.items()
        if parameter in given
    }


def _raw(value: object) -> object:
    """Return a value as it would be written in a configuration file."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _distinct(clusters: Sequence[Cluster]) -> tuple[Cluster, ...]:
    """Return each cluster once; profiles are not hashable."""
    return tuple(item for index, item in enumerate(clusters) if item not in clusters[:index])


def _image_config(flags: ImageFlags, resolved: Resolved) -> ImageConfig:
    if flags.offline and flags.locked:
        raise UsageError("--offline cannot be used with --locked", hint="--locked is stricter")
    if flags.refresh and (flags.offline or flags.locked or flags.max_age is not None):
        other = "--max-age" if flags.max_age is not None else "--offline or --locked"
        raise UsageError(f"--refresh cannot be used with {other}", hint="choose one")
    if flags.verify_children and (flags.offline or flags.locked):
        raise UsageError("--verify-children needs network access", hint="remove it")
    reach = Reach.LOCKED if flags.locked else Reach.OFFLINE if flags.offline else Reach.ONLINE
    return ImageConfig(
        reach=reach,
        lock_file=flags.lock_file,
        cache_dir=flags.cache_dir,
        timeout=flags.timeout,
        overrides=tuple((glob, setting.value) for glob, setting in resolved.overrides.items()),
        registries={host: setting.value for host, setting in resolved.registries.items()},
        allowed=tuple(flags.allow_registry),
        insecure=tuple(flags.insecure_registry),
        node_configs=tuple(flags.registry_config),
        layouts=tuple(flags.image_source),
        verify_children=flags.verify_children,
        max_age=flags.max_age,
        refresh=flags.refresh,
    )


def _helm_options(flags: SourceFlags) -> HelmOptions:
    return HelmOptions(
        values_files=tuple(flags.values),
        set_values=tuple(flags.set_values),
        set_strings=tuple(flags.set_strings),
        release_name=flags.release_name,
        namespace=flags.namespace,
        kube_version=flags.kube_version,
        api_versions=tuple(flags.api_versions),
        renderer=flags.renderer.value,
    )


def notices_of(areas: Sequence[Area]) -> tuple[str, ...]:
    """Return notices about configuration keys that were ignored for security."""
    files = {area.file.path: area.file for area in areas if area.file}.values()
    return tuple(
        f"{file.place('registries')}: `registries` is ignored, because a pull request can change "
        "this file and redirect podfit to another registry; --trust-config enables it"
        for file in files
        if file.left_out
    )


def show_settings(flags: Flags, *, as_yaml: bool) -> None:
    """Print the settings of every area, as one YAML document each or as one JSON value."""
    found = survey(flags)
    given = given_settings(found.flags)
    shown = [(area, entries_of(area, found.resolved, given)) for area in found.areas]
    if as_yaml:
        typer.echo("---\n".join(to_yaml(*item) for item in shown), nl=False)
    else:
        areas_json = [to_json(*item) for item in shown]
        typer.echo(json_text({"areas": areas_json}))
    tell_notices(notices_of(found.areas))


def begin(folder: Path) -> None:
    """Write the starter configuration. Raises `UsageError` if a configuration exists."""
    home = find_home(folder) or Home(real_path(folder), is_repository=False)
    there = find_config(home)
    if there is not None:
        raise UsageError(
            f"a configuration already exists: {shown_path(there)}", hint="edit that file"
        )
    path = home.root / CONFIG_NAMES[0]
    write_text(STARTER, path)
    say(f"wrote {shown_path(path)}")


def print_schema(rule_folders: Iterable[Path]) -> None:
    """Print the JSON Schema of the configuration, including the rules of these folders."""
    typer.echo(schema_text(load_rulebook(rule_folders)), nl=False)
