"""What a remedy takes from a workload: pools, or what its template demands."""

import pytest

from auditor.checks.findings import Guard
from auditor.fixes.paths import AFFINITY, NODE_SELECTOR, TOLERATIONS, Field
from auditor.fixes.value_search import Knob, Setting
from auditor.fixes.verification import find_harm
from auditor.kubernetes.pod_spec import Requirement
from auditor.scheduling.nodes import NodePool
from tests.support.assessments import ARM, LINUX, WINDOWS_2022, assessed, image
from tests.support.objects import cluster

ON_LINUX = Guard((Requirement("kubernetes.io/os", "In", ("linux",)),))
ANYWHERE = ("linux/amd64", "linux/arm64", "windows(10.0.20348.1)/amd64")
POOLS = (LINUX, ARM, WINDOWS_2022)
LINUX_ONLY = "nodeSelector: {kubernetes.io/os: linux}"
DISKS = (
    "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
    "{nodeSelectorTerms: [%s]}}}"
)
TERM = "{matchExpressions: [{key: %s, operator: Exists}]}"


def harm(
    before: str,
    after: str,
    *made: Setting,
    platforms: tuple[str, ...] = ANYWHERE,
    pools: tuple[NodePool, ...] = POOLS,
    whole: Guard | None = None,
) -> str:
    old, new = (
        assessed(spec, image(*platforms), clusters=[cluster(*pools)]) for spec in (before, after)
    )
    return find_harm(old, new, made, whole)


def made(field: Field, guard: Guard = ON_LINUX) -> Setting:
    return Setting(Knob(("web", field.name), field, frozenset()), guard, None)


def test_what_stays_as_it_was_is_no_harm() -> None:
    assert harm("", "") == ""
    assert harm("", "", whole=ON_LINUX) == ""
    assert harm(LINUX_ONLY, LINUX_ONLY) == ""


def test_a_pool_is_lost_where_it_could_run_and_no_longer_may() -> None:
    assert harm("", LINUX_ONLY) == "is kept off windows(10.0.20348)/amd64, which may run it"
    assert harm("", LINUX_ONLY, platforms=("linux/amd64",)) == ""


def test_a_pool_that_the_needed_guard_refuses_is_no_loss() -> None:
    assert harm("", LINUX_ONLY, whole=ON_LINUX) == ""


def test_a_pool_that_the_needed_guard_admits_is_one() -> None:
    narrow = "nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: amd64}"

    assert harm("", narrow, whole=ON_LINUX) == "is kept off linux/arm64, which may run it"


def test_a_pool_on_which_it_fails_only_now_is_harm() -> None:
    assert harm(LINUX_ONLY, "", platforms=ANYWHERE[:2]) == (
        "can then land on test/windows(10.0.20348)/amd64, which cannot run it"
    )
    assert harm("", "", platforms=ANYWHERE[:2]) == ""


def test_an_entry_of_the_selector_is_given_up_for_the_same_key_only() -> None:
    before = "nodeSelector: {disk: ssd, kubernetes.io/os: windows}"

    lost = harm(before, LINUX_ONLY, made(NODE_SELECTOR), pools=())
    kept = "nodeSelector: {disk: ssd, kubernetes.io/os: linux}"
    assert lost == "no longer selects disk"
    assert harm(before, kept, made(NODE_SELECTOR), pools=()) == ""
    assert harm(before, kept, pools=()) == "no longer selects kubernetes.io/os"


@pytest.mark.parametrize(
    ("after", "is_kept"),
    [
        ("", False),
        (DISKS % (TERM % "disk"), True),
        (DISKS % (TERM % "other"), False),
        (DISKS % f"{TERM % 'disk'}, {TERM % 'other'}", False),
        (DISKS % "{matchExpressions: [{key: a, operator: Exists}, {key: disk, operator: Exists}]}",
         True),
    ],
)  # fmt: skip
def test_every_term_demands_what_a_term_before_did(after: str, is_kept: bool) -> None:
    before = DISKS % f"{TERM % 'disk'}, {TERM % 'zone'}"

    found = harm(before, after, made(AFFINITY), pools=())
    assert found == ("" if is_kept else "no longer has the node affinity of its template")


def test_a_demand_on_the_name_of_the_node_is_kept_too() -> None:
    fields = "{matchFields: [{key: metadata.name, operator: In, values: [a]}]}"

    why = "no longer has the node affinity of its template"
    assert harm(DISKS % fields, DISKS % (TERM % "disk"), made(AFFINITY), pools=()) == why
    assert harm(DISKS % fields, DISKS % fields, made(AFFINITY), pools=()) == ""


def test_tolerations_change_by_their_own_knob_only() -> None:
    before = "tolerations: [{key: a, operator: Exists}]"

    assert harm(before, "", made(NODE_SELECTOR)) == "no longer has the same tolerations"
    assert harm(before, "", made(NODE_SELECTOR), made(TOLERATIONS)) == ""


def test_other_affinity_is_kept_by_a_knob_for_affinity() -> None:
    before = "affinity: {podAffinity: {x: []}}"

    why = "no longer has the affinity of its template"
    assert harm(before, "", made(AFFINITY)) == why
    assert harm(before, "", made(NODE_SELECTOR)) == ""
    assert harm(before, before, made(AFFINITY)) == ""
    preferred = "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}"
    assert harm(preferred, "", made(AFFINITY)) == why
