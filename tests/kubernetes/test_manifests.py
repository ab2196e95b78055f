"""From text to Kubernetes objects: what counts as one, where it stands, what is said of others."""

from collections.abc import Iterator

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document, Location, Manifest, ObjectRef, read_manifests

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"


def read(text: str, *, lenient: bool = False, namespace: str = "") -> list[Manifest | Problem]:
    document = Document("x.yaml", text, ".", namespace=namespace, lenient=lenient)
    return list(read_manifests(document))


def manifests(text: str, *, lenient: bool = False, namespace: str = "") -> list[Manifest]:
    found = read(text, lenient=lenient, namespace=namespace)
    assert all(isinstance(item, Manifest) for item in found), found
    return [item for item in found if isinstance(item, Manifest)]


def refs(text: str, *, lenient: bool = False) -> list[str]:
    return [str(item.ref) for item in manifests(text, lenient=lenient)]


def problem(text: str, *, lenient: bool = False) -> Problem:
    [found] = read(text, lenient=lenient)
    assert isinstance(found, Problem)
    return found


def test_an_object_and_its_place() -> None:
    [manifest] = manifests("# first\n\n" + POD)

    assert manifest.ref == ObjectRef("v1", "Pod", "", "web")
    assert str(manifest.ref) == "Pod/web"
    assert manifest.location == Location("x.yaml", 3, 1)
    assert str(manifest.location) == "x.yaml:3:1"


def test_a_rendered_template_says_that_its_lines_are_rendered() -> None:
    [manifest] = read_manifests(Document("c/templates/x.yaml", POD, "c", chart="c"))

    assert isinstance(manifest, Manifest)
    assert manifest.location.rendered


@pytest.mark.parametrize(
    ("metadata", "namespace", "name"),
    [
        ("{name: a, namespace: own}", "own", "a"),
        ("{name: a}", "given", "a"),
        ("{generateName: a-}", "given", "a-"),
        ("{}", "given", ""),
        ("null", "given", ""),
    ],
)
def test_namespace_and_name(metadata: str, namespace: str, name: str) -> None:
    text = f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\n"

    [manifest] = manifests(text, namespace="given")

    assert (manifest.ref.namespace, manifest.ref.name) == (namespace, name)


def test_several_objects_are_counted() -> None:
    found = manifests(f"{POD}---\n{POD.replace('web', 'db')}---\n# nothing\n---\n{POD}")

    assert [(item.ref.name, item.ordinal, item.location.line) for item in found] == [
        ("web", 0, 1),
        ("db", 1, 5),
        ("web", 2, 11),
    ]


@pytest.mark.parametrize("kind", ["List", "PodList", "ThingList"])
def test_a_list_stands_for_its_items(kind: str) -> None:
    items = "".join(
        f"- {{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}}}\n" for name in "ab"
    )

    found = manifests(f"apiVersion: v1\nkind: {kind}\nitems:\n{items}")

    assert [(str(item.ref), item.ordinal, item.location.line) for item in found] == [
        ("Pod/a", 0, 4),
        ("Pod/b", 1, 5),
    ]


def test_lists_in_lists_keep_their_order() -> None:
    pods = [f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}}}" for name in "abc"]
    inner = f"{{apiVersion: v1, kind: List, items: [{pods[1]}]}}"

    assert refs(f"{{apiVersion: v1, kind: List, items: [{pods[0]}, {inner}, {pods[2]}]}}") == [
        "Pod/a",
        "Pod/b",
        "Pod/c",
    ]


def test_items_of_a_typed_list_need_not_say_their_kind() -> None:
    """`kubectl get --raw /apis/apps/v1/deployments` prints them so."""
    text = "apiVersion: apps/v1\nkind: DeploymentList\nitems: [{metadata: {name: a}}]\n"

    for lenient in (False, True):
        [manifest] = manifests(text, lenient=lenient)
        assert manifest.ref == ObjectRef("apps/v1", "Deployment", "", "a")


def test_a_list_without_items_is_itself() -> None:
    assert refs("apiVersion: v1\nkind: List\n") == ["List/"]
    assert refs("apiVersion: v1\nkind: List\nitems: []\n") == []
    assert refs("apiVersion: v1\nkind: List\nitems: null\n") == ["List/"]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("kind: Pod\n", "x.yaml:1:1", "`apiVersion` is missing: this is not a Kubernetes object"),
        ("apiVersion: v1\n", "x.yaml:1:1", "`kind` is missing: this is not a Kubernetes object"),
        ("apiVersion: v1\nkind: null\n", "x.yaml:1:1", "`kind` is missing: this is not a"),
        ("text\n", "x.yaml:1:1", "a Kubernetes object must be a mapping, not text"),
        ("- a\n", "x.yaml:1:1", "a Kubernetes object must be a mapping, not a list"),
        (
            "apiVersion: 1\nkind: Pod\n",
            "x.yaml:1:13",
            "`apiVersion`: expected text, not the number",
        ),
        ("apiVersion: v1\nkind: [Pod]\n", "x.yaml:2:7", "`kind`: expected text, not a list"),
        (f"{POD}metadata: x\n", "x.yaml:4:11", "expected a mapping with `namespace`, not text"),
        (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: 7}\n",
            "x.yaml:3:18",
            "`name`: expected text",
        ),
        (
            "apiVersion: v1\nkind: List\nitems: x\n",
            "x.yaml:3:8",
            "`items`: expected a list, not text",
        ),
        ("apiVersion: 7\nkind: PodList\nitems: [{}]\n", "x.yaml:3:9", "`apiVersion` is missing"),
    ],
)
def test_what_is_no_object(text: str, where: str, what: str) -> None:
    found = problem(text)

    assert found.where == where
    assert found.what.startswith(what)
    assert found.hint.startswith("the API server rejects this object")


