"""What names a finding from one run to the next, and what does not."""

import dataclasses
from typing import Any

import pytest

from auditor.kubernetes.manifests import Document
from auditor.kubernetes.source_lines import OneLine
from tests.support.ignores import HOME, audit
from tests.support.reports import joined, workload


def fingerprints(text: str, **fields: Any) -> list[str]:
    document = Document("a.yaml", text, ".", home=HOME, identity="deploy/a.yaml")
    report = audit(dataclasses.replace(document, **fields))
    return [finding.fingerprint for finding in report.findings]


FIRST = fingerprints(workload())


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (workload(), {"path": "/home/me/repo/deploy/a.yaml"}),
        (workload(), {"source": "deploy", "home": "/elsewhere"}),
        (workload("another"), {}),
        (workload(namespace="other"), {}),
        ("# a comment\n\n" + workload(), {}),
        (joined("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", workload()), {}),
        (workload(image="busybox:1.37"), {}),
    ],
)
def test_it_stays(text: str, fields: dict[str, str]) -> None:
    assert fingerprints(text, **fields) == FIRST


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (workload(), {"identity": "deploy/b.yaml"}),
        (workload(kind="StatefulSet"), {}),
        (workload().replace("name: app", "name: sidecar"), {}),
        (workload(), {"template": "shop/charts/orders/templates/db.yaml"}),
    ],
)
def test_it_is_another(text: str, fields: dict[str, str]) -> None:
    (found,) = fingerprints(text, **fields)

    assert found != FIRST[0]


def test_two_in_one_file_differ() -> None:
    assert len(set(fingerprints(joined(workload("a"), workload("b"))))) == 2


def test_the_chart_may_be_called_anything() -> None:
    assert fingerprints(workload(), template="shop/templates/a.yaml") == fingerprints(
        workload(), template="store/templates/a.yaml"
    )


def test_they_are_sorted_by_the_lines_that_are_shown() -> None:
    """What an archived subchart makes is shown at the line that declares it."""
    late, early = (
        Document("Chart.yaml", text, ".", chart="shop", template=name, lines=OneLine(line))
        for name, text, line in (("b", workload("b"), 9), ("a", "\n\n" + workload("a"), 3))
    )

    shown = [finding.observation.location.file_line for finding in audit(late, early).findings]
    assert shown == [3, 9]
