"""Names and certificates that a chart makes up never reach a report."""

import time
from pathlib import Path

import pytest

from auditor.sources.chance import makes_up, mask, masked
from auditor.sources.helm import ChartSource
from auditor.sources.options import HelmOptions
from auditor.sources.rendering import Cause, Rendered, RenderError
from tests.support.charts import POD, RENDERERS, make_renderer, pack_chart, read, write_chart

BOTH = pytest.mark.parametrize("name", RENDERERS)
RANDOM = frozenset(("randAlphaNum",))


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
    ("template", "functions"),
    [
        ("a: {{ randAlphaNum 5 | lower }}", {"randAlphaNum"}),
        (
            "a: {{- uuidv4 }}\nb: {{ $c := genSignedCert `a` nil nil 1 $ca }}",
            {"uuidv4", "genSignedCert"},
        ),
        ('a: {{ now | date "x" }}', {"now"}),
        ("# now we use randAlphaNum\na: {{ .Values.nowhere }}", set()),
        ("{{/* now */}}\na: 1", set()),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_functions_that_make_something_up(
    tmp_path: Path, template: str, functions: set[str], packed: bool
) -> None:
    chart = write_chart(tmp_path / "web", {"a.yaml": template})
    path = pack_chart(chart, tmp_path / "web.tgz") if packed else chart

    assert makes_up(path) == functions


def test_functions_in_a_subchart_and_in_values(tmp_path: Path) -> None:
    chart = write_chart(tmp_path / "web", values="a: '{{ uuidv4 }}'\n")
    db = write_chart(tmp_path / "db", {"_helpers.tpl": "{{ randInt 1 9 }}"})
    (chart / "charts").mkdir()
    pack_chart(db, chart / "charts" / "db-0.1.0.tgz")

    assert makes_up(chart) == {"uuidv4", "randInt"}


def test_what_makes_nothing_up_is_rendered_once() -> None:
    first = Rendered({"a": "x"})

    def again() -> Rendered:
        raise AssertionError("rendered again")

    assert masked(first, again, frozenset(), 0) is first
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
