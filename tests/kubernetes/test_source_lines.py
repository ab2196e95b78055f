"""From rendered lines back to the template: exact only where nothing else can have made one."""

import pytest

from auditor.kubernetes.source_lines import LineMap, Precision, SourceLine

TEMPLATE = """{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.name" . }}
  {{- /* a comment
       of two lines */}}
spec:
  template:
    spec:
      {{- with .Values.nodeSelector }}
      nodeSelector: {{ toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: web
          image: "{{ .Values.image }}"
          env:
            {{- range .Values.env }}
            - name: {{ .name }}
            {{- end }}
          ports:
            - name: http
{{- end }}
"""
RENDERED = """
apiVersion: apps/v1
kind: Deployment
metadata:
  name: release-web
spec:
  template:
    spec:
      nodeSelector:
        kubernetes.io/os: linux
      containers:
        - name: web
          image: "nginx:1"
          env:
            - name: A
            - name: B
          ports:
            - name: http
"""


def source_of(text: str, template: str = TEMPLATE, rendered: str = RENDERED) -> SourceLine:
    """The source of the rendered line with this text."""
    (number,) = (
        number for number, line in enumerate(rendered.splitlines(), 1) if line.strip() == text
    )
    return LineMap(template, rendered).source_of(number)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("kind: Deployment", 3),
        ("containers:", 14),
        ("- name: web", 15),
        ("ports:", 21),
        ("- name: http", 22),
    ],
)
def test_a_line_without_an_action_is_exact(text: str, line: int) -> None:
    assert source_of(text) == SourceLine(line, Precision.EXACT)


def test_a_line_with_an_action_is_exact_where_it_alone_fits() -> None:
    assert source_of('image: "nginx:1"') == SourceLine(16, Precision.EXACT)


def test_what_an_action_made_is_anchored_at_the_action() -> None:
    assert source_of("kubernetes.io/os: linux") == SourceLine(11, Precision.ANCHOR)


def test_a_pod_spec_from_a_helper_is_anchored_at_its_include() -> None:
    template = 'kind: Job\nspec:\n  template:\n    {{- include "lib.pod" . | nindent 4 }}\n'
    rendered = "kind: Job\nspec:\n  template:\n    spec:\n      containers:\n        - name: a\n"
    assert source_of("containers:", template, rendered) == SourceLine(4, Precision.ANCHOR)


def test_what_no_near_action_made_is_anchored_at_the_line_before() -> None:
    template = 'kind: Pod\nspec:\n---\nkind: Job\n{{- include "lib.job" . }}\n'
    rendered = "kind: Pod\nspec:\nadded: later\n---\nkind: Job\n"
    lines = LineMap(template.replace("---", "data: {}"), rendered.replace("---", "data: {}"))
    assert lines.source_of(3) == SourceLine(2, Precision.ANCHOR)


def test_two_lines_alike_are_told_by_their_neighbours_or_not_at_all() -> None:
    template = (
        "kind: First\nspec:\n  containers:\n---\nkind: Second\nspec:\n  containers:\nend: yes\n"
    )
    lines = LineMap(template, template)
    assert lines.source_of(3) == SourceLine(3, Precision.EXACT)
    assert lines.source_of(7) == SourceLine(7, Precision.EXACT)
    shuffled = "kind: Second\nspec:\n  containers:\nkind: First\n"
    assert LineMap(template, shuffled).source_of(3).precision is not Precision.EXACT


def test_a_template_that_is_one_include_is_known_as_a_file_alone() -> None:
    rendered = "kind: Pod\nspec:\n  containers:\n"
    assert LineMap('{{ include "lib.all" . }}\n', rendered).source_of(3) == SourceLine(
        1, Precision.FILE
    )


def test_lines_inside_of_an_action_never_come_out() -> None:
    template = "{{- /*\nkind: Pod\n*/}}\nkind: {{ .Values.kind }}\nspec:\n  containers:\n"
    rendered = "\nkind: Pod\nspec:\n  containers:\n"
    found = source_of("kind: Pod", template, rendered)
    assert (found.line, found.precision) != (2, Precision.EXACT)


def test_a_loop_gives_its_lines_every_time() -> None:
    template = "{{- range .Values.jobs }}\nkind: Job\nmetadata:\n  name: {{ . }}\n{{- end }}\n"
    rendered = "kind: Job\nmetadata:\n  name: a\nkind: Job\nmetadata:\n  name: b\n"
    lines = LineMap(template, rendered)
    assert [lines.source_of(number).line for number in (1, 4)] == [2, 2]


def test_huge_texts_are_not_compared() -> None:
    text = "key: value\n" * 20_001
    assert LineMap(text, text).source_of(5) == SourceLine(1, Precision.FILE)


def test_a_line_of_many_actions_takes_no_time() -> None:
    """A regular expression would try every way to part what was rendered."""
    template = "key: aaa" + "{{ .x }}a" * 40 + "b{{ .x }}\nkind: Pod\n"
    rendered = "spec:\nkey: aaa" + "a" * 400 + "\nkind: Pod\n"
    first = f"spec:\n{template}"

    assert LineMap(first, rendered).source_of(2).precision is Precision.ANCHOR
    assert LineMap(first, rendered.replace("a\nkind", "ab?\nkind")).source_of(2) == SourceLine(
        2, Precision.EXACT
    )


def test_lines_are_compared_so_often_and_no_more() -> None:
    template = "first: 1\n" + "key: {{ .x }}\n" * 1_500 + "last: 1\nthird: {{ .x }}\nfourth: 1\n"
    rendered = "first: 1\n" + "key: 1\n" * 1_500 + "last: 1\nthird: 3\nfourth: 1\n"

    assert LineMap(template, rendered).source_of(1_503).precision is Precision.ANCHOR
    few = LineMap(template.replace("key: {{ .x }}\n" * 1_000, ""), rendered)
    assert few.source_of(1_503) == SourceLine(503, Precision.EXACT)


def test_lines_of_a_template_are_those_of_an_editor() -> None:
    template = "# a\x0cb\u2028c\nkind: Pod\n"

    assert LineMap(template, "kind: Pod\n").source_of(1) == SourceLine(2, Precision.EXACT)
