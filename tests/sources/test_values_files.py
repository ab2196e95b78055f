from pathlib import Path

import pytest

from auditor.errors import Problem, SourceError
from auditor.sources.interface import HelmOptions
from auditor.sources.values import check_values_files


def _check(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    monkeypatch.chdir(path)
    (path / "values.yaml").write_text(text)
    return list(check_values_files(HelmOptions(values_files=("values.yaml",))))


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\na: 1\n---\n# nothing\n", "a: 1\n...\n"])
def test_one_document_is_what_helm_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    assert _check(tmp_path, text, monkeypatch) == []


def test_a_second_document_is_not_passed_over_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _check(tmp_path, "a: 1\n---\nb: 2\n", monkeypatch) == [
        Problem(
            "values file values.yaml contains several documents",
            where="values.yaml:3",
            why="podfit merges them like Helm 4; Helm 3 reads only the first",
            hint="put each document into a separate file, and pass each with -f",
        )
    ]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (
            "a: 1\nb: [\n",
            "values.yaml:3:1",
            "values file values.yaml is not YAML that Helm can read",
        ),
        (
            "- a\n",
            "values.yaml:1:1",
            "values file values.yaml contains a list, not a mapping of values",
        ),
        (
            "\n text",
            "values.yaml:2:2",
            "values file values.yaml contains text, not a mapping of values",
        ),
    ],
)
def test_what_is_no_mapping_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, where: str, what: str
) -> None:
    with pytest.raises(SourceError) as raised:
        _check(tmp_path, text, monkeypatch)

    assert (raised.value.problem.where, raised.value.problem.what) == (where, what)


def test_a_missing_values_file_is_refused() -> None:
    with pytest.raises(SourceError, match=r"gone\.yaml does not exist"):
        list(check_values_files(HelmOptions(values_files=("gone.yaml",))))
