"""Two runs over a chart that makes up names and certificates give the same report."""

from pathlib import Path

import pytest

from tests.support.charts import require_library, write_chart
from tests.support.command import podfit, write_lock

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web-test-{{ randAlphaNum 5 | lower }}
  annotations:
    helm.sh/hook: test
    checksum: {{ genCA "web" 1 | toString | sha256sum }}
spec:
  # {{ uuidv4 }}
  containers:
  - {name: web, image: nginx:1, env: [{name: ID, value: "{{ randNumeric 9 }}"}]}
"""


@pytest.mark.parametrize("output", ["pretty", "json", "markdown", "sarif", "html"])
def test_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    require_library()
    repo = tmp_path / "repo"
    write_chart(repo / "web", {"pod.yaml": POD})
    (repo / ".git").mkdir()
    monkeypatch.chdir(repo)
    write_lock(repo, {"docker.io/library/nginx:1": ("linux/amd64",)})

    one, other = (podfit("audit", "web", "--locked", "-o", output) for _ in "12")

    assert one.code == 1, one.err
    assert one.out == other.out
    assert "web-test-RANDOM" in one.out
