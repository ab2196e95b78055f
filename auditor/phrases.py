"""Words that observations share, so that every rule says the same thing in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from auditor.assessment import ImageUse
from auditor.compatibility import Failure
from auditor.findings import Consequence, Guard, Subject
from auditor.platforms import Platform, normalise
from auditor.scheduling import Requirement
from auditor.workloads import Workload

_SYSTEMS: Final = {"linux": "Linux", "windows": "Windows", "darwin": "macOS"}


def system(name: str) -> str:
    """An operating system as people write it."""
    return _SYSTEMS.get(name, name)


def listed(items: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *head, tail = items
    return f"{', '.join(head)} {last} {tail}" if head else tail


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order of their first appearance."""
    return tuple(dict.fromkeys(items))


def count(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def families(platforms: Iterable[Platform]) -> tuple[str, ...]:
    """The platforms without OS versions, each once: `linux/amd64`, `windows/amd64`."""
    return unique(normalise(platform).family for platform in platforms)


def subject(use: ImageUse, problem: str = "") -> Subject:
    """A container as an observation shows it."""
    platforms = tuple(map(str, use.known.platforms)) if use.known else ()
    container = use.container
    return Subject(container.name, container.role.value, container.image, platforms, problem)


def lands(workload: Workload) -> str:
    """Subject and verb, as sure as the kind of workload makes it."""
    if workload.is_daemon_set:
        return f"{workload} puts a pod on"
    if workload.is_hook:
        return f"{workload} ({workload.hooks[0]} hook) can land on"
    if workload.is_test:
        return f"{workload} (Helm test) can land on"
    return f"{workload} can land on"


def consequence(workload: Workload) -> Consequence:
    """A DaemonSet fails for certain, a hook blocks the install, others may be lucky."""
    if workload.is_daemon_set:
        return Consequence.CERTAIN
    return Consequence.BLOCKS if workload.is_hook else Consequence.POSSIBLE


def aftermath(workload: Workload) -> str:
    """What the failure means for the release, one clause."""
    if workload.is_daemon_set:
        return "every such node gets a pod that never runs, and the rollout never completes"
    if workload.is_hook:
        return "Helm waits for the hook, so the release hangs until its timeout"
    if workload.is_test:
        return "`helm test` fails when it lands there"
    return "it never moves to another node by itself"


def outcome(failure: Failure | None, event: str) -> str:
    """How the failure shows, with the text that the user will find."""
    quoted = f" with “{event}”" if event else ""
    match failure:
        case Failure.PULL:
            return f"the pull fails{quoted} (ImagePullBackOff)"
        case Failure.CREATE:
            return f"the image is pulled, then the container cannot be created{quoted}"
        case Failure.EXEC_FORMAT:
            return f"the image is pulled, then the container crashes{quoted}"
        case Failure.KUBELET:
            return f"the kubelet rejects the pod{quoted}, and its controller makes it again"
        case _:
            return "it stays Pending"


def guard_text(guard: Guard) -> str:
    """A guard as an instruction."""
    parts = []
    if selector := guard.node_selector:
        inner = ", ".join(f"{key}: {_quoted(value)}" for key, value in selector.items())
        parts.append(f"nodeSelector: {{{inner}}}")
    parts += [f"required node affinity: {requirement}" for requirement in guard.affinity]
    return " and ".join(parts)


def _quoted(value: str) -> str:
    """Build numbers look like text to YAML, but people drop the last dot: quote them."""
    return f'"{value}"' if value[:1].isdigit() else value


def selector_text(requirements: Sequence[Requirement]) -> str:
    """Requirements as they are said in a sentence."""
    return listed(str(requirement) for requirement in requirements)
