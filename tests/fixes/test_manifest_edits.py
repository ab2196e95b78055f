"""Edits of manifests, line by line; that `patch` takes them is in test_manifests.py."""

import pytest

from auditor.checks.findings import Guard
from auditor.fixes.manifests import Edit, find_edit, unified_diff
from auditor.kubernetes.pod_spec import Requirement
from tests.support.objects import workload

ON_LINUX = Guard((Requirement("kubernetes.io/os", "In", ("linux",)),))
NO_NEWLINE = "\\ No newline at end of file"


@pytest.mark.parametrize(
    ("entry", "is_extended"), [("disk: ssd", True), ("kubernetes.io/os: windows", False)]
)
def test_an_entry_that_is_there_is_not_written_again(entry: str, is_extended: bool) -> None:
    found = workload(f"nodeSelector:\n  {entry}")

    edit = find_edit(found.document.text.split("\n"), found, ON_LINUX)
    assert (edit is not None) is is_extended


@pytest.mark.parametrize(
    ("line", "end", "is_said"), [(1, (), False), (19, (), True), (19, ("",), False)]
)
def test_a_patch_that_reaches_a_last_line_without_an_end_says_so(
    line: int, end: tuple[str, ...], is_said: bool
) -> None:
    source = [*(f"line {number}" for number in range(20)), *end]

    patch = unified_diff("a.yaml", source, Edit(line, ("new",)))
    assert (NO_NEWLINE in patch.splitlines()) is is_said
