"""Which templates can be left out of a rendering."""

from pathlib import Path

import pytest

from auditor.sources.chart_facts import ChartFacts
from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from auditor.sources.rendering import NO_VALUES, Rendered, Values
from auditor.sources.template_graph import TemplateGraph
from tests.support.charts import POD, RENDERERS, make_renderer, pack_chart, read, write_chart

PLAIN = "kind: Service\n"
HELPER = '{{ define "made" }}{{ randAlphaNum 5 }}{{ end }}{{ define "other" }}x{{ end }}'
RANDOM = "kind: Job # {{ uuidv4 }}\n"


@pytest.mark.parametrize(
    ("files", "values", "constant"),
    [
        ({"a.yaml": RANDOM, "b.yaml": PLAIN}, "", {"b.yaml"}),
        ({"_h.tpl": HELPER, "a.yaml": '{{ include "made" . }}', "b.yaml": PLAIN}, "", {"b.yaml"}),
        ({"_h.tpl": HELPER, "a.yaml": '{{ include "other" . }}'}, "", {"a.yaml"}),
        ({"_h.tpl": HELPER, "a.yaml": '{{ include (print "ma" "de") . }}'}, "", set()),
        ({"_h.tpl": HELPER, "a.yaml": "{{ include `made` . }}"}, "", set()),
        ({"_h.tpl": HELPER, "a.yaml": '{{ template "made" . }}'}, "", set()),
        ({"_h.tpl": HELPER, "a.yaml": PLAIN}, "x: '{{ include \"made\" . }}'\n", set()),
        ({"_h.tpl": HELPER, "a.yaml": PLAIN}, '# {{ include "made" . }}\n', {"a.yaml"}),
        ({"a.yaml": PLAIN}, "x: '{{ now }}'\n", set()),
        ({"a.yaml": '{{ tpl (.Files.Get "x") . }}', "b.yaml": RANDOM}, "", set()),
        ({"a.yaml": RANDOM, "b.yaml": "{{ $_ := set .Values `a` 1 }}"}, "", set()),
        ({"a.yaml": RANDOM, "b.yaml": "{{ $a := merge .Values.a .Values.b }}"}, "", set()),
        (
            {
                "a.yaml": RANDOM,
                "b.yaml": '{{ include "c" . }}',
                "_h.tpl": '{{ define "c" }}{{ $_ := unset . "a" }}{{ end }}',
            },
            "",
            set(),
        ),
        (
            {"a.yaml": '{{ include (print $.Template.BasePath "/b.yaml") . }}', "b.yaml": PLAIN},
            "",
            {"a.yaml"},
        ),
        (
            {"a.yaml": '{{ include (print $.Template.BasePath "/b.yaml") . }}', "b.yaml": RANDOM},
            "",
            set(),
        ),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_templates_whose_output_is_always_the_same(
    tmp_path: Path, files: dict[str, str], values: str, constant: set[str], *, packed: bool
) -> None:
    chart = write_chart(tmp_path / "web", files, values=values)
    path = pack_chart(chart, tmp_path / "web.tgz") if packed else chart

    found = TemplateGraph.read(path).constant(())

    assert found == {f"templates/{name}" for name in constant}


def test_values_of_the_user_are_evaluated_too(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"_h.tpl": HELPER, "a.yaml": PLAIN})
    graph = TemplateGraph.read(chart)

    assert graph.constant(["name: web"]) == {"templates/a.yaml"}
    assert graph.constant(["name={{ include `made` . }}"]) == frozenset()


def test_templates_that_cannot_be_read_are_all_needed(tmp_path: Path) -> None:
    (tmp_path / "web.tgz").write_bytes(b"no archive")

    assert TemplateGraph.read(tmp_path / "web.tgz").constant(()) == frozenset()


def test_templates_that_place_no_pods(tmp_path: Path) -> None:
    files = {
        "pod.yaml": POD,
        "rules.yaml": PLAIN,
        "check.yaml": "{{ if .Values.nodeSelector }}{{ fail `no` }}{{ end }}",
        "named.yaml": PLAIN,
        "uses.yaml": 'kind: Job # {{ include (print .Template.BasePath "/named.yaml") . }}',
        "_h.tpl": PLAIN,
    }
    graph = TemplateGraph.read(write_chart(tmp_path / "web", files))

    assert graph.without_pods({"pod.yaml", "uses.yaml"}) == {"templates/rules.yaml"}


class _Watched:
    """A renderer that keeps the names of the templates of each rendering."""

    def __init__(self, name: str) -> None:
        self._renderer = make_renderer(name)
        self.dependencies = self._renderer.dependencies
        self.seen: list[set[str]] = []

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        rendered = self._renderer.render(chart, options, overlay)
        self.seen.append({name.rpartition("/")[2] for name in rendered.templates})
        return rendered


@pytest.mark.parametrize("name", RENDERERS)
def test_only_what_may_differ_is_rendered_again(tmp_path: Path, name: str) -> None:
    files = {"a.yaml": POD.replace("{name}", "a-{{ randAlpha 5 | lower }}"), "b.yaml": PLAIN}
    watched = _Watched(name)
    source = ChartSource(write_chart(tmp_path / "web", files), "web", HelmOptions(), watched)

    documents, _ = read(source)

    assert watched.seen == [{"a.yaml", "b.yaml"}, {"a.yaml"}]
    assert [item.template.rpartition("/")[2] for item in documents] == ["a.yaml", "b.yaml"]
    assert "name: a-RANDOM\n" in documents[0].text


@pytest.mark.parametrize("name", RENDERERS)
def test_the_whole_chart_is_rendered_again_where_a_part_fails(tmp_path: Path, name: str) -> None:
    """podfit cannot know that a template is needed whose path is composed."""
    path = (
        '{{ $p := printf "%s/%s.yaml" .Template.BasePath "b" }}# {{ include $p . | sha256sum }}\n'
    )
    files = {
        "a.yaml": POD.replace("{name}", "a-{{ randAlpha 5 | lower }}") + path,
        "b.yaml": PLAIN,
    }
    source = ChartSource(
        write_chart(tmp_path / "web", files), "web", HelmOptions(), make_renderer(name)
    )

    documents, _ = read(source)

    assert "name: a-RANDOM\n" in documents[0].text


def test_copies_are_deleted_with_the_facts(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", {"a.yaml": POD, "b.yaml": PLAIN})
    facts = ChartFacts()

    copy = facts.without(chart, frozenset(("templates/b.yaml",)))

    assert sorted(item.name for item in (copy / "templates").iterdir()) == ["a.yaml"]
    assert facts.without(chart, frozenset(("templates/b.yaml",))) == copy
    assert facts.without(chart, frozenset()) == chart
    del facts
    assert not copy.exists()
