"""Every check under the name by which rules use it, alphabetical."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.checks import incompatible_pool, unresolved_image
from auditor.checks.interface import Check

CHECKS: Final[Mapping[str, Check]] = {
    "incompatible-pool": incompatible_pool.CHECK,
    "unresolved-image": unresolved_image.CHECK,
}
