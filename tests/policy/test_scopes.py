"""Which scope a document belongs to."""

import pytest

from auditor.checks.findings import Severity
from auditor.kubernetes.manifests import Document
from auditor.policy.ignores import NO_SCOPE, Scope, scope_of

OUTER, INNER = Scope("/work/outer"), Scope("/work/outer/vendor/inner")


def document(home: str, identity: str) -> Document:
    return Document("shown.yaml", "", "source", home=home, identity=identity)


@pytest.mark.parametrize("scopes", [(OUTER, INNER), (INNER, OUTER)])
def test_the_innermost_scope_counts(scopes: tuple[Scope, ...]) -> None:
    assert scope_of(document("/work/outer/vendor/inner", "a.yaml"), scopes) is INNER
    assert scope_of(document("/work/outer", "vendor/inner/a.yaml"), scopes) is INNER
    assert scope_of(document("/work/outer", "vendor/a.yaml"), scopes) is OUTER


def test_a_document_outside_of_all_has_no_scope() -> None:
    assert scope_of(document("/work/outer-2", "a.yaml"), (OUTER, INNER)) is NO_SCOPE


def test_a_stream_belongs_to_the_scope_that_speaks_for_it() -> None:
    stream = Scope("/work/outer", streams=True)
    assert scope_of(document("", ""), (INNER, stream)) is stream
    assert scope_of(document("", ""), (INNER, OUTER)) is NO_SCOPE


def test_the_first_glob_that_covers_a_document_caps_its_findings() -> None:
    scope = Scope("/work", caps=(("vendor", Severity.WARNING), ("**", Severity.INFO)))
    vendored, own = document("/work", "vendor/a.yaml"), document("/work", "a.yaml")

    assert scope.cap(Severity.ERROR, vendored) is Severity.WARNING
    assert scope.cap(Severity.INFO, vendored) is Severity.INFO
    assert scope.cap(Severity.ERROR, own) is Severity.INFO
    assert Scope("/work").cap(Severity.ERROR, own) is Severity.ERROR
