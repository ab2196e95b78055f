"""What the shell offers when the user presses the tab key."""

from __future__ import annotations


def complete_rule(incomplete: str) -> list[str]:
    """Rules whose id begins so."""
    from auditor.rulebook import load_builtin_rules

    return [rule.id for rule in load_builtin_rules() if rule.id.startswith(incomplete)]


def complete_format(incomplete: str) -> list[str]:
    """Formats whose name begins so."""
    from auditor.formats.catalog import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def complete_cluster(incomplete: str) -> list[str]:
    """Built-in clusters whose name begins so; files are the shell's own business."""
    from auditor.clusters.catalog import BUILT_IN

    return [name for name in BUILT_IN if name.startswith(incomplete)]
