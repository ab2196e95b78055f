"""What the benchmark of audits starts, and how it shows the results. Never how long it takes."""

from pathlib import Path

import yaml

from bench import audit


def test_the_deployments_are_distinct_objects() -> None:
    found = list(yaml.safe_load_all(audit.deployments(3)))

    assert [item["metadata"]["name"] for item in found] == ["app-0", "app-1", "app-2"]
    assert {item["kind"] for item in found} == {"Deployment"}


def test_every_command_ends_with_a_status_of_an_audit(tmp_path: Path) -> None:
    configuration, file = tmp_path / "podfit.yaml", tmp_path / "deployments.yaml"
    configuration.write_text(audit.CONFIGURATION)
    file.write_text(audit.deployments(2))

    measured = audit.measure(audit.file_commands(file, configuration), 1)

    assert [len(took) for took in measured.values()] == [1, 1, 1]


def test_the_ratio_is_that_of_each_run() -> None:
    first = [audit.Took(1, 1), audit.Took(2, 2), audit.Took(4, 4)]
    second = [audit.Took(3, 1), audit.Took(4, 9), audit.Took(40, 3)]

    assert audit.table_of("shop", {"helm": first, "podfit": second}) == (
        "| shop | CPU | wall | CPU, of the first |\n"
        "|---|---:|---:|---:|\n"
        "| helm | 2.00 s | 2.00 s | 1.0 |\n"
        "| podfit | 4.00 s | 3.00 s | 3.0 |\n"
    )
