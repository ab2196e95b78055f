from pathlib import Path

import pytest

from auditor.errors import MAX_WHY
from auditor.sources.chart import Chart, Declaration
from auditor.sources.rendering import Cause, RenderError, explain

WEB = Chart(Path("gone"), "charts/web", "shop", dependencies=(Declaration("store", "cache"),))


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        (
            "execution error at (shop/templates/a.yaml:62:34): 'push' must be set",
            "chart shop rejects its values",
            "charts/web/templates/a.yaml:62:34",
        ),
        (
            "execution error at (shop/charts/cache/templates/NOTES.txt:1:3): no",
            "chart shop rejects its values",
            "charts/web/charts/store/templates/NOTES.txt:1:3",
        ),
        (
            'shop/templates/a.yaml:1:13\n  executing "x" at <.Values.a.b>:\n    nil pointer',
            "chart shop has a template that fails",
            "charts/web/templates/a.yaml:1:13",
        ),
        (
            'template: shop/templates/a.yaml:2:6: executing "x" at <include>: error calling',
            "chart shop has a template that fails",
            "charts/web/templates/a.yaml:2:6",
        ),
        (
            'parse error at (shop/templates/a.yaml:7): function "nope" not defined',
            "chart shop has a template that Helm cannot parse",
            "charts/web/templates/a.yaml:7",
        ),
        (
            "values don't meet the specifications of the schema(s) in the following chart(s):",
            "chart shop rejects its values: they do not match its schema",
            "charts/web",
        ),
        (
            "chart requires kubeVersion: >=1.99 which is incompatible with Kubernetes v1.36.0",
            "chart shop does not support this version of Kubernetes",
            "charts/web",
        ),
        (
            "cannot load values.yaml: cannot unmarshal yaml document",
            "chart shop cannot be rendered",
            "charts/web",
        ),
        ("", "chart shop cannot be rendered", "charts/web"),
    ],
)
def test_what_helm_refuses(text: str, what: str, where: str) -> None:
    problem = explain(RenderError(Cause.REFUSED, text), WEB)

    assert (problem.what, problem.where, problem.why) == (what, where, text)
    assert problem.hint


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.REFUSED])
def test_what_breaks_off(cause: Cause) -> None:
    problem = explain(RenderError(cause, "one\ntwo\nthree\nfour\n"), WEB)

    assert problem.what == f"chart shop could not be rendered: {cause.value}"
    assert (problem.where, problem.why) == ("charts/web", "one\ntwo\nthree")
    assert problem.hint


def test_a_long_text_is_shortened() -> None:
    text = "template: shop/templates/a.yaml:2:6: " + "error calling include: " * 9000 + "the cause"

    why = explain(RenderError(Cause.REFUSED, text), WEB).why

    assert len(why) <= MAX_WHY + 3
    assert why.startswith("template: shop/templates/a.yaml:2:6")
    assert why.endswith("the cause")


@pytest.mark.timeout(20)
def test_a_long_text_takes_no_time() -> None:
    explain(RenderError(Cause.REFUSED, "a/templates/" * 100_000), WEB)
    explain(RenderError(Cause.REFUSED, "a" * 1_000_000), WEB)
