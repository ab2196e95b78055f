"""From flags, variables and configuration files to a `Config`.

From a `Config` to the options with which registries are asked.

What `podfit config show`, `init` and `schema` do.
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


class Flags(Struct, frozen=True):
    """What a command was told. A command that lacks a group leaves its default."""

    sources: SourceFlags = field(default_factory=SourceFlags)
    images: ImageFlags = field(default_factory=ImageFlags)
    config: ConfigFlags = field(default_factory=ConfigFlags)
    clusters: ClusterFlags = field(default_factory=ClusterFlags)
    gate: GateFlags = field(default_factory=GateFlags)
    rules: RuleFlags = field(default_factory=RuleFlags)
    ignores: IgnoreFlags = field(default_factory=IgnoreFlags)
    requirements: RequirementFlags = field(default_factory=RequirementFlags)

    @property
    def named(self) -> tuple[str, ...]:
        """The SOURCEs. What lies in the current folder is named from there, so all paths are."""
        return tuple(map(_from_here, self.sources.sources))


def _from_here(source: str) -> str:
    path = Path(source)
    if not path.is_absolute() or not path.is_relative_to(Path.cwd()):
        return source
    return path.relative_to(Path.cwd()).as_posix()


def make_config(flags: Flags) -> Config:
    """What the user wants.

    Raises `UsageError` where flags contradict each other, and `ConfigurationError` for a
    configuration file that is wrong.
    """
    if flags.images.offline and flags.sources.dependency_update:
        raise UsageError("--offline and --dependency-update exclude each other")
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
        ),
        allow_empty=flags.sources.allow_empty,
        clusters=_distinct(resolved.cluster.value),
        images=images,
        gate=Gate(None if fail_on == "never" else Severity[fail_on.upper()], resolved.strict.value),
        pedantic=resolved.pedantic.value,
        remedies=flags.rules.remedies,
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
    """The flags with the trusted version of each file that they name and that steers podfit."""

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

    flags: with `--policy-from`, they name the trusted files. base: where those are, or None. areas:
    of the SOURCEs. resolved: the settings with their origins.
    """

    flags: Flags
    base: PolicyBase | None
    areas: tuple[Area, ...]
    resolved: Resolved


def survey(flags: Flags) -> Surveyed:
    """Find the areas of the SOURCEs, and every setting with its origin."""
    wanted = flags.gate.policy_from
    base = None if wanted is None else open_policy_base(wanted)
    if base:
        flags = _with_trusted_files(flags, base)
    config = flags.config
    if config.config is not None and config.no_config:
        raise UsageError("--config and --no-config exclude each other")
    lookup = Lookup(
        config.config, wanted=not config.no_config, trusted=config.trust_config, base=base
    )
    areas = find_areas(flags.named, load_rulebook(config.rule_folders), lookup)
    resolved = resolve(given_settings(flags), areas, cluster=DEFAULT)
    return Surveyed(flags, base, areas, resolved)


def given_settings(flags: Flags) -> Given:
    """What options and variables say of the keys of the configuration."""
    said: dict[str, tuple[str, Any]] = {
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
        for key, (parameter, value) in said.items()
        if parameter in given
    }


def _raw(value: object) -> object:
    """As a configuration would have it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _distinct(clusters: Sequence[Cluster]) -> tuple[Cluster, ...]:
    """Each once; a profile has no hash."""
    return tuple(item for index, item in enumerate(clusters) if item not in clusters[:index])


def _image_config(flags: ImageFlags, resolved: Resolved) -> ImageConfig:
    if flags.offline and flags.locked:
        raise UsageError("--offline and --locked exclude each other", hint="--locked asks less")
    if flags.refresh and (flags.offline or flags.locked or flags.max_age is not None):
        other = "--max-age" if flags.max_age is not None else "--offline and --locked"
        raise UsageError(f"--refresh and {other} exclude each other", hint="choose one")
    if flags.verify_children and (flags.offline or flags.locked):
        raise UsageError("--verify-children needs the registries", hint="leave it out offline")
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
    """What the user should hear about the configuration."""
    files = {area.file.path: area.file for area in areas if area.file}.values()
    return tuple(
        f"{file.place('registries')}: `registries` was not heeded: whoever may change this file "
        "could send podfit elsewhere; --trust-config heeds it"
        for file in files
        if file.left_out
    )


def show_settings(flags: Flags, *, as_yaml: bool) -> None:
    """Prints the settings of every area: a YAML document each, or one JSON value."""
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
    """Writes the starter. Raises `UsageError` where there is a configuration already."""
    home = find_home(folder) or Home(real_path(folder), is_repository=False)
    there = find_config(home)
    if there is not None:
        raise UsageError(
            f"there is a configuration already: {shown_path(there)}", hint="edit that one"
        )
    path = home.root / CONFIG_NAMES[0]
    write_text(STARTER, path)
    say(f"wrote {shown_path(path)}")


def print_schema(rule_folders: Iterable[Path]) -> None:
    """Prints the JSON Schema of a configuration for which these rules are known too."""
    typer.echo(schema_text(load_rulebook(rule_folders)), nl=False)
