"""The JSON Schema of `.podfit.yaml`, for editors: made of the very shape that podfit reads with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from auditor.config.keys import VERSION, make_shape
from auditor.config.sections import Surroundings
from auditor.rulebook import Rule

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def config_schema(rules: Sequence[Rule]) -> dict[str, Any]:
    """The schema. rules: offered by name; editors accept others, for a company has its own."""
    shape = make_shape(Surroundings(tuple(rules), "", Path))
    return {
        "$schema": DRAFT,
        "title": f"podfit configuration, version {VERSION}",
        **shape.json_schema(),
    }


def schema_text(rules: Sequence[Rule]) -> str:
    """The schema as it is published."""
    return json.dumps(config_schema(rules), indent=2, ensure_ascii=False) + "\n"
