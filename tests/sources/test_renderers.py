"""Which Helm renders, and that the library and the program render the same."""

import os
from pathlib import Path

import pytest

from auditor.errors import SourceError
from auditor.sources import renderers
from auditor.sources import renderers as renderer_embedded
from auditor.sources.interface import HelmOptions, RendererName
from auditor.sources.renderers import CliRenderer, EmbeddedRenderer, NoRenderer, choose_renderer
from auditor.sources.rendering import Cause, Dependency, RenderError
from tests.support.charts import CHARTS, RENDERERS, make_renderer, pack_chart, write_chart

JSON = "v: {{ .Values.v | toJson }}"
BOTH = pytest.mark.parametrize("name", RENDERERS)


@BOTH
@pytest.mark.parametrize("chart", ["umbrella", "lifecycle", "fleet"])
def test_templates_by_name_without_notes(name: str, chart: str) -> None:
    templates = make_renderer(name).render(CHARTS / chart, HelmOptions()).templates

    assert (
        list(templates)
        == {
            "umbrella": [
                "umbrella/charts/cache/templates/statefulset.yaml",
                "umbrella/templates/deployment.yaml",
            ],
            "lifecycle": [
                "lifecycle/templates/all.yaml",
                "lifecycle/templates/cleanup.yaml",
                "lifecycle/templates/tests/connection.yaml",
            ],
            "fleet": ["fleet/templates/agents.yaml"],
        }[chart]
    )


