"""The ways to render a chart: its defaults, `ci/*-values.yaml`, those of the configuration."""

from pathlib import Path

import pytest

from auditor.errors import Problem
from auditor.sources.interface import HelmOptions, SourceOptions, Tree, Variant
from auditor.sources.open import open_sources
from auditor.sources.values import MAX_VARIANTS, NamedOptions, find_variants
from tests.support.charts import POD, read, require_library, write_chart, write_tree

NAMED = POD.replace("{name}", "{{ .Values.name }}")


def make_chart(folder: Path, *ci: str) -> Path:
    chart = write_chart(folder / "web", {"pod.yaml": NAMED}, values="name: web\n")
    write_tree(chart, {f"ci/{name}": f"name: {name[0]}\n" for name in ci})
    return chart


def names(chart: Path, options: SourceOptions | None = None) -> list[str]:
    found = find_variants(chart, "web", options or SourceOptions())
    return [item.name for item in found if isinstance(item, NamedOptions)]


def test_a_chart_without_values_of_its_own_has_no_named_variant(tmp_path: Path) -> None:
    assert names(make_chart(tmp_path)) == [""]


def test_defaults_then_what_chart_testing_would_use(tmp_path: Path) -> None:
    chart = make_chart(tmp_path, "b-values.yaml", "a-values.yaml", "values.yaml", "a-values.yml")

    assert names(chart) == ["default", "ci/a-values.yaml", "ci/b-values.yaml"]


def test_no_ci_values(tmp_path: Path) -> None:
    chart = make_chart(tmp_path, "a-values.yaml")

    assert names(chart, SourceOptions(ci_values=False)) == [""]


def test_variants_of_the_configuration_come_last_and_may_replace_the_defaults(
    tmp_path: Path,
) -> None:
    chart = make_chart(tmp_path, "a-values.yaml")
    variants = (Variant("prod", set_values=("x=1",)), Variant("default", set_strings=("y=2",)))
    options = SourceOptions(trees=(Tree(tmp_path.resolve(), variants=(("web", variants),)),))

    found = [item for item in find_variants(chart, "web", options) if not isinstance(item, Problem)]

    assert [(item.name, item.options.set_values, item.options.set_strings) for item in found] == [
        ("default", (), ("y=2",)),
        ("ci/a-values.yaml", (), ()),
        ("prod", ("x=1",), ()),
    ]


@pytest.mark.parametrize(
    "given",
    [
        HelmOptions(values_files=("mine.yaml",)),
        HelmOptions(set_values=("a=1",)),
        HelmOptions(set_strings=("a=1",)),
    ],
)
def test_values_that_the_user_gives_replace_all_of_them(tmp_path: Path, given: HelmOptions) -> None:
    chart = make_chart(tmp_path, "a-values.yaml")

    assert list(find_variants(chart, "web", SourceOptions(given))) == [NamedOptions("", given)]


def test_what_the_configuration_excludes_is_no_variant(tmp_path: Path) -> None:
    chart = make_chart(tmp_path, "a-values.yaml", "b-values.yaml")
    options = SourceOptions(trees=(Tree(tmp_path.resolve(), exclude=("web/ci/a-*",)),))

    assert names(chart, options) == ["default", "ci/b-values.yaml"]


def test_a_link_out_of_the_chart_is_not_read(tmp_path: Path) -> None:
    chart = make_chart(tmp_path, "a-values.yaml")
    (tmp_path / "secret.yaml").write_text("name: secret\n")
    (chart / "ci" / "b-values.yaml").symlink_to(tmp_path / "secret.yaml")
    (chart / "ci" / "c-values.yaml").symlink_to("a-values.yaml")

    assert names(chart) == ["default", "ci/a-values.yaml", "ci/c-values.yaml"]


def test_more_variants_than_anybody_means(tmp_path: Path) -> None:
    chart = make_chart(tmp_path, *(f"{n:03}-values.yaml" for n in range(MAX_VARIANTS)))

    *found, problem = find_variants(chart, "charts/web", SourceOptions())

    assert len(found) == MAX_VARIANTS
    assert problem == Problem(
        "charts/web has 101 variants; the first 100 were audited",
        where="charts/web",
        hint="--no-ci-values leaves out those in ci/; -f audits with one values file",
    )


def test_documents_name_their_variant(tmp_path: Path) -> None:
    require_library()
    chart = make_chart(tmp_path, "a-values.yaml")

    (source,) = open_sources([str(chart)])
    documents, problems = read(source)

    assert problems == []
    assert [(item.variant, "name: a" in item.text) for item in documents] == [
        ("default", False),
        ("ci/a-values.yaml", True),
    ]


def test_a_variant_that_fails_is_named_and_the_others_are_audited(tmp_path: Path) -> None:
    require_library()
    chart = make_chart(tmp_path, "a-values.yaml")
    write_tree(chart, {"templates/x.yaml": "{{ if eq .Values.name `a` }}{{ fail `no` }}{{ end }}"})

    (source,) = open_sources([str(chart)])
    documents, [problem] = read(source)

    assert [item.variant for item in documents] == ["default"]
    assert problem.what == "chart web rejects its values, with ci/a-values.yaml"


def test_defaults_that_a_chart_refuses_can_be_replaced(tmp_path: Path) -> None:
    require_library()
    chart = make_chart(tmp_path, "a-values.yaml")
    write_tree(
        chart, {"templates/x.yaml": "{{ if eq .Values.name `web` }}{{ fail `no` }}{{ end }}"}
    )

    (source,) = open_sources([str(chart)])
    documents, [problem] = read(source)

    assert [item.variant for item in documents] == ["ci/a-values.yaml"]
    assert problem.what == "chart web rejects its values, with default"
    assert problem.hint == (
        "set the required values with -f or --set; "
        "a variant `default` in .podfit.yaml replaces the defaults"
    )


def test_what_variants_lack_is_told_once(tmp_path: Path) -> None:
    require_library()
    chart = make_chart(tmp_path, "a-values.yaml")
    described = (chart / "Chart.yaml").read_text() + (
        "dependencies:\n"
        "- {name: db, version: 1.0.0, repository: 'https://charts.test'}\n"
        "- {name: cache, version: 1.0.0, repository: 'https://charts.test', condition: cache.on}\n"
    )
    values = "name: a\ncache: {'on': false}\n"
    write_tree(chart, {"Chart.yaml": described, "ci/a-values.yaml": values})

    (source,) = open_sources([str(chart)])
    _, problems = read(source)

    assert [problem.why for problem in problems] == ["db 1.0.0 (missing), cache 1.0.0 (missing)"]
