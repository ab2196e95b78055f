"""Demands on labels of old."""

from auditor.checks.selectors import DEPRECATED_LABEL
from tests.support.assessments import assessed, image

AMD64 = image("linux/amd64")
AFFINITY = """
nodeSelector: {beta.kubernetes.io/arch: amd64}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        - matchExpressions:
            - {key: beta.kubernetes.io/arch, operator: In, values: [amd64]}
            - {key: beta.kubernetes.io/os, operator: In, values: [linux]}
"""


def test_each_label_once_at_its_first_use() -> None:
    seen = list(DEPRECATED_LABEL.observe(assessed(AFFINITY, AMD64), {}))

    assert [observation.aspect for observation in seen] == [
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    ]
    assert seen[1].fix == "write kubernetes.io/arch"
    lines = seen[1].workload.document.text.splitlines()
    assert lines[seen[1].location.line - 1].strip().startswith("nodeSelector:")


def test_the_labels_of_today() -> None:
    assert (
        list(
            DEPRECATED_LABEL.observe(assessed("nodeSelector: {kubernetes.io/os: linux}", AMD64), {})
        )
        == []
    )
