"""Admission plug-ins that change placement (scheduling.md section 4.6)."""

from auditor.kubernetes.pod_spec import Requirement, Toleration
from auditor.scheduling.admission import admit, daemon_template, origin
from auditor.scheduling.nodes import ClusterProfile, RuntimeClass
from tests.support.objects import cluster, workload

TOLERATION = Toleration("os", "Equal", "windows", "NoSchedule")
WINDOWS = RuntimeClass("windows", {"kubernetes.io/os": "windows"}, (TOLERATION,))
CLASSED = "runtimeClassName: windows"


def selected(cluster: ClusterProfile, spec: str = "", namespace: str = "") -> dict[str, str]:
    admission = admit(workload(spec, namespace=namespace), cluster)
    return {item.key: item.values[0] for item in admission.scheduling.node_selector}


def test_a_pod_without_anything_is_left_as_it_is() -> None:
    pod = workload()

    admission = admit(pod, cluster(classes=[WINDOWS]))
    assert admission.scheduling is pod.scheduling
    assert (admission.refusals, admission.open_question) == ((), "")


def test_a_runtime_class_adds_its_selector_and_tolerations() -> None:
    pod = workload(f"{CLASSED}\nnodeSelector: {{disk: ssd}}\ntolerations: [{{key: gpu}}]")

    scheduling = admit(pod, cluster(classes=[WINDOWS])).scheduling
    assert scheduling.node_selector == (
        Requirement("disk", "In", ("ssd",)),
        Requirement("kubernetes.io/os", "In", ("windows",)),
    )
    assert scheduling.tolerations == (Toleration("gpu"), TOLERATION)


def test_what_pod_and_class_both_say_stands_once() -> None:
    pod = workload(
        f"{CLASSED}\nnodeSelector: {{kubernetes.io/os: windows}}\n"
        "tolerations: [{key: os, operator: Equal, value: windows, effect: NoSchedule}]"
    )

    admission = admit(pod, cluster(classes=[WINDOWS]))
    assert admission.refusals == ()
    assert len(admission.scheduling.node_selector) == 1
    assert admission.scheduling.tolerations == (TOLERATION,)


def test_a_conflict_forbids_the_pod() -> None:
    pod = workload(f"{CLASSED}\nnodeSelector: {{kubernetes.io/os: linux}}")

    (refusal,) = admit(pod, cluster(classes=[WINDOWS])).refusals
    assert refusal == (
        "RuntimeClass windows requires kubernetes.io/os=windows, but the pod requires "
        "kubernetes.io/os=linux"
    )


def test_an_unknown_class_leaves_a_question_open() -> None:
    admission = admit(workload(CLASSED), cluster())

    assert admission.refusals == ()
    assert "RuntimeClass windows is neither in the cluster profile" in admission.open_question


def test_a_class_that_does_not_exist_forbids_the_pod() -> None:
    admission = admit(workload(CLASSED), cluster(all_classes_known=True))

    assert admission.refusals == ("RuntimeClass windows does not exist",)
    assert admission.open_question == ""


def test_a_namespace_has_no_selector_without_a_plug_in() -> None:
    selectors = {"default": {"pool": "a"}}

    assert selected(cluster(namespace_selectors=selectors)) == {}


def test_a_namespace_selector_is_merged_by_either_plug_in() -> None:
    selectors = {"default": {"pool": "a"}, "shop": {"pool": "b"}}
    for plugin in ("PodNodeSelector", "OriginPodNodeEnvironment"):
        plugged = cluster(plugins=frozenset({plugin}), namespace_selectors=selectors)

        assert selected(plugged) == {"pool": "a"}
        assert selected(plugged, namespace="shop") == {"pool": "b"}
        assert selected(plugged, namespace="elsewhere") == {}
        assert selected(plugged, "nodeSelector: {pool: a, disk: ssd}") == {
            "pool": "a",
            "disk": "ssd",
        }


def test_a_namespace_selector_can_forbid_the_pod() -> None:
    plugged = cluster(
        plugins=frozenset({"PodNodeSelector"}), namespace_selectors={"default": {"pool": "a"}}
    )

    (refusal,) = admit(workload("nodeSelector: {pool: b}"), plugged).refusals
    assert refusal.startswith("the node selector of namespace default requires pool=a")


def test_the_namespace_is_merged_onto_what_the_class_gave() -> None:
    plugged = cluster(
        classes=[WINDOWS],
        plugins=frozenset({"PodNodeSelector"}),
        namespace_selectors={"default": {"kubernetes.io/os": "linux"}},
    )

    (refusal,) = admit(workload(CLASSED), plugged).refusals
    assert "namespace default requires kubernetes.io/os=linux" in refusal


def test_what_the_api_refuses_is_refused() -> None:
    admission = admit(workload("os: {name: bsd}\nruntimeClassName: gone"), cluster())

    assert admission.refusals == ("spec.os.name is bsd; it must be linux or windows",)


def test_a_namespace_without_a_selector_of_its_own_has_the_default() -> None:
    plugged = cluster(
        plugins=frozenset({"PodNodeSelector"}),
        namespace_selectors={"shop": {"pool": "a"}, "bare": {}},
        default_selector={"pool": "user"},
    )

    assert selected(plugged, namespace="shop") == {"pool": "a"}
    assert selected(plugged, namespace="bare") == {}
    assert selected(plugged, namespace="other") == {"pool": "user"}
    assert selected(cluster(default_selector={"pool": "user"})) == {}


def test_every_entry_of_a_selector_has_an_origin() -> None:
    plugged = cluster(
        classes=[WINDOWS],
        plugins=frozenset({"PodNodeSelector"}),
        namespace_selectors={"default": {"pool": "a"}},
    )
    pod = workload(f"{CLASSED}\nnodeSelector: {{disk: ssd}}")

    selector = admit(pod, plugged).scheduling.node_selector
    assert {item.key: origin(item, pod, plugged) for item in selector} == {
        "disk": "",
        "kubernetes.io/os": "RuntimeClass windows",
        "pool": "its namespace",
    }


def test_only_openshifts_daemon_set_controller_sees_the_namespace() -> None:
    agent = workload("nodeSelector: {disk: ssd}", kind="DaemonSet")

    def keys(plugin: str) -> list[str]:
        plugged = cluster(
            plugins=frozenset({plugin}), namespace_selectors={"default": {"pool": "a"}}
        )
        return [item.key for item in daemon_template(agent, plugged).node_selector]

    assert keys("PodNodeSelector") == ["disk"]
    assert keys("OriginPodNodeEnvironment") == ["disk", "pool"]
