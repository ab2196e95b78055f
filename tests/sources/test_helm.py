"""A chart as a source: what comes out, and what is said of each that cannot be audited."""

import socket
from pathlib import Path

import pytest

from auditor.errors import MAX_WHY, Problem
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.source_lines import Precision
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from tests.support.charts import (
    CHARTS,
    POD,
    RENDERERS,
    make_renderer,
    pack_chart,
    read,
    write_chart,
    write_tree,
)

BOTH = pytest.mark.parametrize("name", RENDERERS)
POD_TEMPLATE = POD.replace("{name}", "{{ .Release.Name }}")


def _source(path: Path, name: str, options: HelmOptions | None = None) -> ChartSource:
    return ChartSource(path, path.name, options or HelmOptions(), make_renderer(name))


def _problem(path: Path, name: str, options: HelmOptions | None = None) -> Problem:
    """The only thing that is said of a chart that cannot be rendered."""
    documents, [problem] = read(_source(path, name, options))
    assert documents == []
    return problem


@BOTH
def test_a_document_for_each_template(name: str) -> None:
    documents, problems = read(_source(CHARTS / "umbrella", name, HelmOptions(namespace="shop")))

    assert problems == []
    cache, web = documents
    assert cache == Document(
        path="umbrella/charts/store/templates/statefulset.yaml",
        text=(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: release-name-cache\nspec:\n"
            "  template:\n    spec:\n      containers:\n        - name: store\n"
            "          image: registry.example/store:7\n"
        ),
        source="umbrella",
        chart="umbrella",
        namespace="shop",
        template="umbrella/charts/cache/templates/statefulset.yaml",
    )
    assert web.path == "umbrella/templates/deployment.yaml"


@pytest.mark.parametrize("chart", ["umbrella", "lifecycle", "fleet"])
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_both_renderers_give_the_same_documents(chart: str, packed: bool, tmp_path: Path) -> None:
    path = pack_chart(CHARTS / chart, tmp_path / f"{chart}.tgz") if packed else CHARTS / chart
    sets = ("sessions.enabled=true", "metrics.enabled=true", "pools.linux.tag=2")
    options = HelmOptions(set_values=sets, release_name="r", namespace="n")

    one, other = (list(_source(path, name, options).documents()) for name in RENDERERS)

    assert one == other
    assert len(one) == {"umbrella": 4, "lifecycle": 3, "fleet": 1}[chart]


@BOTH
def test_hooks_and_tests_are_rendered(name: str) -> None:
    documents, _ = read(_source(CHARTS / "lifecycle", name))

    texts = {document.path.rpartition("templates/")[2]: document.text for document in documents}
    assert "helm.sh/hook: pre-install,pre-upgrade" in texts["all.yaml"]
    assert "post-delete" in texts["cleanup.yaml"]
    assert "helm.sh/hook: test" in texts["tests/connection.yaml"]


@BOTH
def test_two_aliases_of_one_subchart_are_two_documents(name: str) -> None:
    options = HelmOptions(set_values=("sessions.enabled=true",))

    documents, _ = read(_source(CHARTS / "umbrella", name, options))

    stores = [item for item in documents if item.path.endswith("statefulset.yaml")]
    assert len({item.path for item in stores}) == 1
    assert [item.template.split("/")[2] for item in stores] == ["cache", "sessions"]


@BOTH
def test_a_library_has_nothing_to_audit_rightly(name: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "lib", {"_x.tpl": ""}, chart_yaml="type: library\n")

    assert list(_source(chart, name).documents()) == []


@BOTH
def test_a_chart_without_templates_renders_nothing(name: str, tmp_path: Path) -> None:
    assert list(_source(write_chart(tmp_path / "bare"), name).documents()) == []


@BOTH
def test_a_chart_of_definitions_alone(name: str, tmp_path: Path) -> None:
    crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    chart = write_chart(tmp_path / "crds-only", {"NOTES.txt": "Installed."})
    write_tree(chart, {"crds/thing.yaml": crd})

    assert list(_source(chart, name).documents()) == []


@BOTH
def test_a_required_value_that_is_not_set(name: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"x.yaml": "a: {{ required `set a.b!` .Values.a }}"})

    assert _problem(chart, name) == Problem(
        "chart web rejects its values",
        where="web/templates/x.yaml:1:6",
        why="execution error at (web/templates/x.yaml:1:6): set a.b!",
        hint="set the required values with -f or --set",
    )


@BOTH
@pytest.mark.parametrize(
    ("template", "what", "where"),
    [
        ("a: {{ .Values.a.b.c }}", "has a template that fails", "x.yaml:1:13"),
        ("a: 1\n{{ include `gone` . }}", "has a template that fails", "x.yaml:2:3"),
        ("a: 1\n{{ if }}", "has a template that Helm cannot parse", "x.yaml:2"),
        ("{{ nope 1 }}", "has a template that Helm cannot parse", "x.yaml:1"),
        ("{{ fail `no` }}", "rejects its values", "x.yaml:1:3"),
    ],
)
def test_a_template_that_fails(
    name: str, tmp_path: Path, template: str, what: str, where: str
) -> None:
    problem = _problem(write_chart(tmp_path / "web", {"x.yaml": template}), name)

    assert (problem.what, problem.where) == (f"chart web {what}", f"web/templates/{where}")


