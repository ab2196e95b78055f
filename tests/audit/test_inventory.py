"""What is taken from the sources, and what is said of the rest."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from auditor.audit.audit import Inventory, take_inventory
from auditor.kubernetes.custom_resources import Entry, PodSource, table_with
from auditor.kubernetes.manifests import Document

CRAWLER = """
    apiVersion: acme.example/v1
    kind: Crawler
    metadata: {name: NAME}
    spec: {image: "crawler:1", replicas: 2}
    """


@dataclass(frozen=True)
class TextSource:
    text: str
    name: str = "pods.yaml"
    why_empty: str = ""

    def documents(self) -> Iterator[Document]:
        yield Document(self.name, self.text, self.name)


def taken(*texts: str, **options: object) -> Inventory:
    text = "---\n".join(textwrap.dedent(text) for text in texts)
    return take_inventory([TextSource(text)], **options)  # type: ignore[arg-type]


def test_a_kind_that_seems_to_make_pods_is_named_once() -> None:
    (notice,) = taken(CRAWLER, CRAWLER.replace("NAME", "other")).notices

    assert notice.startswith("Crawler of acme.example (image at spec.image) may create pods but")
    assert "with `custom-resources` in .podfit.yaml" in notice


def test_many_such_kinds_are_counted() -> None:
    texts = (CRAWLER.replace("Crawler", f"Crawler{number}") for number in range(9))

    (notice,) = taken(*texts).notices

    assert "Crawler4 of acme.example (image at spec.image) and 4 others may create pods" in notice


def test_nothing_is_said_of_a_kind_that_somebody_described() -> None:
    entry = Entry("acme.example", ("Crawler",), (PodSource("spec", images={"c": ("image",)}),))

    inventory = taken(CRAWLER, table=table_with([entry]))

    assert (len(inventory.workloads), inventory.notices) == (1, ())


def test_nothing_is_said_where_pods_were_found() -> None:
    pod = CRAWLER.replace("replicas: 2", "replicas: 2, pod: {containers: [{name: a, image: a}]}")

    inventory = taken(pod)

    assert (len(inventory.workloads), inventory.notices) == (1, ())
