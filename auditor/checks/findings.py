"""Observations that checks make, and findings that rules make of them."""

from __future__ import annotations

import hashlib
from enum import Enum, IntEnum
from typing import Final

from msgspec import Struct, field

from auditor.kubernetes.manifests import Location
from auditor.kubernetes.pod_spec import Requirement
from auditor.kubernetes.workloads import Workload

FINGERPRINT_LENGTH: Final = 16


class Severity(IntEnum):
    """Severity: the pod cannot run (error), may not run (warning), or a note (info)."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


class Confidence(IntEnum):
    """Confidence in an observation."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    def __str__(self) -> str:
        return self.name.lower()


class Consequence(Enum):
    """What a finding means for the release. The value is used in JSON."""

    CERTAIN = "fails on every such node"
    BLOCKS = "blocks the install"
    POSSIBLE = "may fail"
    NONE = "nothing fails"


class Guard(Struct, frozen=True):
    """The fewest label requirements that keep a pod off the nodes that cannot run it.

    Attributes:
        requirements: `In` or `NotIn` each. An `In` with one value is written as nodeSelector, any
            other as required node affinity. Empty if no guard can help.
    """

    requirements: tuple[Requirement, ...] = ()

    @property
    def node_selector(self) -> dict[str, str]:
        return {item.key: item.values[0] for item in self.requirements if _is_selector(item)}

    @property
    def affinity(self) -> tuple[Requirement, ...]:
        return tuple(item for item in self.requirements if not _is_selector(item))


def _is_selector(requirement: Requirement) -> bool:
    return requirement.operator == "In" and len(requirement.values) == 1


class Subject(Struct, frozen=True):
    """A container that an observation is about, as shown in reports.

    Attributes:
        platforms: As containerd formats them; empty if unknown.
        problem: Why the platforms are unknown or do not fit.
    """

    container: str
    role: str
    image: str
    platforms: tuple[str, ...] = ()
    problem: str = ""


class RemedyKind(Enum):
    """The kind of file that a remedy changes. The value is used in JSON."""

    KUSTOMIZE = "kustomize"
    MANIFEST = "manifest"
    VALUES = "values"


class Remedy(Struct, frozen=True):
    """A change that resolves a finding.

    Attributes:
        text: Chart values as YAML, a unified diff of a manifest, or part of a kustomization.
        keys: Keys of the values, such as `agent.nodeSelector`.
        where: `path:line` of the change, or "".
        verified: Whether podfit applied the change and the finding was resolved.
    """

    kind: RemedyKind
    text: str
    keys: tuple[str, ...] = ()
    where: str = ""
    verified: bool = False


class Observation(Struct, frozen=True):
    """A problem that a check found in one workload, without a severity.

    Attributes:
        message: The problem, one sentence without a full stop.
        location: The line to show.
        pools: Affected pools as `cluster/pool`.
        why: What happens, with the text of the event.
        fix: What to do.
        aspect: Distinguishes several observations of one rule about the same containers; stable
            between runs.
        remedies: The best first.
    """

    workload: Workload
    message: str
    location: Location
    subjects: tuple[Subject, ...] = ()
    pools: tuple[str, ...] = ()
    why: str = ""
    fix: str = ""
    guard: Guard = field(default_factory=Guard)
    consequence: Consequence = Consequence.POSSIBLE
    confidence: Confidence = Confidence.HIGH
    aspect: str = ""
    remedies: tuple[Remedy, ...] = ()


class Explanation(Struct, frozen=True):
    """An observation that explains another finding and is reported with it."""

    rule: str
    observation: Observation


class Finding(Struct, frozen=True):
    """A rule applied to an observation.

    Attributes:
        variants: The variants of the chart it occurs in; empty if there is only one rendering.
    """

    rule: str
    severity: Severity
    observation: Observation
    explanations: tuple[Explanation, ...] = ()
    variants: tuple[str, ...] = ()

    @property
    def sort_key(self) -> tuple[object, ...]:
        seen = self.observation
        place = seen.location
        lines = (place.path, place.file_line, place.line, place.column)
        return (*lines, self.rule, seen.workload.ref, seen.message)

    @property
    def fingerprint(self) -> str:
        """An identifier that is stable between runs: without lines, tags and generated names."""
        workload = self.observation.workload
        parts = (
            self.rule,
            workload.document.stable_path,
            workload.document.template.partition("/")[2],
            workload.ref.kind,
            str(workload.nth),
            workload.component,
            self.observation.aspect,
            *(subject.container for subject in self.observation.subjects),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:FINGERPRINT_LENGTH]
