"""What only one operating system has, against `validateWindows` and `validateLinux`."""

import pytest

from auditor.kubernetes.pod_spec import containers, linux_only_fields, windows_only_fields
from tests.support.objects import pod_spec


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("hostPID: false\nhostIPC: false\nsecurityContext: {sysctls: []}", ()),
        ("hostPID: true\nhostIPC: true\nhostUsers: true", ("hostPID", "hostIPC", "hostUsers")),
        ("shareProcessNamespace: false\nresources: {}", ("shareProcessNamespace", "resources")),
        ("securityContext: {sysctls: [{name: a}]}", ("securityContext.sysctls",)),
        (
            "securityContext: {seLinuxChangePolicy: Recursive}",
            ("securityContext.seLinuxChangePolicy",),
        ),
        ("securityContext: {runAsUser: 0, windowsOptions: {}}", ("securityContext.runAsUser",)),
        (
            "initContainers: [{name: a, securityContext: {privileged: false}}]",
            ("containers[a].securityContext.privileged",),
        ),
        (
            "containers: [{name: b, securityContext: {capabilities: {}, runAsNonRoot: true}}]",
            ("containers[b].securityContext.capabilities",),
        ),
        (
            "ephemeralContainers: [{name: c, securityContext: {procMount: Default}}]",
            ("containers[c].securityContext.procMount",),
        ),
    ],
)
def test_fields_that_windows_forbids(text: str, fields: tuple[str, ...]) -> None:
    assert linux_only_fields(pod_spec(text)) == fields


def test_fields_that_linux_forbids() -> None:
    both = pod_spec(
        "securityContext: {windowsOptions: {runAsUserName: a}}\n"
        "containers: [{name: b, securityContext: {windowsOptions: {}}}, {name: c}]"
    )

    assert windows_only_fields(both) == (
        "securityContext.windowsOptions",
        "containers[b].securityContext.windowsOptions",
    )


def test_every_kind_of_container_counts() -> None:
    three = pod_spec(
        "ephemeralContainers: [{name: c}]\ncontainers: [{name: b}]\ninitContainers: [{name: a}]"
    )

    assert [node.text_at("name") for node in containers(three)] == ["a", "b", "c"]
