"""What is said once for all findings that share it."""

import dataclasses
from collections.abc import Sequence

from msgspec.structs import replace

from auditor.checks.findings import Explanation, Finding, Remedy, RemedyKind
from auditor.formats.catalog import PLAIN
from auditor.formats.grouping import Block, blocks
from auditor.formats.terminal import Pen
from auditor.kubernetes.manifests import Document
from tests.support.reports import IMAGES, audit, joined, rendered, workload

LONG = "the scheduler does not look at images: on windows-2022 the pull fails with an error"


def finding(name: str, why: str, *, rule: str = "", variants: tuple[str, ...] = ()) -> Finding:
    (found,) = audit(workload(name)).findings
    seen = replace(found.observation, why=why)
    return replace(found, observation=seen, rule=rule or found.rule, variants=variants)


def told(findings: Sequence[Finding]) -> list[Block]:
    return list(blocks(findings, Pen(PLAIN)))


def shared(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [dict(block.shared) for block in told(findings)]


def by_values(name: str, key: str, chart: str = "charts/shop") -> Finding:
    (found,) = audit(dataclasses.replace(rendered(workload(name)), chart=chart)).findings
    remedy = Remedy(RemedyKind.VALUES, f"{key}: {{}}\n", (key,), verified=True)
    seen = replace(found.observation, remedies=(remedy,), fix=f"values: {key}")
    return replace(found, observation=seen)


def test_the_first_finding_says_it_and_the_others_refer_to_it() -> None:
    found = [finding("web", LONG), finding("api", f"{LONG}; for ever"), finding("db", LONG)]
    assert shared(found) == [{}, {}, {"why": "see Deployment/web above"}]


def test_each_rule_speaks_for_itself() -> None:
    found = [finding("web", LONG), finding("web", LONG, rule="missing-arch-selector")]
    assert shared(found) == [{}, {}]


def test_what_is_short_is_said_again() -> None:
    assert shared([finding("web", "no tag"), finding("api", "no tag")]) == [{}, {}]


def test_long_lists_of_variants_are_shared_too() -> None:
    variants = tuple(f"ci/{number}-rather-long-name-values.yaml" for number in range(3))
    found = [
        finding("web", "short", variants=variants),
        finding("api", "short", variants=variants),
        finding("db", "short", variants=variants[:2]),
    ]
    assert shared(found) == [{}, {"with": "see Deployment/web above"}, {}]


def test_nothing_found_nothing_told() -> None:
    assert told(audit(joined(workload(image="pause:3.8"))).findings) == []


def test_one_cause_for_several_images_is_one_block_that_names_every_workload() -> None:
    pod = workload("server", "registry.corp/web:9") + (
        "      initContainers:\n        - {name: wait, image: registry.corp/web:9}\n"
    )
    report = audit(
        joined(
            workload("web", "registry.corp/web:9"),
            workload("log", "registry.corp/web:9", kind="DaemonSet"),
            workload("api", "registry.corp/api:9"),
            workload("db", "registry.corp/db:9"),
            workload("db", "registry.corp/api:9", kind="StatefulSet"),
            pod,
            workload("elsewhere", "registry.home/web:9"),
        )
    )

    one, other = told(report.findings)
    assert str(one.finding.observation.workload) == "Deployment/web"
    assert one.also == (
        "DaemonSet/log and Deployment/server (init container `wait` and container `app`)",
        "registry.corp/api:9 of Deployment/api and StatefulSet/db",
        "registry.corp/db:9 of Deployment/db",
    )
    assert (str(other.finding.observation.workload), other.also) == ("Deployment/elsewhere", ())


def test_images_of_the_same_workload_are_listed_together() -> None:
    operator = workload("operator", "pause:3.8") + (
        "          args:\n"
        "            - --kafka-image=nginx:1.31\n"
        "            - --bridge-image=busybox:1.37\n"
        "            - --exporter-image=nginx:1.31-alpine\n"
    )
    rows = ("linux/amd64", "linux/arm64")
    images = dict.fromkeys(("nginx:1.31", "busybox:1.37", "nginx:1.31-alpine"), rows)
    report = audit(operator, images={**IMAGES, **images})

    (block,) = told(report.findings)
    assert block.finding.rule == "referenced-image"
    assert block.also == ("busybox:1.37 and nginx:1.31-alpine of Deployment/operator",)


def test_workloads_of_one_name_are_told_apart_by_their_files() -> None:
    names = ("a.yaml", "b.yaml", "c.yaml")
    report = audit(*(_file(name, workload(image="registry.corp/web:9")) for name in names))

    (block,) = told(report.findings)
    assert block.also == ("Deployment/web in b.yaml and Deployment/web in c.yaml",)


def test_what_one_value_resolves_is_one_block() -> None:
    found = [
        by_values("web", "nodeSelector"),
        by_values("api", "api.nodeSelector"),
        by_values("db", "nodeSelector"),
        by_values("log", "nodeSelector", chart="charts/other"),
    ]
    assert [block.also for block in told(found)] == [("Deployment/db",), (), ()]


def test_each_place_that_is_to_be_edited_has_a_block_of_its_own() -> None:
    report = audit(joined(workload("web"), workload("api")))
    assert [block.also for block in told(report.findings)] == [(), ()]


def test_a_guard_is_wanted_in_each_place_even_where_an_image_is_pointed_at() -> None:
    cluster = (
        "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {{name: {}}}\n"
        "spec:\n  imageName: nginx:1.31\n"
    )
    found = audit(joined(cluster.format("a"), cluster.format("b"))).findings
    assert [str(item.observation.workload) for item in found] == ["Cluster/a", "Cluster/b"]
    assert [block.also for block in told(found)] == [(), ()]


def test_what_another_rule_explains_is_told_with_its_explanation() -> None:
    first, second = by_values("web", "nodeSelector"), by_values("api", "nodeSelector")
    explained = replace(second, explanations=(Explanation("x", second.observation),))
    assert [block.also for block in told([first, explained])] == [(), ()]


def test_however_many_there_are_each_is_named() -> None:
    many = [workload(f"web-{number}", "registry.corp/web:9") for number in range(300)]
    (block,) = told(audit(joined(*many)).findings)
    assert all(f"Deployment/web-{number}" in block.also[0] for number in range(1, 300))


def test_names_from_outside_are_written_as_escapes() -> None:
    evil = '"x\\e[31m"'
    (block,) = told(
        audit(joined(workload("a", "r.corp/a:1"), workload(evil, "r.corp/a:1"))).findings
    )
    assert block.also == ("Deployment/x\\x1b[31m",)


def _file(path: str, text: str) -> Document:
    return Document(path, text, "deploy")