@BOTH
def test_notes_that_fail(name: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"NOTES.txt": "{{ fail `mode?` }}", "x.yaml": POD})

    assert _problem(chart, name).where == "web/templates/NOTES.txt:1:3"


@BOTH
def test_no_pods_and_an_error_in_the_notes(name: str, tmp_path: Path) -> None:
    chart = write_chart(
        tmp_path / "game",
        {
            "NOTES.txt": "Thank you.\n##### ERROR: eula must be set",
            "pod.yaml": "{{ if .Values.eula }}\n" + POD_TEMPLATE + "{{ end }}",
            "service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: game}\n",
        },
    )

    documents, problems = read(_source(chart, name))
    assert [document.path for document in documents] == ["game/templates/service.yaml"]
    assert problems == [
        Problem(
            "chart game creates no pods, and its notes report an error",
            where="game",
            why="ERROR: eula must be set",
            hint="set the values it requires with -f or --set",
        )
    ]
    assert read(_source(chart, name, HelmOptions(set_values=("eula=true",))))[1] == []


@BOTH
def test_values_that_break_the_schema(name: str, tmp_path: Path) -> None:
    schema = '{"required": ["tag"], "properties": {"size": {"type": "string"}}}'
    chart = write_chart(tmp_path / "web", {"x.yaml": POD}, values="size: 1", schema=schema)

    problem = _problem(chart, name)

    assert problem.what == "chart web rejects its values: they do not match its schema"
    assert "missing property 'tag'" in problem.why
    assert "got number, want string" in problem.why


@BOTH
@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"Chart.yaml": "a: ["}, "bad/Chart.yaml does not describe a chart"),
        ({"Chart.yaml": ""}, "chart  cannot be rendered"),
        ({"values.yaml": "- a"}, "chart bad cannot be rendered"),
        ({"values.yaml": "a: ["}, "chart bad cannot be rendered"),
        ({"charts/x.tgz": "no archive"}, "chart bad cannot be read"),
    ],
)
def test_a_chart_that_cannot_be_loaded(
    name: str, tmp_path: Path, files: dict[str, str], what: str
) -> None:
    chart = write_chart(tmp_path / "bad", {"x.yaml": POD})
    write_tree(chart, files)

    assert _problem(chart, name).what == what


def test_what_helm_says_of_a_copy_is_the_same_each_time(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"x.yaml": "a"}, values="a: 1\n")
    (chart / "ci").mkdir()
    (chart / "ci" / "out").symlink_to("/etc/passwd")
    (chart / "values.yaml").write_text("a: " + "x" * 6_000_000)

    documents, (link, problem) = read(_source(chart, "embedded"))

    assert documents == []
    assert link.why == "it points to /etc/passwd"
    assert "/podfit-chart" not in problem.why
    assert "values.yaml" in problem.why


@BOTH
def test_an_incomplete_chart_is_audited_for_what_it_has(name: str, tmp_path: Path) -> None:
    dependency = "dependencies: [{name: db, version: 1.0.0, repository: 'https://a.example'}]\n"
    chart = write_chart(tmp_path / "web", {"x.yaml": POD_TEMPLATE}, chart_yaml=dependency)

    documents, [problem] = read(_source(chart, name))

    assert [document.path for document in documents] == ["web/templates/x.yaml"]
    assert problem.hint == (
        "run `helm dependency build web`, or add --dependency-update to this command;"
        " the rest was audited"
    )


@BOTH
def test_a_chart_that_cannot_be_rendered_without_its_dependencies(
    name: str, tmp_path: Path
) -> None:
    dependency = "dependencies: [{name: common, version: 2.x.x}]\n"
    template = {"x.yaml": "a: {{ include `common.name` . }}"}
    chart = write_chart(tmp_path / "web", template, chart_yaml=dependency)

    problem = _problem(chart, name)

    assert problem.what == (
        "chart web is incomplete: dependencies are not in its charts/, and it cannot be rendered"
        " without them"
    )
    assert problem.why.startswith("common 2.x.x (missing); Helm reports: ")
    assert "web/templates/x.yaml:1:6" in problem.why
    assert problem.hint == (
        "run `helm dependency build web`, or add --dependency-update to this command"
    )


@BOTH
def test_what_a_subchart_lacks_is_not_fetched(name: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"x.yaml": POD_TEMPLATE})
    dependency = "dependencies: [{name: db, version: 1.0.0, repository: 'https://a.example'}]\n"
    write_chart(chart / "charts" / "mid", {}, chart_yaml=dependency)

    _, [problem] = read(_source(chart, name))

    assert problem.hint == "run `helm dependency build web/charts/mid`; the rest was audited"


@BOTH
def test_a_template_that_is_no_yaml_does_not_hide_the_others(name: str, tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"bad.yaml": "a: b: c", "good.yaml": POD_TEMPLATE})

    documents, problems = read(_source(chart, name))

    assert [document.text.split("\n")[0] for document in documents] == ["a: b: c", "apiVersion: v1"]
    assert problems == []


