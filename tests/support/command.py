"""The command `podfit`, run inside the test's process."""

import contextlib
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from auditor.cli.app import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Capture(io.StringIO):
    encoding = "utf-8"


def podfit(*arguments: str | Path) -> Done:
    """Runs `podfit ARGUMENTS` and gives exit code, standard output and standard error."""
    out, err = Capture(), Capture()
    code: Any = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(sys, "argv", ["podfit", *map(str, arguments)]),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Done(0 if code is None else int(code), out.getvalue(), err.getvalue())


def write_lock(folder: Path, images: Mapping[str, tuple[str, ...]]) -> Path:
    """A lock file in a folder, with one index for each image."""
    path = folder / "podfit.lock.json"
    entries = {
        name: {"digest": f"sha256:{index:064x}", "kind": "index", "platforms": sorted(platforms)}
        for index, (name, platforms) in enumerate(sorted(images.items()))
    }
    path.write_text(json.dumps({"version": 1, "images": entries}), encoding="utf-8")
    return path