OPTIONS = {
    "defaults": HelmOptions(),
    "names": HelmOptions(release_name="shop", namespace="prod"),
    "set": HelmOptions(
        set_values=(
            "sessions.enabled=true",
            "metrics.enabled=true,image.tag=20240101",
            r"nodeSelector.kubernetes\.io/os=linux",
            "pools.linux.tolerations[0].key=a",
            "pools.linux.tolerations[0].operator=Exists",
        ),
        set_strings=("cache.image=1234567", "pools.linux.tag=on"),
    ),
    "null": HelmOptions(set_values=("pools.windows=null", "cache=null")),
    "versions": HelmOptions(
        kube_version="1.29.3", api_versions=("monitoring.coreos.com/v1", "a/b")
    ),
    "upgrade": HelmOptions(set_values=("cache.enabled=false",)),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("chart", ["umbrella", "lifecycle", "fleet"])
def test_both_render_the_same(chart: str, options: HelmOptions) -> None:
    one, other = (make_renderer(name).render(CHARTS / chart, options) for name in RENDERERS)

    assert one.templates == other.templates
    assert one.templates


def test_both_render_an_archive_the_same(tmp_path: Path) -> None:
    archive = pack_chart(CHARTS / "umbrella", tmp_path / "umbrella.tgz")
    one, other = (make_renderer(name).render(archive, HelmOptions()) for name in RENDERERS)

    assert one.templates == other.templates


@BOTH
def test_options_reach_the_templates(name: str) -> None:
    templates = make_renderer(name).render(CHARTS / "umbrella", OPTIONS["set"]).templates

    assert "registry.example/web:20240101" in templates["umbrella/templates/deployment.yaml"]
    assert "kubernetes.io/os: linux" in templates["umbrella/templates/deployment.yaml"]
    cache = templates["umbrella/charts/cache/templates/statefulset.yaml"]
    assert "image: 1234567\n" in cache
    fleet = make_renderer(name).render(CHARTS / "fleet", OPTIONS["versions"]).templates
    assert 'kubernetes: "v1.29.3"' in fleet["fleet/templates/agents.yaml"]


@BOTH
def test_values_files_come_in_order_and_below_set(tmp_path: Path, name: str) -> None:
    chart = write_chart(tmp_path / "web", {"x.yaml": JSON}, values="v: {a: 0, b: 0, c: 0}")
    (tmp_path / "1.yaml").write_text("v: {a: 1, b: 1, l: [1, 2]}")
    (tmp_path / "2.yaml").write_text("v: {b: 2, l: [0644]}\n--- # more\nv: {d: 4}\n")
    files = (str(tmp_path / "1.yaml"), str(tmp_path / "2.yaml"))
    options = HelmOptions(values_files=files, set_values=("v.c=3", "v.l[1]=x"))

    [text] = make_renderer(name).render(chart, options).templates.values()

    assert text == 'v: {"a":1,"b":2,"c":3,"d":4,"l":[420,"x"]}\n'


@BOTH
def test_an_overlay_is_a_last_values_file(tmp_path: Path, name: str) -> None:
    chart = write_chart(tmp_path / "web", {"x.yaml": JSON}, values="v: {a: 0}")
    (tmp_path / "file.yaml").write_text("v: {a: 1, b: 1, c: 1}")
    options = HelmOptions(values_files=(str(tmp_path / "file.yaml"),), set_values=("v.c=3",))
    overlay = {"v": {"b": 2, "c": 2}}

    [text] = make_renderer(name).render(chart, options, overlay).templates.values()

    assert text == 'v: {"a":1,"b":2,"c":3}\n'


@BOTH
def test_each_rendering_is_anew(tmp_path: Path, name: str) -> None:
    """The library's handles keep what a rendering made of them: conditions, merged values."""
    renderer = make_renderer(name)
    on = HelmOptions(set_values=("metrics.enabled=true",))
    first = renderer.render(CHARTS / "umbrella", HelmOptions())

    assert "umbrella/charts/metrics/templates/daemonset.yaml" in (
        renderer.render(CHARTS / "umbrella", on).templates
    )
    assert renderer.render(CHARTS / "umbrella", HelmOptions()) == first


@BOTH
def test_notes_of_a_chart_without_pods(tmp_path: Path, name: str) -> None:
    chart = write_chart(
        tmp_path / "web", {"NOTES.txt": "ERROR: {{ .Release.Name }}", "x.yaml": "kind: Service"}
    )
    sub = write_chart(chart / "charts" / "sub", {"NOTES.txt": "of the subchart"})

    rendered = make_renderer(name).render(chart, HelmOptions())

    assert rendered.notes == "ERROR: release-name"
    assert list(rendered.templates) == ["web/templates/x.yaml"]
    assert make_renderer(name).render(sub, HelmOptions()).notes == "of the subchart"
    (chart / "templates" / "NOTES.txt").unlink()
    assert make_renderer(name).render(chart, HelmOptions()).notes == ""


@BOTH
def test_listed_dependencies(name: str) -> None:
    assert make_renderer(name).dependencies(CHARTS / "umbrella") == (
        Dependency("store", "0.3.0", "unpacked"),
        Dependency("store", "0.3.0", "unpacked"),
        Dependency("metrics", "0.1.0", "unpacked"),
    )


@BOTH
@pytest.mark.parametrize(
    ("templates", "chart_yaml", "text"),
    [
        (
            {"x.yaml": "{{ required `tag must be set` .Values.tag }}"},
            "",
            "execution error at (web/templates/x.yaml:1:3): tag must be set",
        ),
        (
            {"x.yaml": "{{ if }}"},
            "",
            "parse error at (web/templates/x.yaml:1): missing value for if",
        ),
        (
            {"x.yaml": "a: 1"},
            "kubeVersion: '>=1.99.0-0'\n",
            "chart requires kubeVersion: >=1.99.0-0 which is incompatible with Kubernetes v1.30.0",
        ),
    ],
)
def test_what_helm_refuses(
    tmp_path: Path, name: str, templates: dict[str, str], chart_yaml: str, text: str
) -> None:
    chart = write_chart(tmp_path / "web", templates, chart_yaml=chart_yaml)

    with pytest.raises(RenderError) as raised:
        make_renderer(name).render(chart, HelmOptions(kube_version="1.30.0"))

    assert (raised.value.cause, raised.value.text) == (Cause.REFUSED, text)


@BOTH
def test_a_kubernetes_version_that_the_chart_supports(tmp_path: Path, name: str) -> None:
    chart = write_chart(tmp_path / "web", {"x.yaml": "a: 1"}, chart_yaml="kubeVersion: '~1.29.0'\n")

    assert make_renderer(name).render(chart, HelmOptions(kube_version="v1.29.7")).templates


@BOTH
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (HelmOptions(release_name="Not A Name"), "release name"),
        (HelmOptions(set_values=("novalue",)), "failed parsing --set data"),
        (HelmOptions(set_strings=("novalue",)), "failed parsing --set-string data"),
        (HelmOptions(kube_version="latest"), "latest"),
    ],
)
def test_options_that_helm_refuses(name: str, options: HelmOptions, words: str) -> None:
    with pytest.raises(RenderError) as raised:
        make_renderer(name).render(CHARTS / "fleet", options)

    assert words in raised.value.text


@BOTH
def test_a_number_that_must_stay_a_number(tmp_path: Path, name: str) -> None:
    schema = '{"properties": {"user": {"type": "integer"}}}'
    chart = write_chart(tmp_path / "web", {"x.yaml": "{{ .Values.user | toJson }}"}, schema=schema)
    options = HelmOptions(set_values=("user=1000650000",))

    assert make_renderer(name).render(chart, options).templates == {
        "web/templates/x.yaml": "1000650000\n"
    }


