"""Output of `podfit clusters` and `podfit rules`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from tabulate import tabulate

from auditor.checks.rulebook import Rule
from auditor.formats.catalog import PLAIN, Style
from auditor.formats.escape import log, terminal
from auditor.formats.terminal import MAX_TEXT, TIE, Look, Pen
from auditor.scheduling.nodes import PLATFORM_LABELS, ClusterProfile, NodePool

_TITLES: Final = len("platform")


def list_profiles(profiles: Iterable[ClusterProfile]) -> str:
    """List profiles with the names of their node pools."""
    rows = [(item.name, ", ".join(pool.name for pool in item.pools)) for item in profiles]
    table = tabulate(rows, ("CLUSTER", "POOLS"), tablefmt="plain", disable_numparse=True)
    return f"{table}\n"


def show_profile(profile: ClusterProfile, style: Style = PLAIN) -> str:
    """Show each node pool with platform, taints, runtime and additional labels."""
    pen = Pen(style)
    common = frozenset.intersection(*(pool.varying for pool in profile.pools))
    blocks = [pen.paint(pen.text(profile.name), Look.STRONG)]
    blocks += ("\n".join(pen.wrap(pen.text(profile.description), following="")),)
    blocks += ("\n".join(_pool(pool, common, pen)) for pool in profile.pools)
    blocks += (
        "\n".join(pen.wrap(pen.text(note), following="")) for note in _notes(profile, common)
    )
    return log("\n\n".join(filter(None, blocks)) + "\n")


def _pool(pool: NodePool, common: frozenset[str], pen: Pen) -> Iterator[str]:
    yield pen.paint(pen.text(pool.name), Look.STRONG)
    labels = (f"{key}={value}" for key, value in sorted(pool.labels.items()))
    own = [text for text in labels if text.partition("=")[0] not in PLATFORM_LABELS]
    for title, values in (
        ("platform", [str(pool.platform)]),
        ("taints", list(map(str, pool.taints)) or ["none"]),
        ("runtime", [str(pool.runtime or "any")]),
        ("labels", own),
        ("varying", sorted(pool.varying - common)),
    ):
        if values:
            lead = f"  {title:<{_TITLES}}  "
            joined = ", ".join(pen.text(value).replace(" ", TIE) for value in values)
            yield from pen.wrap(joined, lead, " " * len(lead))


def _notes(profile: ClusterProfile, common: frozenset[str]) -> Iterator[str]:
    """Yield the notes about a profile.

    Args:
        profile: The profile.
        common: Labels whose values vary between nodes in every pool.
    """
    if any(pool.open_labels for pool in profile.pools):
        yield "Nodes may have other labels; a selector on one leaves the placement undecided."
    if any(pool.varying for pool in profile.pools):
        text = "A selector on a label that varies between nodes leaves the placement undecided"
        yield f"{text}; in every pool: {', '.join(sorted(common))}." if common else f"{text}."
    if profile.runtime_classes:
        yield f"RuntimeClasses: {', '.join(sorted(map(terminal, profile.runtime_classes)))}"
    if profile.plugins:
        yield f"Admission plug-ins: {', '.join(sorted(map(terminal, profile.plugins)))}"


_HEADERS: Final = ("RULE", "SEVERITY", "SUMMARY")
_GAPS: Final = 4
_LEAST: Final = 20
"""Minimum width of summaries."""


def list_rules(rules: Iterable[Rule], width: int | None = None) -> str:
    """List rules with severity and summary; summaries are wrapped if there is a width."""
    rows = [
        (
            rule.id,
            f"{rule.severity}{' (pedantic)' if rule.pedantic else ''}",
            terminal(rule.summary[:MAX_TEXT]),
        )
        for rule in rules
    ]
    limit = None
    if width is not None:
        taken = (max(map(len, column)) for column in list(zip(_HEADERS, *rows, strict=True))[:2])
        limit = [None, None, max(width - sum(taken) - _GAPS, _LEAST)]
    table = tabulate(
        rows,
        _HEADERS,
        tablefmt="plain",
        disable_numparse=True,
        maxcolwidths=limit,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(line.rstrip() for line in table.splitlines()) + "\n"
