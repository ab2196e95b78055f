"""Why a workload cannot run where it may land: one cause, so that one rule speaks.

A pod whose images share no platform runs nowhere, whatever its selector says; a selector that asks
for a platform the images lack is wrong, not missing. Only then is a guard missing.
"""

from __future__ import annotations

from enum import Enum, auto
from itertools import product
from typing import Final

from auditor.assessment import Assessment
from auditor.compatibility import common_platforms
from auditor.nodes import OS_LABEL, WINDOWS_BUILD_LABEL, platform_labels
from auditor.platforms import Platform
from auditor.predicates import Answer, NodeView, every, requirement_holds, some, term_matches
from auditor.scheduling import NodeSelectorTerm, Requirement, Scheduling

SYSTEMS: Final = ("linux", "windows")
ARCHITECTURES: Final = ("386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x")


class Cause(Enum):
    """What is at the bottom of a workload's trouble with platforms."""

    MIXED = auto()
    CONFLICT = auto()
    MISSING_GUARD = auto()


def root_cause(assessment: Assessment) -> Cause:
    """The cause that explains every pool on which the workload fails."""
    known = [use.known for use in assessment.uses if use.known is not None]
    common = common_platforms(known)
    if len(known) > 1 and not common and all(image.platforms for image in known):
        return Cause.MIXED
    pinned = pinned_families(assessment.workload.scheduling)
    if known and pinned is not None and not pinned & common:
        return Cause.CONFLICT
    return Cause.MISSING_GUARD


def pinned_families(scheduling: Scheduling) -> frozenset[str] | None:
    """The `os/architecture` pairs that the selector and required affinity leave; None for all."""
    families = [Platform(*pair) for pair in product(SYSTEMS, ARCHITECTURES)]
    left = [str(family) for family in families if _could_hold(scheduling, family)]
    return None if len(left) == len(families) else frozenset(left)


def platform_demands(scheduling: Scheduling) -> tuple[Requirement, ...]:
    """The pod's own requirements on operating system and architecture, in their order."""
    keys = platform_labels(Platform("", "")).keys()
    terms = scheduling.required_terms or ()
    demands = (*scheduling.node_selector, *(item for term in terms for item in term.expressions))
    return tuple(item for item in demands if item.key in keys)


def _could_hold(scheduling: Scheduling, platform: Platform) -> bool:
    """Whether some node of the platform could meet the selector, whatever else it carries."""
    node = NodeView("", platform_labels(platform), open_labels=True)
    selector = every(_may_hold(item, node) for item in scheduling.node_selector)
    terms = scheduling.required_terms
    affinity = True if terms is None else some(_term_may_match(term, node) for term in terms)
    return every((selector, affinity)) is not False


def _term_may_match(term: NodeSelectorTerm, node: NodeView) -> Answer:
    if not term.expressions:
        return term_matches(term, node)
    return every(_may_hold(item, node) for item in term.expressions)


def _may_hold(requirement: Requirement, node: NodeView) -> Answer:
    if requirement.key == WINDOWS_BUILD_LABEL and node.labels[OS_LABEL] == "windows":
        return None  # which build is another question than which system
    return requirement_holds(requirement, node)
