"""Random cases: the pods, nodes and image rows that the answers of podfit are compared on."""

from __future__ import annotations

from random import Random
from typing import Any, Final

Data = dict[str, Any]

OS: Final = "kubernetes.io/os"
ARCH: Final = "kubernetes.io/arch"
KEYS: Final = (OS, ARCH, "zone", "gpus", "kubernetes.io/hostname", "example.com/pool")
VALUES: Final = ("linux", "windows", "amd64", "arm64", "a", "b", "3", "5", "07", "")
NAMES: Final = ("a", "b")
EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
TAINT_KEYS: Final = ("os", "zone", "gpus", "node.kubernetes.io/not-ready")
CORDON: Final = "node.kubernetes.io/unschedulable"
HOSTILE: Final = (
    *("-a", "a-", "a b", "a/b/c", "/a", "a/", "A/b", "é", "\u202e", "\n", "a\n", "x" * 63),
    *(
        "x" * 64,
        "x" * 254 + "/a",
        ".",
        "_",
        "a..b/c",
        "9223372036854775808",
        "-1",
        "+1",
        "\uff11",
        "\x00",
    ),
)
_COMPARED: Final = ("4", "0", "-1", "x", "04", "9223372036854775807", "9223372036854775808", "")


class Cases:
    """Cases in the form of the API.

    Args:
        hostile: Mix in texts and combinations that the API server refuses.

    """

    def __init__(self, seed: str, *, hostile: bool = False) -> None:
        self.random = Random(seed)
        self._hostile = hostile

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def text(self, usual: tuple[str, ...]) -> str:
        odd = self._hostile and self.chance(0.04)
        return self.random.choice(HOSTILE if odd else usual)

    def some(self, make: Any, least: int = 0, most: int = 3) -> list[Any]:
        return [make() for _ in range(self.random.randint(least, most))]

    def labels(self, most: int) -> Data:
        return {self.text(KEYS): self.text(VALUES) for _ in range(self.random.randint(0, most))}

    def expression(self) -> Data:
        operator = self.text(("In", "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
        values: list[str] = []
        if operator in ("In", "NotIn"):
            values = self.some(lambda: self.text(VALUES), 1)
        elif operator in ("Gt", "Lt"):
            values = [self.random.choice(("4", "0", "5", "x", "-1", "9223372036854775808"))]
        if self._hostile and self.chance(0.04):
            values = self.some(lambda: self.text(VALUES))
        found: Data = {"key": self.text(KEYS), "operator": operator}
        return found | ({"values": values} if values else {})

    def field(self) -> Data:
        key = self.text(("metadata.name",))
        values = [self.random.choice(NAMES)]
        if self._hostile and self.chance(0.04):
            values = self.some(lambda: self.text(NAMES))
        return {"key": key, "operator": self.text(("In", "NotIn")), "values": values}

    def term(self) -> Data:
        found: Data = {}
        if self.chance(0.85):
            found["matchExpressions"] = self.some(self.expression)
        if self.chance(0.2):
            found["matchFields"] = self.some(self.field, 0, 1)
        return found

    def toleration(self) -> Data:
        operator = self.text(("Exists", "Exists", "Equal", "", "Gt", "Lt"))
        found: Data = {"operator": operator} if operator else {}
        if operator != "Exists" or self.chance(0.7):
            found["key"] = self.text((*TAINT_KEYS, CORDON))
        if operator in ("Gt", "Lt"):
            found["value"] = self.text(_COMPARED[:2] if not self._hostile else _COMPARED)
        elif operator != "Exists" or (self._hostile and self.chance(0.05)):
            found["value"] = self.text(VALUES)
        if self.chance(0.6):
            found["effect"] = self.text(EFFECTS)
        if found.get("effect") == "NoExecute" or (self._hostile and self.chance(0.05)):
            found["tolerationSeconds"] = self.random.choice((0, 30, -1))
        return found

    def spec(self) -> Data:
        found: Data = {"containers": [{"name": "app", "image": "app:1"}]}
        if self.chance(0.6):
            found["nodeSelector"] = self.labels(2)
        if self.chance(0.7):
            least = 0 if self._hostile and self.chance(0.05) else 1
            terms = {"nodeSelectorTerms": self.some(self.term, least)}
            required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
            found["affinity"] = {"nodeAffinity": required}
        if self.chance(0.7):
            found["tolerations"] = self.some(self.toleration)
        return found

    def refusable(self) -> Data:
        """A pod spec with fields of Windows and Linux, which the API server may refuse."""
        found = self.spec()
        random = self.random
        if self.chance(0.4):
            found["os"] = {"name": self.text(("linux", "windows"))}
        if self.chance(0.2):
            found["hostNetwork"] = random.choice((True, False))
        if self.chance(0.15):
            name = random.choice(("hostPID", "hostIPC", "shareProcessNamespace"))
            found[name] = random.choice((True, False))
        context: Data = {}
        if self.chance(0.15):
            context |= random.choice(({"fsGroup": 1}, {"runAsUser": 1}, {"sysctls": []}))
        if self.chance(0.15):
            context["windowsOptions"] = random.choice(
                ({}, {"hostProcess": True}, {"hostProcess": False})
            )
        if context:
            found["securityContext"] = context
        if self.chance(0.2):
            own: Data = random.choice(
                (
                    {"privileged": False},
                    {"readOnlyRootFilesystem": True},
                    {"runAsGroup": 1},
                    {"capabilities": {}},
                    {"windowsOptions": {"hostProcess": True}},
                    {"windowsOptions": {"hostProcess": False}},
                )
            )
            found["containers"][0]["securityContext"] = own
        if self.chance(0.1):
            found["schedulingGates"] = [{"name": "example.com/gate"}]
        if self.chance(0.1):
            found["nodeName"] = "a"
        return found

    def node(self) -> Data:
        """A node in the form of the API."""
        labels = {OS: self.random.choice(("linux", "windows")), **self.labels(4)}
        taints = {
            (key, effect): {"key": key, "value": self.random.choice(VALUES), "effect": effect}
            for key, effect in (
                (self.random.choice((*TAINT_KEYS, CORDON)), self.random.choice(EFFECTS))
                for _ in range(self.random.choice((0, 0, 1, 2)))
            )
        }
        name = self.random.choice(NAMES)
        return {
            "metadata": {"name": name, "labels": {**labels, "kubernetes.io/hostname": name}},
            "spec": {"taints": list(taints.values()), "unschedulable": self.chance(0.15)},
        }

    def platform(self, systems: tuple[str, ...]) -> Data:
        """A row of an index."""
        system = self.random.choice(systems)
        architecture = self.random.choice(("amd64", "386", "arm64", "arm", "arm", "s390x"))
        found: Data = {"os": system, "architecture": architecture}
        if architecture in ("arm", "arm64", "amd64") and self.chance(0.7):
            written = ("", "v1", "v2", "v5", "v6", "v7", "v8", "v8.0", "v8.2", "v9", "7", "8", "v3")
            found["variant"] = self.random.choice(written)
        if system == "windows" and self.chance(0.9):
            found["os.version"] = self.version()
            if self.chance(0.1):
                found["os.features"] = self.random.choice((["win32k"], ["other"]))
        elif self.chance(0.05):
            found["os.features"] = ["sse4"]
        return found

    def version(self) -> str:
        if self.chance(0.03):
            return self.random.choice(
                ("10.0", "x", "10.0.x", "10.0.20348.x", "10.1.20348.1", "6.3.9600")
            )
        build = self.random.choice((14393, 17763, 20347, 20348, 20349, 25398, 26100, 26200, 28000))
        return f"10.0.{build}" + self.random.choice(("", ".1", ".4000"))