def test_the_program_renders_what_is_there_without_what_is_missing(tmp_path: Path) -> None:
    chart = write_chart(
        tmp_path / "web",
        {"x.yaml": "kind: Pod\nname: {{ .Chart.Name }}"},
        chart_yaml="dependencies: [{name: db, version: 1.0.0}, {name: cache, version: 1.0.0}]\n",
    )

    one, other = (make_renderer(name).render(chart, HelmOptions()) for name in RENDERERS)

    assert one.templates == other.templates == {"web/templates/x.yaml": "kind: Pod\nname: web\n"}


def test_the_program_prints_templates_that_are_no_yaml_too(tmp_path: Path) -> None:
    chart = write_chart(
        tmp_path / "web", {"bad.yaml": "a: b: c\n---\nkind: Pod", "good.yaml": "kind: Job"}
    )

    one, other = (make_renderer(name).render(chart, HelmOptions()) for name in RENDERERS)

    assert one.templates == other.templates
    assert list(one.templates) == ["web/templates/bad.yaml", "web/templates/good.yaml"]


@pytest.mark.parametrize(
    ("wanted", "library", "program", "kind"),
    [
        ("auto", True, True, EmbeddedRenderer),
        ("auto", True, False, EmbeddedRenderer),
        ("auto", False, True, CliRenderer),
        ("auto", False, False, NoRenderer),
        ("embedded", True, False, EmbeddedRenderer),
        ("embedded", False, True, NoRenderer),
        ("cli", True, True, CliRenderer),
        ("cli", True, False, NoRenderer),
    ],
)
def test_which_helm_renders(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    wanted: RendererName,
    library: bool,
    program: bool,
    kind: type,
) -> None:
    monkeypatch.setattr(renderers, "is_installed", lambda: library)
    monkeypatch.setenv("PATH", str(_fake_helm(tmp_path, "v3.8.0")) if program else str(tmp_path))

    assert isinstance(choose_renderer(HelmOptions(renderer=wanted)), kind)


def test_the_library_is_looked_for_where_it_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert not renderer_embedded.is_installed()


@pytest.mark.parametrize("version", ["v4.3", "v3.19.2", "v3.8.0", "v3.7.2", "v2.17.0"])
def test_which_versions_of_the_program_are_used(tmp_path: Path, version: str) -> None:
    renderer = CliRenderer(str(_fake_helm(tmp_path, version) / "helm"))

    if version in {"v3.7.2", "v2.17.0"}:
        with pytest.raises(SourceError) as raised:
            renderer.render(tmp_path, HelmOptions())
        assert raised.value.problem.why == f"it is version {version.rpartition('.')[0]}"
        assert "install helm 3.8 or later" in raised.value.problem.hint
    else:
        assert renderer.render(tmp_path, HelmOptions()).templates == {}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("Error: unknown flag", "it does not print its version"),
        ("", "it does not print its version"),
    ],
)
def test_a_program_that_does_not_say_its_version(tmp_path: Path, words: str, why: str) -> None:
    renderer = CliRenderer(str(_fake_helm(tmp_path, words) / "helm"))

    with pytest.raises(SourceError) as raised:
        renderer.render(tmp_path, HelmOptions())

    assert raised.value.problem.why == why


def test_a_program_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        CliRenderer(str(tmp_path / "helm")).render(tmp_path, HelmOptions())

    assert "No such file" in raised.value.problem.why


def test_without_helm_both_ways_out_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(renderers, "is_installed", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path))
    renderer = choose_renderer(HelmOptions())

    for call in (
        lambda: renderer.render(tmp_path, HelmOptions()),
        lambda: renderer.dependencies(tmp_path),
    ):
        with pytest.raises(SourceError) as raised:
            call()
        assert raised.value.problem.what == "charts cannot be rendered: Helm was not found"
        assert raised.value.problem.hint == (
            "run `pip install 'podfit[helm]'`, or install the program helm, version 3.8 or later,"
            " on PATH"
        )


def test_the_users_plugins_and_settings_are_not_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HELM_PLUGINS", str(tmp_path))
    monkeypatch.setenv("HELM_NAMESPACE", "mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "plugin.yaml").write_text("{broken")

    rendered = make_renderer("cli").render(CHARTS / "fleet", HelmOptions())

    assert "namespace: default" in rendered.templates["fleet/templates/agents.yaml"]


def _fake_helm(folder: Path, version: str) -> Path:
    """A folder for PATH with a program that says it is this version of Helm."""
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "helm"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    if os.name != "posix":
        pytest.skip("a shell script stands in for the program")
    return programs
