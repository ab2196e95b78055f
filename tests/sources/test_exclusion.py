"""What the configuration excludes is passed over on the way, and audited when it is named."""

from pathlib import Path

import pytest

from auditor.kubernetes.manifests import Document
from auditor.sources.interface import SourceOptions, Tree, Variant
from auditor.sources.open import open_sources


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a.yaml", "testdata/b.yaml", "deep/testdata/c.yaml", "deep/d.yaml"):
        path = tmp_path / "repo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("apiVersion: v1\nkind: Pod\n")
    (tmp_path / "repo" / ".git").mkdir()
    monkeypatch.chdir(tmp_path / "repo")
    return tmp_path / "repo"


def read(root: Path, *sources: str, exclude: tuple[str, ...] = ("**/testdata/**",)) -> list[str]:
    options = SourceOptions(trees=(Tree(root, exclude),))
    found = [item for source in open_sources(sources, options) for item in source.documents()]
    return [item.identity for item in found if isinstance(item, Document)]


def test_what_is_found_on_the_way(root: Path) -> None:
    assert read(root, ".") == ["a.yaml", "deep/d.yaml"]


@pytest.mark.parametrize("source", ["deep", "./deep/", "../repo/deep"])
def test_globs_count_from_the_root_whatever_is_named(root: Path, source: str) -> None:
    assert read(root, source) == ["deep/d.yaml"]


@pytest.mark.parametrize(
    ("exclude", "why"),
    [("deep/**", "`exclude` in the configuration covers all of it"), ("**/testdata/**", "")],
)
def test_what_leaves_nothing_says_so(root: Path, exclude: str, why: str) -> None:
    (source,) = open_sources(["deep"], SourceOptions(trees=(Tree(root, (exclude,)),)))

    assert source.why_empty == why


def test_an_empty_folder_is_not_excluded(root: Path) -> None:
    (root / "empty").mkdir()

    (source,) = open_sources(["empty"], SourceOptions(trees=(Tree(root, ("**",)),)))

    assert source.why_empty == ""


def test_what_is_named_is_audited(root: Path) -> None:
    assert read(root, "testdata/b.yaml") == ["testdata/b.yaml"]


def test_another_repository_has_its_own_globs(root: Path) -> None:
    elsewhere = root.parent / "other"

    options = SourceOptions(trees=(Tree(elsewhere, ("**",)), Tree(root / "deep", ("d.yaml",))))
    assert not options.excludes(root / "a.yaml")
    assert options.excludes(root / "deep" / "d.yaml")


def test_variants_of_every_entry_that_covers_a_chart(root: Path) -> None:
    prod, edge = Variant("prod"), Variant("edge")
    tree = Tree(root, variants=(("charts/**", (prod,)), ("charts/shop", (edge,))))
    options = SourceOptions(trees=(tree,))

    assert options.variants_of(Path("charts/shop")) == (prod, edge)
    assert options.variants_of(Path("charts/api")) == (prod,)
    assert options.variants_of(Path("deploy")) == ()