@BOTH
@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- a", "values file {} contains a list, not a mapping of values"),
        ("a: [", "values file {} is not YAML that Helm can read"),
        (None, "values file {} does not exist"),
    ],
)
def test_values_files_that_cannot_be_used(
    name: str, tmp_path: Path, text: str | None, what: str
) -> None:
    file = tmp_path / "values.yaml"
    if text is not None:
        file.write_text(text)

    problem = _problem(CHARTS / "fleet", name, HelmOptions(values_files=(str(file),)))

    assert problem.what == what.format(file)


@BOTH
def test_several_documents_in_a_values_file_are_said(name: str, tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("image: registry.example/one\n---\npools: {windows: null}\n")

    documents, [problem] = read(
        _source(CHARTS / "fleet", name, HelmOptions(values_files=(str(file),)))
    )

    assert problem.what == f"values file {file} contains several documents"
    assert "registry.example/one" in documents[0].text
    assert "windows" not in documents[0].text


@pytest.mark.parametrize("library", [True, False])
def test_a_schema_is_not_fetched(tmp_path: Path, library: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        chart = write_chart(
            tmp_path / "web", {"x.yaml": POD_TEMPLATE}, schema=f'{{"$ref": "{address}"}}'
        )
        write_chart(chart / "charts" / "sub", {}, schema=f'{{"allOf": [{{"$ref": "{address}"}}]}}')
        documents, problems = read(_source(chart, "embedded" if library else "cli"))
        with pytest.raises(BlockingIOError):  # nobody has connected
            server.accept()

    assert [document.path for document in documents] == ["web/templates/x.yaml"]
    assert [(problem.what, problem.where) for problem in problems] == [
        ("the values of chart web were not checked against a schema", f"web/{path}")
        for path in ("charts/sub/values.schema.json", "values.schema.json")
    ]
    assert address in problems[0].why


@BOTH
def test_nothing_outside_the_chart_is_read(name: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"secret": "s3cret", "schema.json": '{"const": "s3cret"}'})
    template = 'text: {{ .Files.Get "key" | quote }}'
    schema = f'{{"$ref": "{(tmp_path / "schema.json").as_uri()}"}}'
    chart = write_chart(tmp_path / "web", {"x.yaml": template}, schema=schema)
    (chart / "key").symlink_to(tmp_path / "secret")

    documents, problems = read(_source(chart, name))

    assert [document.text for document in documents] == ['text: ""\n']
    assert "s3cret" not in str(problems)
    assert [(problem.what, problem.where) for problem in problems] == [
        ("a link in chart web to a file outside the repository was left out", "web/key"),
        ("the values of chart web were not checked against a schema", "web/values.schema.json"),
    ]
    assert [problem.changes_no_pod for problem in problems] == [False, True]


HOSTILE = {
    "endless loop": "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
    "memory bomb": "{{ repeat 2000000000 `abc` }}",
    "tpl into itself": "{{ tpl .Values.t . }}",
    "include of itself": "{{ define `r` }}{{ include `r` . }}{{ end }}{{ include `r` . }}",
    "template of itself": "{{ define `r` }}{{ template `r` . }}{{ end }}{{ template `r` . }}",
}


@BOTH
@pytest.mark.parametrize("template", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_chart_does_not_hide_the_others(name: str, tmp_path: Path, template: str) -> None:
    renderer, options = make_renderer(name), HelmOptions(timeout=2)
    hostile = write_chart(
        tmp_path / "hostile", {"x.yaml": template}, values="t: '{{ tpl .Values.t . }}'"
    )
    honest = write_chart(tmp_path / "honest", {"x.yaml": POD_TEMPLATE})
    sources = [ChartSource(path, path.name, options, renderer) for path in (hostile, honest)]

    (nothing, [problem]), (documents, problems) = map(read, sources)

    assert nothing == []
    assert problem.what.startswith("chart hostile ")
    assert problem.hint
    assert len(problem.why) <= MAX_WHY + 3
    assert ([document.path for document in documents], problems) == (
        ["honest/templates/x.yaml"],
        [],
    )


@BOTH
def test_a_subchart_in_an_archive_is_located_where_it_is_declared(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
    sub = write_chart(tmp_path / "sub", {"pod.yaml": pod})
    parent = write_chart(
        tmp_path / "parent",
        {"own.yaml": pod},
        chart_yaml="dependencies:\n  - name: sub\n    version: 0.1.0\n",
    )
    (parent / "charts").mkdir()
    pack_chart(sub, parent / "charts" / "sub-0.1.0.tgz")

    documents, problems = read(_source(parent, name))

    assert problems == []
    places = {Path(item.path).name: item.place(2, 1) for item in documents}
    assert str(places["own.yaml"]) == "parent/templates/own.yaml:2"
    assert str(places["Chart.yaml"]) == "parent/Chart.yaml:5"
    assert places["Chart.yaml"].precision is Precision.ANCHOR
