"""What of the source is shown, and what is pointed at."""

import dataclasses

from msgspec.structs import replace

from auditor.checks.findings import Observation
from auditor.formats.excerpt import Line, excerpt
from auditor.kubernetes.manifests import Location
from tests.support.reports import audit, workload


def observation(text: str) -> Observation:
    finding, *_ = audit(text).findings
    return finding.observation


def drawn(lines: tuple[Line, ...]) -> str:
    """Lines with what is pointed at in brackets, the guilty place in double ones."""
    shown = []
    for line in lines:
        text = line.text
        for mark in line.marks:
            end = mark.start + mark.length
            left, right = ("[[", "]]") if mark.primary else ("[", "]")
            label = f" {mark.label}" if mark.label else ""
            text = f"{text[: mark.start]}{left}{text[mark.start : end]}{right}{text[end:]}{label}"
        shown.append(f"{line.number or '...'} {text}".rstrip())
    return "\n".join(shown)


def test_the_guilty_key_the_line_before_and_the_image() -> None:
    assert drawn(excerpt(observation(workload()))) == (
        "7     spec:\n"
        "8       [[containers]]:\n"
        "9         - name: app\n"
        "10           image: [nginx:1.31] linux amd64 arm64"
    )


def test_what_lies_between_is_left_out() -> None:
    text = workload(image="nginx:1.31").replace(
        "        - name: app\n", "        - name: app\n          args:\n" + "            - x\n" * 5
    )

    assert drawn(excerpt(observation(text))) == (
        "7     spec:\n"
        "8       [[containers]]:\n"
        "...\n"
        "16           image: [nginx:1.31] linux amd64 arm64"
    )


def test_a_guilty_image_is_marked_once() -> None:
    text = workload(image='"registry.corp/x:1"  # private')

    assert drawn(excerpt(observation(text))) == (
        '9         - name: app\n10           image: [["registry.corp/x:1"]]  # private'
    )


def test_a_guilty_image_says_what_it_runs_on() -> None:
    cluster = (
        "apiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata: {name: a}\n"
        "spec:\n  imageName: nginx:1.31\n"
    )
    assert drawn(excerpt(observation(cluster))) == (
        "4 spec:\n5   imageName: [[nginx:1.31]] linux amd64 arm64"
    )


def test_at_most_three_images() -> None:
    more = "".join(f"        - name: c{n}\n          image: nginx:1.31\n" for n in range(5))
    lines = excerpt(observation(workload() + more))

    assert sum(bool(line.marks) for line in lines) == 4


def test_a_document_separator_is_no_context() -> None:
    text = 'spec: {containers: [{name: a, image: "x y"}]}\nkind: Pod\napiVersion: v1\n'

    assert drawn(excerpt(observation(f"---\n{text}"))).startswith("2 spec:")


def test_lines_are_counted_as_the_parser_counts_them() -> None:
    """YAML 1.1 knows more ends of a line than the line feed."""
    text = "# a\r# b\x85# c\u2028# d\r\n" + workload()

    assert drawn(excerpt(observation(text))).startswith("11     spec:\n12       [[containers]]:")


def test_a_place_that_is_not_in_the_document_has_no_excerpt() -> None:
    seen = observation(workload())

    for location in (Location("values.yaml", 3), Location(seen.location.path, 10_000)):
        assert excerpt(replace(seen, location=location)) == ()


def test_a_column_beyond_the_line_is_harmless() -> None:
    seen = observation(workload())
    far = replace(seen, location=dataclasses.replace(seen.location, column=500), subjects=())

    assert drawn(excerpt(far)) == "7     spec:\n8       containers:[[]]"
