"""Fixtures of every test: a scrubbed environment and no way out to the network."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from auditor.sources import renderers
from tests.support.charts import shared_library
from tests.support.registry import Registry, run_registry

hypothesis.settings.register_profile("podfit", deadline=None)  # a busy machine is no failure
hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.load_profile("podfit")  # `--hypothesis-profile=quick` is loaded after this

_SCRUBBED = (
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "GITHUB_",
    "RUNNER_",
    "PODFIT_",
    "DOCKER_",
    "REGISTRY_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "COLUMNS",
    "TERM",
    "PRE_COMMIT",
    "XDG_",
    "HELM_",
    "KUBE",
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The user's settings and home are not the tests' business."""
    for name in os.environ:
        if name.startswith(_SCRUBBED):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setenv("_TYPER_FORCE_DISABLE_TERMINAL", "1")
    monkeypatch.setenv("PODFIT_CACHE_DIR", str(tmp_path / "podfit-cache"))


@pytest.fixture(autouse=True)
def _one_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands inside of tests share the process of Helm's library; tests of it make their own."""
    monkeypatch.setattr(renderers, "EmbeddedRenderer", shared_library)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real registry without authentication, shared: every test has repositories of its own."""
    with run_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running
