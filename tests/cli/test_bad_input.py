"""What podfit says of input that it cannot use: what, where, why, and what to do."""

from pathlib import Path

import pytest

from tests.support.command import podfit

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: a, image: b}]}\n"
MANIFESTS = {
    "not YAML": (
        "a: [b\n",
        """\
not audited: not a YAML document that Kubernetes can read
  --> bad.yaml:2:1
    = why:  while parsing a flow sequence: did not find expected ',' or ']'
    = help: fix it, or leave the file out; its other documents were audited
""",
    ),
    "tabs": (
        "apiVersion: v1\nkind: Pod\nspec:\n\tcontainers: []\n",
        """\
not audited: not a YAML document that Kubernetes can read
  --> bad.yaml:4:1
    = why:  tabs are not allowed for indentation; use spaces
    = help: fix it, or leave the file out; its other documents were audited
""",
    ),
    "a self-referring anchor": (
        POD.replace("{name: x}", "&m {name: x, labels: *m}"),
        """\
not audited: not a YAML document that Kubernetes can read
  --> bad.yaml:3:32
    = why:  anchor 'm' value contains itself
    = help: fix it, or leave the file out; its other documents were audited
""",
    ),
    "no kind": (
        POD.replace("kind: Pod\n", ""),
        """\
not audited: `kind` is missing: this is not a Kubernetes object
  --> bad.yaml:1:1
    = help: the API server rejects this object; `kubectl apply --dry-run=server` gives details
""",
    ),
    "containers are text": (
        POD.replace("[{name: a, image: b}]", "x"),
        """\
not audited: Pod/x: `containers`: expected a list, not text
  --> bad.yaml:4:20
    = help: the API server rejects this object; `kubectl apply --dry-run=server` gives details
""",
    ),
    "an image is a number": (
        POD.replace("image: b", "image: 12"),
        """\
not audited: Pod/x: `image`: expected text, not the number 12; put it in quotes
  --> bad.yaml:4:38
    = help: the API server rejects this object; `kubectl apply --dry-run=server` gives details
""",
    ),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_cannot_be_read(folder: Path, name: str) -> None:
    text, message = MANIFESTS[name]
    (folder / "bad.yaml").write_text(text)
    (folder / "good.yaml").write_text(POD)
    done = podfit("audit", "bad.yaml", "good.yaml", "--locked", "-q")
    assert (done.code, done.err) == (3, "")
    assert message in done.out
    assert "1 workload, 1 image" in done.out


def test_an_alias_bomb(folder: Path) -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 9))
    (folder / "bomb.yaml").write_text(f"kind: Pod\nl0: &l0 [x, x, x, x, x, x, x, x, x]\n{levels}")
    done = podfit("audit", "bomb.yaml", "--locked", "-q")
    assert done.code == 3
    assert "    = why:  document contains excessive aliasing\n" in done.out


def test_a_file_that_is_too_large(folder: Path) -> None:
    with (folder / "big.yaml").open("wb") as file:
        file.truncate(50_000_000)
    done = podfit("audit", "big.yaml", "--locked", "-q")
    assert done.code == 3
    assert done.out.startswith("""\
not audited: big.yaml is larger than 20 MB
  --> big.yaml
    = help: split it; none of it was audited
""")


def test_a_source_that_is_not_there() -> None:
    done = podfit("audit", "gone.yaml", "--locked", "-q")
    assert done.code == 3
    assert done.out.startswith("""\
not audited: gone.yaml does not exist
  --> gone.yaml
    = help: check the path
""")


@pytest.fixture
def chart(folder: Path) -> Path:
    (folder / "shop" / "templates").mkdir(parents=True)
    (folder / "shop" / "Chart.yaml").write_text("{apiVersion: v2, name: shop, version: 1.0.0}\n")
    (folder / "shop" / "templates" / "pod.yaml").write_text(POD)
    return folder / "shop"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            None,
            """\
not audited: values file values.txt does not exist
  --> values.txt
    = help: check the path; no chart was rendered
""",
        ),
        (
            "- a\n",
            """\
not audited: values file values.txt contains a list, not a mapping of values
  --> values.txt:1:1
    = help: write it as `key: value`; no chart was rendered
""",
        ),
    ],
)
def test_values_that_cannot_be_used(
    folder: Path, chart: Path, values: str | None, message: str
) -> None:
    if values is not None:
        (folder / "values.txt").write_text(values)
    done = podfit("audit", "shop", "-f", "values.txt", "--locked", "-q")
    assert done.code == 3
    assert done.out.startswith(message)


def test_a_chart_without_templates(chart: Path) -> None:
    (chart / "templates" / "pod.yaml").unlink()
    (chart / "templates").rmdir()
    done = podfit("audit", "shop", "--locked", "-q")
    assert done.code == 3
    assert done.out.startswith("""\
not audited: nothing to audit in shop: it creates no pods
  --> shop
    = help: name a chart, a manifest or a folder of them; --allow-empty accepts this
""")


def test_a_template_that_fails(chart: Path) -> None:
    (chart / "templates" / "pod.yaml").write_text("kind: {{ .Values.a.b.c }}\n")
    done = podfit("audit", "shop", "--locked", "-q")
    assert done.code == 3
    assert done.out.startswith("not audited: chart shop has a template that fails\n")
    assert "  --> shop/templates/pod.yaml:1:" in done.out
    assert "nil pointer evaluating interface {}.b" in done.out
    assert "    = help: set the values it needs, or fix the template\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("audit", "-o", "xml"),
            'error: unknown format "xml"\n   = help: one of concise, github, gitlab, ',
        ),
        (
            ("audit", "--offline", "--locked"),
            "error: --offline cannot be used with --locked\n   = help: --locked is stricter\n",
        ),
        (
            ("audit", "--lock-file", "gone.json"),
            """\
error: cannot read the lock file
  --> gone.json
   = why:  No such file or directory
   = help: check the path
""",
        ),
        (
            ("audit", "--config", "gone.yaml"),
            """\
error: configuration file not found
  --> gone.yaml
   = help: check the path
""",
        ),
        (
            ("audit", "-o", "json", "-o", "sarif"),
            """\
error: only one format can be written to standard output
   = help: write the others to files: -o json=report.json
""",
        ),
    ],
)
def test_options_that_cannot_be_used(arguments: tuple[str, ...], message: str) -> None:
    done = podfit(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--max-age", "soon"), "'--max-age': soon is not a number of seconds"),
        (("--max-age", "-1"), "'--max-age': -1 is not a number of seconds"),
        (("--timeout", "nan"), "'--timeout': nan is not a number of seconds"),
        (("--timeout", "inf"), "'--timeout': inf is not a number of seconds"),
        (("--timeout", "0.5"), "'--timeout': the minimum is 1 second"),
    ],
)
def test_times_that_are_none(arguments: tuple[str, ...], message: str) -> None:
    done = podfit("audit", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"Error: Invalid value for {message}\n")