def test_one_bad_item_does_not_hide_the_others() -> None:
    good = "{apiVersion: v1, kind: Pod, metadata: {name: a}}"

    one, bad, other = read(f"apiVersion: v1\nkind: List\nitems: [{good}, {{kind: Pod}}, {good}]\n")

    assert isinstance(bad, Problem)
    assert [item.ordinal for item in (one, other) if isinstance(item, Manifest)] == [0, 1]


def test_one_bad_document_does_not_hide_the_others() -> None:
    one, bad, other = read(f"{POD}---\nkind: [\n---\n{POD}")

    assert isinstance(one, Manifest)
    assert isinstance(other, Manifest)
    assert bad == Problem(
        "not a YAML document that Kubernetes can read",
        where="x.yaml:6:1",
        why="while parsing a flow node: did not find expected node content",
        hint="fix it, or leave the file out; its other documents were audited",
        part="manifest",
    )


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n",
        "services: {web: {image: nginx}}\n",
        "- apiVersion\n",
        "kind: Component\nname: x\n",
        "apiVersion: v1\n---\nname: x\n",
        "- {apiVersion: v1, kind: Pod}\n",
        '{"kind": "youtube#video"}',
        "broken: [\n",
        "{{ if }}",
    ],
)
def test_text_met_by_chance_that_is_no_object_is_passed_over(text: str) -> None:
    assert read(text, lenient=True) == []


@pytest.mark.parametrize(
    "text",
    [
        POD,
        '{"metadata": {"name": "web"}, "kind": "Pod", "apiVersion": "v1"}',
        '{"items": [{"metadata":{"name":"web"},"kind":"Pod","apiVersion":"v1"}], "kind" : "List"}',
        "'apiVersion': v1\n'kind': Pod\nmetadata: {name: web}\n",
        "metadata: {name: web}\napiVersion : v1\nkind : Pod\n",
        f"a: 1\n---\n{POD}",
    ],
)
def test_objects_met_by_chance_are_found(text: str) -> None:
    assert refs(text, lenient=True) == ["Pod/web"]


def test_a_broken_manifest_met_by_chance_is_a_problem() -> None:
    assert problem("apiVersion: v1\nkind: Pod\nspec: [\n", lenient=True).where == "x.yaml:4:1"


CRD = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  a: =\n"


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_definitions_are_left_out_unparsed(quote: str) -> None:
    crd = CRD.replace("CustomResourceDefinition", f"{quote}CustomResourceDefinition{quote}")

    assert refs(f"{crd}  broken: [\n---\n{POD}") == ["Pod/web"]


@pytest.mark.parametrize("key", ["kind", '"kind"', "'kind' ", '"\\x6bind"', "? kind\n"])
def test_what_only_seems_to_be_a_definition_is_read(key: str) -> None:
    """Of two equal keys the last counts."""
    assert refs(f"kind: CustomResourceDefinition\n{key}: Pod\napiVersion: v1\n") == ["Pod/"]


def test_a_kind_that_only_begins_like_a_definition_is_read() -> None:
    assert refs("apiVersion: x/v1\nkind: CustomResourceDefinitionStore\n") == [
        "CustomResourceDefinitionStore/"
    ]


FAKE = "kind: CustomResourceDefinition\n"


@pytest.mark.parametrize(
    "text",
    [
        f'{{apiVersion: v1, kind: Pod, x: "\n{FAKE}"}}',
        f' apiVersion: v1\n kind: Pod\n x: "\n{FAKE} "\n',
        f'# a\n \n\n apiVersion: v1\n kind: Pod\n x: "\n{FAKE} "\n',
        f"apiVersion: v1\nx: &x {{\n{FAKE} }}\n? kind\n: Pod\n",
        f"{FAKE}apiVersion: v1\nspec: &s {{kind: Pod}}\n<<: *s\n",
        f"{FAKE}apiVersion: v1\nspec:\r'kind': Pod\r",
        f"{FAKE}apiVersion: v1\nspec:\u2028'kind': Pod\n",
        f"{FAKE}apiVersion: v1\nitems:\n- {{apiVersion: v1, kind: Pod}}\n",
        f"apiVersion: v1\nmetadata:\n  x: |\n    {FAKE}kind: Pod\n",
    ],
)
def test_no_text_hides_an_object_as_a_definition(text: str) -> None:
    assert [str(item.ref) for item in manifests(text)] == ["Pod/"]


def test_a_list_of_items_stands_for_these_whatever_its_kind_is() -> None:
    """As kubectl takes them."""
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: web}}"

    for lenient in (False, True):
        assert refs(f"apiVersion: v1\nkind: ConfigMap\nitems: [{pod}]\n", lenient=lenient) == [
            "Pod/web"
        ]
    assert refs("apiVersion: v1\nkind: ConfigMap\nitems: []\n") == ["ConfigMap/"]


def test_reading_is_lazy() -> None:
    found = read_manifests(Document("x.yaml", f"{POD}---\nbroken: [\n", "."))

    assert isinstance(found, Iterator)
    assert isinstance(next(found), Manifest)
