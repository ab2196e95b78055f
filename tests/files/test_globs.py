"""Globs over paths: a folder that matches covers everything below it."""

import pytest

from auditor.files.paths import covers


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("vendor", "vendor/redis/values.yaml"),
        ("vendor/", "vendor/redis"),
        ("./vendor/*", "vendor/redis/values.yaml"),
        ("vendor/**", "vendor"),
        ("vendor/**", "vendor/a/b/c"),
        ("**", "a"),
        ("**/testdata/**", "testdata/a.yaml"),
        ("**/testdata/**", "a/b/testdata/c/d.yaml"),
        ("**/*.yaml", "a.yaml"),
        ("**/*.yaml", "a/b.yaml"),
        ("a/**/b", "a/b"),
        ("a/**/**/b", "a/x/y/b/c"),
        ("charts/[ab]?", "charts/a1/templates/x.yaml"),
    ],
)
def test_covered(glob: str, path: str) -> None:
    assert covers(glob, path)


@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("", "a"),
        ("vendor", "charts/vendor"),
        ("vendor", "vendored"),
        ("*.yaml", "b/a.yaml"),
        ("a/*/c", "a/b/d/c"),
        ("Vendor", "vendor"),
        ("a/**/b", "a/c"),
        ("a/b/c", "a/b"),
        ("**/x", "a/b"),
    ],
)
def test_not_covered(glob: str, path: str) -> None:
    assert not covers(glob, path)


def test_many_stars_take_no_time() -> None:
    assert not covers("/".join(["**", "*a*a*a*a*"] * 20 + ["c"]), "/".join(["a" * 200] * 30) + "/b")
