"""What the action's script makes of a report; the action as a whole is tested in tests/e2e."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.tools import ROOT


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("action", ROOT / "scripts" / "action.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_silenced_findings_are_not_counted(script: ModuleType, tmp_path: Path) -> None:
    report = tmp_path / "podfit.json"
    found = [{"suppressed": None}, {"suppressed": {"by": "comment"}}, {"suppressed": None}]
    report.write_text(json.dumps({"findings": found}))
    files = {"json-file": report, "diff-file": tmp_path / "podfit-diff.json"}
    assert script.findings(files) == "2"
    files["diff-file"].write_text(json.dumps({"appearing": [{}]}))
    assert script.findings(files) == "1"


def test_without_a_report_there_is_no_number(script: ModuleType, tmp_path: Path) -> None:
    files = dict.fromkeys(("json-file", "diff-file"), tmp_path / "podfit.json")
    assert script.findings(files) == ""
