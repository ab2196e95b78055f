"""Cluster profiles as the terminal shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tabulate import tabulate

from auditor.formats.escape import terminal
from auditor.nodes import PLATFORM_LABELS, ClusterProfile, NodePool


def list_profiles(profiles: Iterable[ClusterProfile]) -> str:
    """One line for each profile: its pools by name."""
    rows = [(item.name, ", ".join(pool.name for pool in item.pools)) for item in profiles]
    return _table(rows, ("CLUSTER", "POOLS"))


def show_profile(profile: ClusterProfile) -> str:
    """Every pool with platform, taints, runtime and the labels that do not follow from it."""
    rows = [
        (
            terminal(pool.name),
            str(pool.platform),
            "\n".join(terminal(str(taint)) for taint in pool.taints) or "none",
            str(pool.runtime or "any"),
            "\n".join(map(terminal, _labels(pool))) or "none",
        )
        for pool in profile.pools
    ]
    text = f"{terminal(profile.name)}\n\n"
    text += _table(rows, ("POOL", "PLATFORM", "TAINTS", "RUNTIME", "LABELS OF ITS OWN"))
    notes = list(_notes(profile))
    return text + ("\n" + "\n".join(notes) + "\n" if notes else "")


def _labels(pool: NodePool) -> Iterator[str]:
    for key, value in sorted(pool.labels.items()):
        if key not in PLATFORM_LABELS:
            yield f"{key}={value}"
    yield from (f"{key} (differs)" for key in sorted(pool.varying))


def _notes(profile: ClusterProfile) -> Iterator[str]:
    if any(pool.open_labels for pool in profile.pools):
        yield "Nodes may carry other labels; a selector on one of those leaves a placement open."
    if profile.runtime_classes:
        yield f"RuntimeClasses: {', '.join(sorted(map(terminal, profile.runtime_classes)))}"
    if profile.plugins:
        yield f"Admission plug-ins: {', '.join(sorted(map(terminal, profile.plugins)))}"


def _table(rows: Iterable[tuple[str, ...]], headers: tuple[str, ...]) -> str:
    return tabulate(rows, headers, tablefmt="plain", disable_numparse=True) + "\n"
