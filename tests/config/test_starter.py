"""The configuration to begin with is right, and so is every example in it."""

import re
from pathlib import Path

import pytest

from auditor.checks.rulebook import load_builtin_rules
from auditor.config.files import read_config
from auditor.config.keys import Context, make_shape
from auditor.config.settings import Settings
from auditor.config.show import STARTER

RULES = load_builtin_rules()
EXAMPLE = re.compile(r"^# (?P<key>[a-z-]+):.*\n(?:# [ -].*\n)*", re.MULTILINE)
EXAMPLES = [match[0] for match in EXAMPLE.finditer(STARTER)]


def read(folder: Path, text: str) -> Settings:
    path = folder / ".podfit.yaml"
    path.write_text(text)
    return read_config(path, RULES, within=folder, trusted=True).settings


def test_it_says_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, STARTER) == Settings(
        cluster=("hybrid",), fail_on="error", strict=False, pedantic=False
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition(":")[0])
def test_every_example_can_be_uncommented(tmp_path: Path, example: str) -> None:
    for name in ("production", "edge"):
        path = tmp_path / "clusters" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    key = example.removeprefix("# ").partition(":")[0]
    active = re.sub(rf"^{key}:.*\n", "", STARTER, flags=re.MULTILINE)

    settings = read(tmp_path, active + re.sub(r"^# ", "", example, flags=re.MULTILINE))
    assert settings != read(tmp_path, active)


def test_every_key_is_shown() -> None:
    keys = make_shape(Context(RULES, "", Path)).keys

    shown = {match["key"] for match in EXAMPLE.finditer(STARTER)}
    shown |= set(re.findall(r"^([a-z-]+):", STARTER, re.MULTILINE))
    assert shown == set(keys)
