"""Every key of `.podfit.yaml`: what it gives, and what is said of a wrong one."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from msgspec.structs import fields

from auditor.checks.findings import Severity
from auditor.checks.rulebook import load_builtin_rules
from auditor.config.files import read_config
from auditor.config.settings import Registry, Settings
from auditor.config.show import config_schema
from auditor.errors import ConfigurationError
from auditor.images.platforms import parse_platform
from auditor.policy.baseline import Match
from auditor.policy.policy import RuleSetting
from auditor.registry.options import HostOptions, Place
from auditor.scheduling.nodes import ClusterProfile
from auditor.sources.interface import Variant
from tests.support.tools import ROOT

RULES = load_builtin_rules()

EVERYTHING = """\
version: 1
cluster:
  - hybrid
  - clusters/edge.yaml
  - name: own
    pools: [{name: linux, platform: linux/amd64}]
fail-on: warning
strict: true
pedantic: true
rules:
  deprecated-os-label: off
  excluded-compatible-pool: on
  image-unresolved:
    enabled: true
    severity: error
    parameters: {reason: missing}
ignore:
  - rules: [missing-os-selector, inert-guard]
    match:
      kind: DaemonSet
      name: ["node-*", agent]
      namespace: kube-system
      container: app
      image: ghcr.io/acme/*
      path: charts/**
    reason: the pool is tainted
    expires: 2026-12-31
accept:
  - parts: [chart, kustomization]
    path: [overlays/dev, "vendor/**"]
    reason: needs files of developers
    expires: 2026-12-31
exclude: ["**/testdata/**"]
charts:
  - path: charts/shop
    severity: warning
    variants:
      - name: production
        values: [charts/shop/production.yaml]
        set: {iis.enabled: true, replicas: 3, note: "a,b", gone: null}
images:
  overrides:
    registry.corp/*: [linux/amd64, windows(10.0.20348)/amd64]
  require:
    - linux/amd64
    - platforms: [linux/arm64]
      images: ["ghcr.io/acme/*"]
      paths: ["charts/**"]
      exempt:
        - {images: "ghcr.io/acme/agent:*", platforms: linux/arm64, reason: amd64 hardware only}
registries:
  registry.corp:5000:
    insecure: http
    allowed: ["team/*"]
  harbor.corp:
    insecure: skip-verify
    ca: tls/ca.pem
    client-cert: tls/client.pem
    client-key: tls/client.key
    trusted-realms: [login.corp]
  docker.io:
    mirrors: [mirror.corp/hub, {at: "cache.corp:5000", pulls: digest}]
  old.corp:
    rewrite: new.corp/old
  plain.corp:
custom-resources:
  - group: example.com
    kinds: [Crawler]
    source: https://example.com
    note: it crawls
    pods:
      - spec.template
      - at: spec.parts[]
        template: true
        component: part
        controller: Job
        when: {mode: [a, ""], enabled: true}
        levels: [., /spec]
        fields: {nodeAffinity: affinity}
        containers: [main]
        initContainers: []
        images: {main: image}
        merged: [tolerations]
        flatSelectors: {/spec.conf: shop.node.selector.}
        patches: [/spec.patch, [patch, /spec.defaults.patch]]
        unread: [/spec.racks]
        adds: {kubernetes.io/os: linux}
        defaultNodeSelector: {kubernetes.io/arch: amd64}
        since: 1.2.0
        nodeSelector: true
        operatorImages: true
lock-file: locks/podfit.lock.json
baseline: baseline.json
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    repository = tmp_path / "repo"
    (repository / "clusters").mkdir(parents=True)
    (repository / "clusters" / "edge.yaml").touch()
    monkeypatch.chdir(repository)
    return repository


def read(text: str) -> Settings:
    Path(".podfit.yaml").write_text(text, encoding="utf-8")
    return read_config(Path(".podfit.yaml"), RULES, within=Path.cwd(), trusted=True).settings


def test_everything() -> None:
    settings = read(EVERYTHING)

    named, edge, own = settings.cluster
    assert (named, edge) == ("hybrid", "clusters/edge.yaml")
    assert isinstance(own, ClusterProfile)
    assert [pool.name for pool in own.pools] == ["linux"]
    assert (settings.fail_on, settings.strict, settings.pedantic) == ("warning", True, True)
    assert settings.rules == {
        "deprecated-os-label": RuleSetting(on=False),
        "excluded-compatible-pool": RuleSetting(on=True),
        "image-unresolved": RuleSetting(True, Severity.ERROR, {"reason": "missing"}),
    }
    assert settings.exclude == ("**/testdata/**",)
    assert settings.overrides == (
        (
            "registry.corp/*",
            (parse_platform("linux/amd64"), parse_platform("windows(10.0.20348)/amd64")),
        ),
    )
    assert [entry.kinds for entry in settings.custom_resources] == [("Crawler",)]
    assert settings.lock_file == Path("locks/podfit.lock.json")
    assert settings.baseline == Path("baseline.json")


def test_an_ignore_entry() -> None:
    (entry,) = read(EVERYTHING).ignore

    assert entry.rules == ("missing-os-selector", "inert-guard")
    assert entry.match == Match(
        kind=("DaemonSet",),
        name=("node-*", "agent"),
        namespace=("kube-system",),
        container=("app",),
        image=("ghcr.io/acme/*",),
        path=("charts/**",),
    )
    assert (entry.reason, entry.expires) == ("the pool is tainted", date(2026, 12, 31))
    assert str(entry.location) == ".podfit.yaml:18:5"


def test_an_accept_entry() -> None:
    (entry,) = read(EVERYTHING).accept

    assert entry.parts == ("chart", "kustomization")
    assert entry.paths == ("overlays/dev", "vendor/**")
    assert (entry.reason, entry.expires) == ("needs files of developers", date(2026, 12, 31))
    assert str(entry.location) == ".podfit.yaml:29:5"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{path: x, reason: r}", "an accept entry needs `parts`"),
        ("{parts: chart, reason: r}", "an accept entry needs `path`"),
        ("{parts: chart, path: x}", "an accept entry needs `reason`"),
        ("{parts: charts, path: x, reason: r}", "`charts` is not a part; did you mean `chart`?"),
        ("{parts: chart, path: ../x, reason: r}", "without `..`"),
    ],
)
def test_an_invalid_accept_entry(entry: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read(f"version: 1\naccept: [{entry}]\n")
    assert message in raised.value.problem.what


def test_a_chart_with_a_variant() -> None:
    (chart,) = read(EVERYTHING).charts

    assert (chart.path, chart.severity) == ("charts/shop", Severity.WARNING)
    assert chart.variants == (
        Variant(
            "production",
            ("charts/shop/production.yaml",),
            ("iis.enabled=true", "replicas=3", "gone=null"),
            ("note=a\\,b",),
        ),
    )


def test_registries() -> None:
    tls = Path("tls")

    assert read(EVERYTHING).registries == {
        "registry.corp:5000": Registry(HostOptions(insecure="http"), allowed=("team/*",)),
        "harbor.corp": Registry(
            HostOptions(
                "skip-verify",
                (tls / "ca.pem",),
                tls / "client.pem",
                tls / "client.key",
                frozenset(["login.corp"]),
            )
        ),
        "docker.io": Registry(
            mirrors=(Place("mirror.corp", "hub"), Place("cache.corp:5000", pulls="digest"))
        ),
        "old.corp": Registry(rewrite=Place("new.corp", "old")),
        "plain.corp": Registry(),
    }


def test_only_the_version_is_needed() -> None:
    assert read("version: 1\n") == Settings()


def test_an_empty_key_says_nothing() -> None:
    assert read("version: 1\nignore:\ncluster:\n") == Settings()


@pytest.mark.parametrize("word", ["off", "Off", "no", "false", '"off"'])
def test_off_however_yaml_reads_it(word: str) -> None:
    settings = read(f"version: 1\nrules: {{inert-guard: {word}}}\n")

    assert settings.rules == {"inert-guard": RuleSetting(on=False)}


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("", "the configuration is not one YAML document", ""),
        ("# nothing\n", "the configuration is not one YAML document", ""),
        ("version: 1\n---\nversion: 1\n", "the configuration is not one YAML document", ""),
        ("version: [\n", "the configuration is not YAML", "2:1"),
        ("- 1\n", "the configuration must be a mapping, not a list", "1:1"),
        ("strict: true\n", "the configuration needs `version`", "1:1"),
        ("version: 2\n", "the version of the configuration is 1", "1:10"),
        ("version: true\n", "the version of the configuration is 1", "1:10"),
        ("version: 1\nfail_on: error\n", "has no key `fail_on`; did you mean `fail-on`?", "2:1"),
        ("version: 1\nrules: []\n", "expected a mapping of rules, not a list", "2:8"),
        ("version: 1\nimages: {overrides: {'': a/b}}\n", "must not be blank", "2:22"),
        (
            "version: 1\ncharts: [{path: a, variants: [{name: b, values: ''}]}]\n",
            "the path of a file must not be blank",
            "2:49",
        ),
        ("version: 1\nfail-on: errors\n", "did you mean `error`?", "2:10"),
        ("version: 1\nstrict: maybe\n", "`strict`: expected true or false, not text", "2:9"),
        ("version: 1\ncluster: hybird\n", "did you mean `hybrid`?", "2:10"),
        ("version: 1\ncluster: []\n", "cluster must not be empty", "2:10"),
        ("version: 1\ncluster: {pool: []}\n", "did you mean `pools`?", "2:11"),
        (
            "version: 1\nrules: {mising-os-selector: off}\n",
            "unknown rule `mising-os-selector`; did you mean `missing-os-selector`?",
            "2:9",
        ),
        (
            "version: 1\nrules: {inert-guard: warn}\n",
            "`warn` is not a setting of a rule; did you mean `warning`?",
            "2:22",
        ),
        (
            "version: 1\nrules: {inert-guard: 1}\n",
            "is one of off, on, error, warning, info, not the number 1",
            "2:22",
        ),
        (
            "version: 1\nrules: {inert-guard: {severity: off}}\n",
            "`severity`: a severity is one of error, warning, info, not the boolean false",
            "2:33",
        ),
        ("version: 1\nrules: {inert-guard: {sevrity: info}}\n", "`severity`?", "2:23"),
        ("version: 1\nrules: {inert-guard: {severity: fatal}}\n", "is not a severity", "2:33"),
        (
            "version: 1\nrules: {image-unresolved: {parameters: {reason: why}}}\n",
            "is not a value of `reason`",
            "2:49",
        ),
        ("version: 1\nignore: [{match: {kind: Job}, reason: x}]\n", "needs `rules`", "2:10"),
        ("version: 1\nignore: [{rules: [inert-guard], reason: x}]\n", "needs `match`", "2:10"),
        (
            "version: 1\nignore: [{rules: [inert-guard], match: {}, reason: x}]\n",
            "`match` must contain at least one matcher",
            "2:40",
        ),
        (
            "version: 1\nignore: [{rules: [inert-guard], match: {kind: Job}}]\n",
            "needs `reason`",
            "2:10",
        ),
        (
            'version: 1\nignore: [{rules: [inert-guard], match: {kind: Job}, reason: " "}]\n',
            "a reason must not be blank",
            "2:61",
        ),
        (
            "version: 1\nignore: [{rules: [x], match: {kind: Job}, reason: x}]\n",
            "unknown rule `x`; `podfit rules` lists all rules",
            "2:19",
        ),
        (
            "version: 1\nignore: [{rules: inert-guard, match: {kind: A}, reason: x, expires: x}]\n",
            "`x` is not a date such as 2026-12-31",
            "2:69",
        ),
        ("version: 1\nexclude: [/abs]\n", "a glob must be relative to the root", "2:11"),
        ("version: 1\nexclude: [a/../../b]\n", "a glob must be relative to the root", "2:11"),
        ("version: 1\ncharts: [{path: a, variants: [{}]}]\n", "needs `name`", "2:31"),
        (
            "version: 1\ncharts: [{path: a, variants: [{name: b}, {name: b}]}]\n",
            "two variants have the name `b`",
            "2:10",
        ),
        ("version: 1\nimages: {overrides: {a: [amd64]}}\n", "amd64", "2:26"),
        ("version: 1\nimages: {overrides: {a: []}}\n", "must not be empty", "2:25"),
        ("version: 1\nimages: {overrides: {a: linux/amd46}}\n", "did you mean `amd64`?", "2:25"),
        ("version: 1\nimages: {overrides: {a: linus/arm64}}\n", "did you mean `linux`?", "2:25"),
        ("version: 1\nimages: {overrides: {a: linux/z80}}\n", "write it as linux/arm64", "2:25"),
        ("version: 1\nregistries: {https://x/y: {}}\n", "must be host or host:port", "2:14"),
        ("version: 1\nregistries: {x: {insecure: yes}}\n", "not the boolean true", "2:28"),
        ("version: 1\nregistries: {x: {mirrors: [https://h]}}\n", "host or host/path", "2:28"),
        ("version: 1\nregistries: {x: {mirrors: [{at: h, pulls: z}]}}\n", "`z` is not", "2:43"),
        ("version: 1\nregistries: {x: {trusted-realms: [a/b]}}\n", "host or host:port", "2:35"),
        ("version: 1\nregistries: {x: {client-key: k}}\n", "needs `client-cert`", "2:17"),
        (
            "version: 1\nregistries: {x: {allowed: [https://y]}}\n",
            "must not include the registry",
            "2:28",
        ),
        ("version: 1\ncustom-resources: [{kinds: [X]}]\n", "needs", "2:20"),
        ("version: 1\nlock-file: .bashrc\n", "must end in .json", "2:12"),
        ("version: 1\nbaseline: ../other.json\n", "outside of the repository", "2:11"),
        ("version: 1\ncluster: /etc/passwd\n", "outside of the repository", "2:10"),
        ("version: 1\nbaseline: .git/x.json\n", "outside of the repository", "2:11"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(text)

    problem = caught.value.problem
    assert message in problem.what
    assert problem.where == (f".podfit.yaml:{where}" if where else ".podfit.yaml")


def test_the_published_schema_is_that_of_the_reader() -> None:
    published = json.loads((ROOT / "docs" / "schema" / "config-v1.json").read_text("utf-8"))

    assert published == config_schema(RULES), "podfit config schema > docs/schema/config-v1.json"


def test_the_schema_is_one_and_accepts_everything() -> None:
    schema = config_schema(RULES)
    jsonschema.Draft202012Validator.check_schema(schema)
    value = yaml.safe_load(EVERYTHING.replace("2026-12-31", '"2026-12-31"'))

    assert [
        error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(value)
    ] == []


@pytest.mark.parametrize(
    "text", ["{}", "version: 2", "version: 1\nfoo: 1", "version: 1\nignore: [{rules: [x]}]"]
)
def test_the_schema_refuses_what_the_reader_refuses(text: str) -> None:
    validator = jsonschema.Draft202012Validator(config_schema(RULES))

    assert not validator.is_valid(yaml.safe_load(text))
    with pytest.raises(ConfigurationError):
        read(text)


def test_every_key_of_the_schema_is_in_everything_and_every_setting_is_read() -> None:
    """So that no key can be described and not read, nor read and not described."""
    value = yaml.safe_load(EVERYTHING)
    settings = read(EVERYTHING)

    described = set(_described(config_schema(RULES), ()))
    missing = {path for path in described if not _holds(value, path)}
    assert missing == set()
    unread = {f.name for f in fields(Settings) if not getattr(settings, f.name)}
    assert unread == set()


def _described(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The keys that a schema knows by name; `*` stands for a list's items and any name."""
    for option in schema.get("anyOf", ()):
        yield from _described(option, path)
    for key, inner in schema.get("properties", {}).items():
        step = "*" if path in (("rules",), ("rules", "*", "parameters")) else key
        yield (*path, step)
        yield from _described(inner, (*path, step))
    for keyword in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(keyword), dict):
            yield from _described(inner, (*path, "*"))


def _holds(value: Any, path: tuple[str, ...]) -> bool:
    if not path:
        return True
    first, *rest = path
    if first == "*":
        items = value.values() if isinstance(value, dict) else value
        return any(isinstance(i, dict | list) and _holds(i, tuple(rest)) for i in items) or not rest
    return (
        isinstance(value, dict)
        and first in value
        and (not rest or _holds(value[first], tuple(rest)))
    )
