"""Whatever a manifest is written like: a file met by chance is read, or it is a problem."""

import codecs
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor.errors import Problem
from auditor.kubernetes.manifests import Manifest, read_manifests
from auditor.sources.files import ManifestFile

ENCODINGS = {
    "utf-8": b"",
    "utf-8-sig": b"",
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
BASIC = st.text(st.characters(max_codepoint=0xD7FF), max_size=5)
IMAGE = "registry.example/app:1"


def _escaped(word: str, marks: list[int]) -> str:
    forms = ("{}", "\\x{:02x}", "\\u{:04X}", "\\U{:08x}")
    letters = zip(word, marks, strict=False)
    return "".join(char if not at else forms[at].format(ord(char)) for char, at in letters)


def _spelt(word: str) -> st.SearchStrategy[str]:
    marks = st.lists(st.integers(0, 3), min_size=len(word), max_size=len(word))
    forms = ("{}", '"{}"', "'{}'", "!!str {}", "&key {}", "? {}\n", "? |-\n  {}\n", "? >-\n  {}\n")
    return st.one_of(
        st.sampled_from(forms).map(lambda form: form.format(word)),
        marks.map(lambda item: f'"{_escaped(word, item)}"'),
        st.integers(1, len(word) - 1).map(lambda at: f'? "{word[:at]}\\\n \\\n  {word[at:]}"\n'),
    )


@st.composite
def _blocks(draw: st.DrawFn) -> str:
    """A pod as a block mapping, its keys in any order and spelling."""
    kind = draw(st.sampled_from(("Pod", "!!str Pod", "'Pod'", '"\\x50od"')))
    containers = draw(_spelt("containers").filter(lambda key: "?" not in key))
    entries = [
        f"{draw(_spelt('apiVersion'))}: v1",
        f"{draw(_spelt('kind'))}: {kind}",
        "metadata: {name: web}",
        f"spec:\n  {containers}: [{{name: app, image: '{IMAGE}'}}]",
    ]
    extras = (
        'quoted: "\nkind: CustomResourceDefinition\n "',
        "text: |\n  kind: CustomResourceDefinition",
        "\n# a comment",
        "long: " + "x" * 5000,
    )
    entries += draw(st.lists(st.sampled_from(extras), unique=True))
    text = "\n".join(draw(st.permutations(entries))) + "\n"
    indent = draw(st.sampled_from(("", "", " ")))
    return "".join(f"{indent}{line}\n" for line in text.split("\n"))


@st.composite
def _merged(draw: st.DrawFn) -> str:
    """A pod that takes what it is from elsewhere, by a merge or by aliases as keys."""
    body = f"metadata: {{name: web}}\nspec: {{containers: [{{name: app, image: '{IMAGE}'}}]}}\n"
    return body + draw(
        st.sampled_from(
            (
                "base: &b {apiVersion: v1, 'kind': Pod}\n<<: *b\n",
                'base: &b\n  "\\x6bind": Pod\n  ? apiVersion\n  : v1\n<<: [*b]\n',
                "words: [&k kind, &v apiVersion]\n*k : Pod\n*v : v1\n",
                "!!binary a2luZA==: Pod\napiVersion: v1\n",
                "!!bin%61ry a2luZA==: Pod\n!<tag:yaml.org,2002:binary> YXBpVmVyc2lvbg==: v1\n",
                'apiVersion: v1\nkind: CustomResourceDefinition\n"\\u006bind": Pod\n',
            )
        )
    )


@st.composite
def _json(draw: st.DrawFn) -> str:
    """A pod as JSON, alone or in a list."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "annotations": {"a": draw(BASIC)}},
        "spec": {"containers": [{"name": "app", "image": IMAGE}]},
    }
    kind = draw(st.sampled_from(("List", "PodList", "ConfigMap", "")))
    value = {"apiVersion": "v1", "kind": kind, "items": [pod]} if kind else pod
    text = json.dumps(value, indent=draw(st.sampled_from((None, 1, "\t"))))
    return text.replace('"kind"', '"' + draw(st.sampled_from(("kind", "\\u006bind"))) + '"')


LEADS = (
    "",
    "---\n",
    "--- # a comment\n",
    "# a comment\n---\t\n",
    "\n\n",
    "%YAML 1.1\n---\n",
    "a: 1\n---\n",
)
BREAKS = ("\n", "\r\n", "\r", "\x85", "\u2028")


@pytest.mark.timeout(120)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=st.one_of(_blocks(), _merged(), _json()),
    lead=st.sampled_from(LEADS),
    line_break=st.sampled_from(BREAKS),
    encoding=st.sampled_from(sorted(ENCODINGS)),
)
def test_a_manifest_in_any_spelling_is_found(
    tmp_path: Path, body: str, lead: str, line_break: str, encoding: str
) -> None:
    if not body.startswith("{"):
        body = body.replace("\n", line_break)
    path = tmp_path / "x.yaml"
    path.write_bytes(ENCODINGS[encoding] + (lead + body).encode(encoding))

    assert _read(path) == [("v1", "Pod", "web", IMAGE)]


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-16-le", "utf-16-be"])
def test_what_kubernetes_cannot_read_is_a_problem(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("apiVersion: v1\nkind: Pod\n".encode(encoding))

    assert None in _read(path)


def _read(path: Path, *, lenient: bool = True) -> list[object]:
    """What each object is; None for a problem."""
    found: list[object] = []
    for document in ManifestFile(path, "x.yaml", ".", lenient=lenient).documents():
        read = [document] if isinstance(document, Problem) else read_manifests(document)
        found += (_described(item) if isinstance(item, Manifest) else None for item in read)
    return found


def _described(manifest: Manifest) -> tuple[str, ...]:
    containers = manifest.root.at("spec", "containers")
    assert containers is not None
    image = containers.items()[0].text_at("image")
    return manifest.ref.api_version, manifest.ref.kind, manifest.ref.name, image
