"""Names and certificates that a chart makes up never reach a report."""

import time
from pathlib import Path

import pytest

from auditor.sources.helm import ChartSource
from auditor.sources.interface import HelmOptions
from auditor.sources.nondeterminism import (
    RandomTemplates,
    find_random_templates,
    mask,
    masked,
    may_show,
)
from auditor.sources.rendering import Cause, Rendered, RenderError
from tests.support.charts import POD, RENDERERS, make_renderer, pack_chart, read, write_chart

BOTH = pytest.mark.parametrize("name", RENDERERS)
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {at: '{{ now }}'}\n"
RANDOM = RandomTemplates(None)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("name: web", "name: web", "name: web"),
        ("name: web-test-x7k2a", "name: web-test-xq9w1", "name: web-test-RANDOM"),
        ('name: "webx7-b"', 'name: "webq9-b"', 'name: "RANDOM-b"'),
        ("port: 30123", "port: 31999", "port: 1"),
        ("crt: LS0tL+a/b==", "crt: LS0tLxa+b=", "crt: RANDOM"),
        ("a: {b: 42, c: d}", "a: {b: 17, c: d}", "a: {b: 1, c: d}"),
        ("id: 7a-4001-b", "id: 8c-4002-b", "id: RANDOM-RANDOM-b"),
        ("name: web-12345", "name: web-54321", "name: web-RANDOM"),
        ('at: "2026-11-23 09:20:01"', 'at: "2026-11-23 09:20:02"', 'at: "2026-11-23 09:20:RANDOM"'),
        ('a: "x-y"', 'a: "x"', "a: RANDOM"),
        ("a: 1\nb: x\nc: 3", "a: 1\nb: y\nc: 3", "a: 1\nb: RANDOM\nc: 3"),
        ("a: 1\nb: 2", "a: 1", "a: 1\nb: 2"),
    ],
)
def test_a_mask_over_whole_words(one: str, other: str, expected: str) -> None:
    assert mask(one, other) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("a: {{ randAlphaNum 5 | lower }}", True),
        ("a: {{- uuidv4 }}", True),
        ("b: {{ $c := genSignedCert `a` nil nil 1 $ca }}", True),
        ('a: {{ now | date "x" }}', True),
        ('a: {{ printf "%s" now }}', True),
        ("# now we use randAlphaNum\na: {{ .Values.nowhere }}", False),
        ("{{/* now */}}\na: 1", False),
        ('{{ fail "roles are now \\"generated\\" now" }}', False),
        ("{{ fail `now` }}", False),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_templates_that_make_something_up(
    tmp_path: Path, template: str, expected: bool, packed: bool
) -> None:
    chart = write_chart(tmp_path / "web", {"a.yaml": template})
    path = pack_chart(chart, tmp_path / "web.tgz") if packed else chart

    assert (find_random_templates(path) != RandomTemplates()) is expected


@pytest.mark.parametrize("place", ["values", "subchart"])
def test_what_values_and_subcharts_make_up(tmp_path: Path, place: str) -> None:
    text = "a: '{{ uuidv4 }}'\n"
    chart = write_chart(tmp_path / "web", values=text if place == "values" else "")
    if place == "subchart":
        (chart / "charts").mkdir()
        db = write_chart(
            tmp_path / "db", {"_helpers.tpl": f'{{{{ define "a" }}}}{text}{{{{ end }}}}'}
        )
        pack_chart(db, chart / "charts" / "db-0.1.0.tgz")

    assert find_random_templates(chart) == RandomTemplates(changing=None)


@pytest.mark.parametrize(
    ("templates", "values", "expected"),
    [
        ({"pod.yaml": f"{POD}# {{{{ now }}}}\n"}, "", True),
        ({"pod.yaml": POD, "secret.yaml": SECRET}, "", False),
        ({"pod.yaml": f"{POD}---\n{SECRET}"}, "", True),
        ({"pod.yaml": f"{POD}# {{{{ include (print .Base `/secret.yaml`) . }}}}"}, "", None),
        ({"pod.yaml": POD, "_names.tpl": '{{ define "at" }}{{ now }}{{ end }}'}, "", None),
        ({"pod.yaml": POD, "secret.yaml": '{{ define "a" }}{{ end }}' + SECRET}, "", None),
        ({"pod.yaml": POD}, "at: '{{ now }}'\n", None),
    ],
    ids=["pod", "secret", "both", "checksum", "helper", "defines", "values"],
)
def test_it_renders_again_where_a_report_may_show_the_time(
    tmp_path: Path, templates: dict[str, str], values: str, expected: bool | None
) -> None:
    """Secrets and ConfigMaps that ask for the time themselves are not worth it."""
    files = {"secret.yaml": SECRET, **templates}
    chances = find_random_templates(write_chart(tmp_path / "web", files, values=values))
    rendered = Rendered({f"web/templates/{name}": text for name, text in files.items()})

    assert may_show(chances.changing, rendered) is (expected is not False)
    assert (chances.changing is None) is (expected is None)
    assert chances.timed == chances.changing


def test_it_waits_for_what_asks_for_the_time_alone(tmp_path: Path) -> None:
    files = {"secret.yaml": SECRET, "pod.yaml": POD.replace("{name}", "a-{{ randInt 1 9 }}")}

    chances = find_random_templates(write_chart(tmp_path / "web", files))

    assert chances == RandomTemplates(
        frozenset(("secret.yaml", "pod.yaml")), frozenset(("secret.yaml",))
    )


def test_what_makes_nothing_up_is_rendered_once() -> None:
    first = Rendered({"a": "x"})

    def again() -> Rendered:
        raise AssertionError("rendered again")

    assert masked(first, again, RandomTemplates(), 0) is first
    assert masked(Rendered({}), again, RANDOM, 0) == Rendered({})


def test_what_cannot_be_rendered_again_stays() -> None:
    first = Rendered({"a": "x"})

    def again() -> Rendered:
        raise RenderError(Cause.TIMEOUT)

    assert masked(first, again, RANDOM, time.monotonic()) is first


@BOTH
def test_two_runs_give_the_same_documents(name: str, tmp_path: Path) -> None:
    pod = POD.replace("{name}", "{{ .Release.Name }}-test-{{ randAlphaNum 5 | lower }}")
    secret = (
        "kind: Secret\napiVersion: v1\nmetadata: {name: tls, labels: {n: n{{ randNumeric 6 }}}}\n"
        "data: {password: {{ randAlphaNum 20 | b64enc }}}\n"
    )
    chart = write_chart(tmp_path / "web", {"pod.yaml": pod, "secret.yaml": secret})

    one, other = (read(ChartSource(chart, "web", HelmOptions(), make_renderer(name))) for _ in "12")

    assert one == other
    assert "name: release-name-test-RANDOM\n" in one[0][0].text


@BOTH
def test_times_are_made_up_too(name: str, tmp_path: Path) -> None:
    chart = write_chart(
        tmp_path / "web", {"a.yaml": POD.replace("{name}", "p-{{ now | unixEpoch }}")}
    )

    documents, _ = read(ChartSource(chart, "web", HelmOptions(), make_renderer(name)))

    assert "name: p-RANDOM\n" in documents[0].text
