"""The workloads of an object: Kubernetes' own kinds."""

import pytest

from auditor.files.yaml_nodes import ShapeError
from auditor.kubernetes.custom_resources import PodSource
from auditor.kubernetes.manifests import Location
from auditor.kubernetes.pod_finder import POD_TEMPLATES, find_workloads
from auditor.kubernetes.workloads import Container, Role, Workload
from tests.support.objects import manifest

POD = "{containers: [{name: a, image: a:1}], nodeSelector: {disk: ssd}}"
OBJECTS = {
    ("v1", "Pod"): f"spec: {POD}",
    ("v1", "PodTemplate"): f"template: {{spec: {POD}}}",
    ("v1", "ReplicationController"): f"spec: {{template: {{spec: {POD}}}}}",
    ("apps/v1", "DaemonSet"): f"spec: {{template: {{spec: {POD}}}}}",
    ("apps/v1", "Deployment"): f"spec: {{template: {{spec: {POD}}}}}",
    ("apps/v1", "ReplicaSet"): f"spec: {{template: {{spec: {POD}}}}}",
    ("apps/v1", "StatefulSet"): f"spec: {{template: {{spec: {POD}}}}}",
    ("batch/v1", "Job"): f"spec: {{template: {{spec: {POD}}}}}",
    ("batch/v1", "CronJob"): f"spec: {{jobTemplate: {{spec: {{template: {{spec: {POD}}}}}}}}}",
    ("extensions/v1beta1", "DaemonSet"): f"spec: {{template: {{spec: {POD}}}}}",
}


def found(text: str) -> list[Workload]:
    return list(find_workloads(manifest(text)))


@pytest.mark.parametrize(("kind", "rest"), OBJECTS.items(), ids=lambda value: str(value[1]))
def test_a_kind_of_kubernetes_own(kind: tuple[str, str], rest: str) -> None:
    (workload,) = found(f"apiVersion: {kind[0]}\nkind: {kind[1]}\nmetadata: {{name: x}}\n{rest}")

    assert str(workload) == f"{kind[1]}/x"
    assert [item.image for item in workload.containers] == ["a:1"]
    assert [str(item) for item in workload.scheduling.node_selector] == ["disk=ssd"]
    assert not workload.guessed
    assert workload.selector_path.endswith("spec.nodeSelector")


def test_every_kind_is_tried() -> None:
    tried = {(version.rpartition("/")[0], kind) for version, kind in OBJECTS}

    assert tried - {("extensions", "DaemonSet")} == POD_TEMPLATES.keys()


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\ndata: {containers: [{name: a, image: a}]}",
        "apiVersion: apps/v1\nkind: ControllerRevision\ndata: {spec: {containers: []}}",
        "apiVersion: apps.example.com/v1\nkind: Deployment\nspec: {replicas: 1}",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role",
        f"apiVersion: storage.k8s.io/v1\nkind: Odd\nspec: {POD}",
    ],
)
def test_other_kinds_make_no_pods(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apiVersion: apps/v1\nkind: Deployment", "`spec.template` is missing"),
        ("apiVersion: apps/v1\nkind: Deployment\nspec: {template: {}}", "has no `spec`"),
        ("apiVersion: v1\nkind: Pod\nspec: {}", "the pod spec has no `containers`"),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: x}", "expected a list, not text"),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: [x]}", "expected a mapping"),
        ("apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 1.5}]}", "not the number 1.5"),
        ("apiVersion: apps/v1\nkind: Deployment\nspec: []", "expected a mapping with `template`"),
    ],
)
def test_what_the_api_server_would_refuse(text: str, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        found(text)

    assert message in caught.value.message


EVERYTHING = f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels: {{app: of-the-object}}
  annotations: {{helm.sh/hook: "pre-install, ,post-upgrade", of: object, both: object}}
spec:
  template:
    metadata: {{labels: {{app: web}}, annotations: {{both: template}}}}
    spec:
      initContainers:
      - {{name: migrate, image: acme/migrate:1}}
      - {{name: proxy, image: acme/proxy:1, restartPolicy: Always}}
      containers:
      - name: web
        image: acme/web:1
        args: [--agent-image=acme/agent:1.2, --copy=acme/web:1]
      - name: win
        image: acme/win:1
        securityContext: {{windowsOptions: {{hostProcess: true}}}}
        env: [{{name: HELPER_IMAGE, value: acme/agent:1.2}}, {{name: B, value: acme/b:1.0}}]
      ephemeralContainers:
      - {{name: debug, image: busybox}}
      volumes:
      - {{name: model, image: {{reference: acme/model@sha256:{"0" * 64}}}}}
      - {{name: disk, rbd: {{image: not-an-image}}}}
      - {{name: empty, image: {{}}}}
"""


def test_every_image_of_a_pod_with_its_role_and_place() -> None:
    (workload,) = found(EVERYTHING)

    def place(line: int, column: int) -> Location:
        return Location("app.yaml", line, column)

    assert workload.containers == (
        Container("migrate", Role.INIT, "acme/migrate:1", place(14, 32)),
        Container("proxy", Role.SIDECAR, "acme/proxy:1", place(15, 30)),
        Container("web", Role.APP, "acme/web:1", place(18, 16)),
        Container("win", Role.APP, "acme/win:1", place(21, 16), host_process=True),
        Container("debug", Role.EPHEMERAL, "busybox", place(25, 30)),
        Container("model", Role.IMAGE_VOLUME, f"acme/model@sha256:{'0' * 64}", place(27, 42)),
        Container("--agent-image", Role.REFERENCED, "acme/agent:1.2", place(19, 16)),
        Container("B", Role.REFERENCED, "acme/b:1.0", place(23, 77)),
    )


def test_what_else_is_known_of_it() -> None:
    (workload,) = found(EVERYTHING)

    assert (workload.ref.namespace, workload.ref.name) == ("shop", "web")
    assert workload.labels == {"app": "web"}
    assert workload.annotations["of"] == "object"
    assert workload.annotations["both"] == "template"
    assert workload.hooks == ("pre-install", "post-upgrade")
    assert workload.location == Location("app.yaml", 2, 1)
    assert workload.pod_location == Location("app.yaml", 16, 7)
    assert workload.selector_path == "spec.template.spec.nodeSelector"
    assert (workload.controller, workload.component) == ("", "")


def test_a_host_process_pod_makes_all_its_containers_so() -> None:
    options = "securityContext: {windowsOptions: {hostProcess: true}}"
    (workload,) = found(
        f"apiVersion: v1\nkind: Pod\nspec:\n  {options}\n  containers: [{{name: a, image: a}}]"
    )

    assert [item.host_process for item in workload.containers] == [True]


def test_a_container_without_an_image_has_none() -> None:
    (workload,) = found("apiVersion: v1\nkind: Pod\nspec:\n  containers: [{name: a}]")

    assert workload.containers == (Container("a", Role.APP, "", Location("app.yaml", 4, 16)),)


def test_a_table_of_ones_own_takes_the_place_of_the_built_in_one() -> None:
    table = {("example.com", "Shop"): (PodSource(at="spec.pods", component="shop"),)}
    thing = manifest(
        "apiVersion: example.com/v1\nkind: Shop\nmetadata: {name: x}\n"
        "spec: {pods: {containers: [{name: a, image: a:1}]}}"
    )

    (workload,) = find_workloads(thing, table)
    assert (str(workload), workload.guessed) == ("Shop/x (shop)", False)
