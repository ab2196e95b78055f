"""What the shell offers when the user presses the tab key."""

from __future__ import annotations

from pathlib import Path

import typer


def complete_rule(context: typer.Context, incomplete: str) -> list[str]:
    """Rules whose id begins so, those in the folders of `--rules` among them."""
    from auditor.errors import ConfigurationError
    from auditor.rulebook import load_builtin_rules, load_rulebook

    try:
        rules = load_rulebook(map(Path, context.params.get("rule_folders") or ()))
    except ConfigurationError:
        rules = load_builtin_rules()
    return [rule.id for rule in rules if rule.id.startswith(incomplete)]


def complete_format(incomplete: str) -> list[str]:
    """Formats whose name begins so."""
    from auditor.formats.catalog import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def complete_cluster(incomplete: str) -> list[str]:
    """Built-in clusters whose name begins so; files are the shell's own business."""
    from auditor.clusters.catalog import BUILT_IN

    return [name for name in BUILT_IN if name.startswith(incomplete)]
