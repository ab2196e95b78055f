"""Keys that only templates name, by everything that leads to them."""

import pytest

from auditor.fixes.paths import MAX_KEYS, NODE_SELECTOR, key_text
from auditor.fixes.templates import TemplateText, named_keys

VALUES = {
    "workers": {"big": {}, "small": {"nodeSelector": {}}},
    "zones": [{"name": "a"}, {"name": "b"}],
    "server": {},
}


def named(text: str, *others: str) -> list[str]:
    templates = [TemplateText((), f"{number}", item) for number, item in enumerate((text, *others))]
    return [key_text(key) for key in named_keys(templates, VALUES, NODE_SELECTOR.keys)]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("{{ toYaml .Values.nodeSelector }}", ["nodeSelector"]),
        ("{{- toYaml $.Values.a.nodeSelector | nindent 8 -}}", ["a.nodeSelector"]),
        ('{{ index .Values "a-b" "nodeSelector" }}', ["a-b.nodeSelector"]),
        ('{{ (index .Values "a-b").nodeSelector | toYaml }}', ["a-b.nodeSelector"]),
        ('{{ index $.Values.a "b" "nodeSelector" }}', ["a.b.nodeSelector"]),
        ('{{ get .Values.a "nodeSelector" }}', ["a.nodeSelector"]),
        ("{{ with .Values.a }}{{ .nodeSelector }}{{ end }}", ["a.nodeSelector"]),
        (
            "{{ with .Values.a.b }}{{ with .c }}{{ .nodeSelector }}{{ end }}{{ end }}",
            ["a.b.c.nodeSelector"],
        ),
        ("{{ with .Values.a }}{{ else }}{{ .Values.b.nodeSelector }}{{ end }}", ["b.nodeSelector"]),
        ("{{ with $a := .Values.a }}{{ $a.nodeSelector }}{{ end }}", ["a.nodeSelector"]),
        ("{{ $a := .Values.a | default dict }}{{ $a.nodeSelector }}", ["a.nodeSelector"]),
        ("{{ if .Values.a }}{{ $a := .Values.a }}{{ end }}{{ $a.nodeSelector }}", []),
        ("{{ with .Values.a }}{{ end }}{{ .nodeSelector }}", []),
        (
            "{{ range .Values.zones }}{{ .nodeSelector }}{{ end }}",
            ["zones[0].nodeSelector", "zones[1].nodeSelector"],
        ),
        (
            "{{ range $name, $worker := .Values.workers }}{{ $worker.nodeSelector }}{{ end }}",
            ["workers.big.nodeSelector", "workers.small.nodeSelector"],
        ),
        ("{{ range .Values.none }}{{ .nodeSelector }}{{ end }}", []),
        (
            "{{ or .Values.a.nodeSelector .Values.global.nodeSelector }}",
            ["a.nodeSelector", "global.nodeSelector"],
        ),
        ("{{ .Values.defaultNodeSelector }}", ["defaultNodeSelector"]),
        ("{{/* .Values.a.nodeSelector */}}", []),
        ("nodeSelector: {{ .Values.a.image }}", []),
        ('{{ "x.nodeSelector" }}', []),
        ("{{ end }}{{ end }}{{ .Values.nodeSelector }}", ["nodeSelector"]),
    ],
)
def test_paths(text: str, keys: list[str]) -> None:
    assert named(text) == keys


def test_the_argument_of_an_include() -> None:
    helper = '{{ define "pod" }}{{ toYaml .nodeSelector }}{{ end }}'

    assert named('{{ include "pod" .Values.server }}', helper) == ["server.nodeSelector"]
    assert named('{{ with .Values.a }}{{ include "pod" .b | nindent 4 }}{{ end }}', helper) == [
        "a.b.nodeSelector"
    ]
    assert named('{{ include "pod" . }}', helper) == []


def test_values_of_a_subchart() -> None:
    template = TemplateText(("db", "cache"), "pod.yaml", "{{ .Values.master.nodeSelector }}")

    assert named_keys([template], {}, NODE_SELECTOR.keys) == [
        ("db", "cache", "master", "nodeSelector")
    ]


def test_the_number_of_keys_is_bounded() -> None:
    text = "".join(f"{{{{ .Values.a{number}.nodeSelector }}}}" for number in range(MAX_KEYS + 5))

    assert len(named(text)) == MAX_KEYS
