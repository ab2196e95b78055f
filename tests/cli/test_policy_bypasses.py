"""Ways round `--policy-from` that need no word of the trusted version to be wrong."""

import json
from pathlib import Path

import pytest

from tests.support.command import podfit
from tests.support.registry import Registry
from tests.support.reports import workload
from tests.support.repositories import Repository, new_repository

RULE = "missing-os-selector"
LINUX = ("linux/amd64", "linux/arm64")
BOTH = (*LINUX, "windows/amd64")
GUARD = "nodeSelector: {kubernetes.io/os: linux}\n"
CONFIG = "version: 1\n"
NEVER = f"{CONFIG}fail-on: never\n"
CHART = {"chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n"}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = new_repository(tmp_path / "repo")
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A repository of images of the test's own."""
    return f"bypass/{request.node.name.replace('_', '-')}"


def lock_text(image: str, platforms: tuple[str, ...], digest: str = f"sha256:{0:064x}") -> str:
    entry = {"digest": digest, "kind": "index", "platforms": sorted(platforms)}
    return json.dumps({"version": 1, "images": {image: entry}})


LOCK = {"podfit.lock.json": lock_text("docker.io/library/nginx:1.31", LINUX)}


def code(source: str, base: str, *arguments: str | Path) -> int:
    return podfit("audit", source, "--policy-from", base, *arguments).code


def test_a_values_file_of_the_configuration_loses_the_guard(repository: Repository) -> None:
    template = workload(spec="nodeSelector: {{ .Values.nodeSelector | toJson }}")
    variants = "charts: [{path: chart, variants: [{name: prod, values: [prod.yaml]}]}]\n"
    base = repository.commit(
        {
            **CHART,
            **LOCK,
            "chart/values.yaml": GUARD,
            "chart/templates/web.yaml": template,
            ".podfit.yaml": CONFIG + variants,
            "prod.yaml": GUARD,
        }
    )
    repository.commit({"prod.yaml": "nodeSelector: {kubernetes.io/os: null}\n"})

    assert code("chart", base, "--locked") == 1


def test_values_repeat_a_workload_that_has_an_ignore(repository: Repository) -> None:
    ignored = workload("{{ . }}") + f"# podfit: ignore[{RULE}] tainted\n"
    template = f"{{{{ range .Values.names }}}}\n---\n{ignored}{{{{ end }}}}\n"
    base = repository.commit(
        {
            **CHART,
            **LOCK,
            "chart/values.yaml": "names: [web]\n",
            "chart/templates/web.yaml": template,
        }
    )
    repository.commit({"chart/values.yaml": "names: [web, more]\n"})

    assert code("chart", base, "--locked") == 1


def test_an_entry_that_was_true_before_its_tag_moved(
    repository: Repository, registry: Registry, name: str
) -> None:
    """The pull request locks anew what the base has locked: the registry decides."""
    image = f"{registry.host}/{name}:1"
    old = registry.push_image(name, "1", BOTH)
    files = {"web.yaml": workload(image=image), "podfit.lock.json": lock_text(image, BOTH, old)}
    base = repository.commit(files)
    new = registry.push_image(name, "1", LINUX)
    repository.commit({"podfit.lock.json": lock_text(image, LINUX, new)})

    assert code(".", base) == 1


def test_a_file_that_is_named_through_a_link_to_the_repository(
    repository: Repository, tmp_path: Path
) -> None:
    base = repository.commit({"web.yaml": workload(), "policy/podfit.yaml": CONFIG, **LOCK})
    repository.commit({"policy/podfit.yaml": NEVER})
    (tmp_path / "alias").symlink_to(repository.folder)

    assert code(".", base, "--locked", "--config", tmp_path / "alias/policy/podfit.yaml") == 1


def test_a_submodule_that_is_called_like_the_revision(
    repository: Repository, tmp_path: Path
) -> None:
    base = repository.commit({"deploy/web.yaml": workload(), **LOCK})
    module = new_repository(tmp_path / "module")
    module.commit({".podfit.yaml": NEVER, **LOCK})
    allowed = ("-c", "protocol.file.allow=always")
    repository.git(*allowed, "submodule", "add", "-q", str(module.folder), base)
    repository.commit({})

    assert code("deploy", base, "--locked") == 1


def test_the_configuration_of_the_base_is_a_link(repository: Repository) -> None:
    """It is an error: without it the audit could be laxer."""
    (repository.folder / ".podfit.yaml").symlink_to("policy/podfit.yaml")
    strict = f"{CONFIG}rules: {{{RULE}: warning}}\nfail-on: warning\n"
    base = repository.commit({"policy/podfit.yaml": strict, "deploy/web.yaml": workload(), **LOCK})

    done = podfit("audit", "deploy", "--locked", "-o", "json", "--policy-from", base)

    assert done.code == 2
    assert ".podfit.yaml is a symbolic link; replace it by the file" in done.err


def test_an_ignore_that_does_not_count_is_not_called_unused(repository: Repository) -> None:
    base = repository.commit({"deploy/web.yaml": workload(), **LOCK})
    repository.commit({"deploy/web.yaml": f"{workload()}# podfit: ignore[{RULE}] tainted\n"})

    done = podfit("audit", "deploy", "--locked", "-o", "json", "--policy-from", base)

    assert [item["rule"] for item in done.json["findings"]] == [RULE]


def test_an_answer_of_the_cache(repository: Repository, registry: Registry, name: str) -> None:
    image = f"{registry.host}/{name}:1"
    registry.push_image(name, "1", BOTH)
    base = repository.commit({"web.yaml": workload(image=image)})
    assert podfit("audit", ".").code == 0
    registry.push_image(name, "1", LINUX)

    assert code(".", base) == 1
