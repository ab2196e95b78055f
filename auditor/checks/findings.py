"""`Observation`: what a check sees. `Finding`: a rule applied to it."""

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
    """How bad: `error` the pod cannot run, `warning` it depends, `info` good to know."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


class Confidence(IntEnum):
    """How sure podfit is of an observation."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    def __str__(self) -> str:
        return self.name.lower()


class Consequence(Enum):
    """What follows for the user. The value is used in JSON."""

    CERTAIN = "fails on every such node"
    BLOCKS = "blocks the install"
    POSSIBLE = "may fail"
    NONE = "nothing fails"


class Guard(Struct, frozen=True):
    """The shortest demand that keeps a pod off the nodes that cannot run it.

    requirements: each `In` or `NotIn`. An `In` with one value is written as nodeSelector, any other
    as required node affinity. Empty where no guard can help.
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
    """A container that an observation is about, in the words of a report.

    platforms: as containerd writes them; () where they are unknown. problem: why they are unknown,
    or why they do not fit.
    """

    container: str
    role: str
    image: str
    platforms: tuple[str, ...] = ()
    problem: str = ""


class RemedyKind(Enum):
    """What a remedy changes. The value is used in JSON."""

    KUSTOMIZE = "kustomize"
    MANIFEST = "manifest"
    VALUES = "values"


class Remedy(Struct, frozen=True):
    """A change that resolves a finding.

    text: ready to be used: values for a chart as YAML, a unified diff of a manifest, a piece of a
    kustomization. keys: of the values, such as `agent.nodeSelector`. where: `path:line` of what is
    changed, or "". verified: it was tried, and the finding was gone.
    """

    kind: RemedyKind
    text: str
    keys: tuple[str, ...] = ()
    where: str = ""
    verified: bool = False


class Observation(Struct, frozen=True):
    """What a check sees in one workload. Says nothing of severity.

    message: the problem, one sentence without a full stop. why: what happens, with the text that
    the user would see. fix: what to do. location: the best place to look. pools: `cluster/pool`
    names concerned. aspect: tells apart what a rule sees in one workload and the same containers,
    in words that stay the same from run to run. remedies: the best first.
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
    """A rule's observation that explains another finding instead of being one of its own."""

    rule: str
    observation: Observation


class Finding(Struct, frozen=True):
    """A rule applied to an observation.

    variants: of its chart that show it; () where the chart was rendered in one way only.
    """

    rule: str
    severity: Severity
    observation: Observation
    explanations: tuple[Explanation, ...] = ()
    variants: tuple[str, ...] = ()

    @property
    def sort_key(self) -> tuple[object, ...]:
        """By location, then rule (design, principle 6)."""
        seen = self.observation
        place = seen.location
        lines = (place.path, place.file_line, place.line, place.column)
        return (*lines, self.rule, seen.workload.ref, seen.message)

    @property
    def fingerprint(self) -> str:
        """Names the finding from one run to the next: no line, no tag, no generated name in it."""
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
