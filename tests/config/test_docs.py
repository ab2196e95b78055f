"""Every configuration and manifest that the documents show does what they say."""

import re
from pathlib import Path

import pytest

from auditor.checks.rulebook import load_builtin_rules
from auditor.config.files import read_config
from auditor.config.settings import Settings
from auditor.policy.ignores import Statement, annotations_on, comments_on
from tests.support.ignores import one_workload
from tests.support.tools import ROOT

RULES = load_builtin_rules()
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = ("configuration.md", "suppression.md")
SHOWN = [
    block for page in PAGES for block in BLOCK.findall((ROOT / "docs" / page).read_text("utf-8"))
]
CONFIGURATIONS = [block for block in SHOWN if block.startswith("version: 1")]
MANIFESTS = [block for block in SHOWN if block.startswith("apiVersion:")]


def read(folder: Path, text: str) -> Settings:
    (folder / "clusters").mkdir()
    (folder / "clusters" / "production.yaml").touch()
    path = folder / ".podfit.yaml"
    path.write_text(text)
    return read_config(path, RULES, within=folder, trusted=True).settings


def test_all_of_them_are_looked_at() -> None:
    assert (len(CONFIGURATIONS), len(MANIFESTS)) == (4, 2)
    assert len(CONFIGURATIONS) + len(MANIFESTS) == len(SHOWN)


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) != Settings()


@pytest.mark.parametrize("text", MANIFESTS)
def test_a_manifest_that_silences_a_finding(text: str) -> None:
    workload = one_workload(text)

    said: tuple[Statement, ...] = (*comments_on(workload), *annotations_on(workload))
    assert [(item.rules, item.reason, item.mistake) for item in said] == [
        (("missing-os-selector",), "the Windows pool is tainted, see OPS-123", "")
    ]
