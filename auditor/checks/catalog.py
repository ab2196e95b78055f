"""Every check under the name by which rules use it, alphabetical."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.checks import (
    broad_toleration,
    conflicting_selector,
    dangling_row,
    deprecated_label,
    excluded_pool,
    ignore_lapse,
    incompatible_pool,
    inert_guard,
    kubelet_rejection,
    mixed_platforms,
    no_compatible_node,
    pinned_row,
    referenced_image,
    taint_dependence,
    unreached_selector,
    unresolved_image,
)
from auditor.checks.interface import Check

CHECKS: Final[Mapping[str, Check]] = {
    "broad-toleration": broad_toleration.CHECK,
    "conflicting-selector": conflicting_selector.CHECK,
    "dangling-row": dangling_row.CHECK,
    "deprecated-label": deprecated_label.CHECK,
    "excluded-pool": excluded_pool.CHECK,
    "ignore-lapse": ignore_lapse.CHECK,
    "incompatible-pool": incompatible_pool.CHECK,
    "inert-guard": inert_guard.CHECK,
    "kubelet-rejection": kubelet_rejection.CHECK,
    "mixed-platforms": mixed_platforms.CHECK,
    "no-compatible-node": no_compatible_node.CHECK,
    "pinned-row": pinned_row.CHECK,
    "referenced-image": referenced_image.CHECK,
    "taint-dependence": taint_dependence.CHECK,
    "unreached-selector": unreached_selector.CHECK,
    "unresolved-image": unresolved_image.CHECK,
}
