"""Values files (`-f`), looked at before Helm reads them, so that the message can say where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.sources.files import read_text
from auditor.sources.options import HelmOptions
from auditor.yaml.reading import YamlError, read_documents

_DOCUMENT_END: Final = re.compile(r"^---[ \t]*(?:#.*)?\r?$", re.MULTILINE)


def read_values_file(name: str) -> tuple[str, ...]:
    """The documents of a values file, each as its text, at least one. Raises SourceError.

    Helm 4 merges them; Helm 3 and Helm's library read only the first, so they are given one by one.
    """
    documents = _DOCUMENT_END.split(read_text(Path(name), name))
    return tuple(filter(str.strip, documents)) or ("",)


def check_values_files(options: HelmOptions) -> Iterator[Problem]:
    """Values files of several documents, which not every Helm reads alike.

    Raises SourceError for a file that is absent, unreadable, no YAML or no mapping.
    """
    for name in options.values_files:
        if not Path(name).exists():
            raise SourceError(
                f"values file {name} does not exist",
                where=name,
                hint="check the path; no chart was rendered",
            )
        documents = list(read_documents(read_text(Path(name), name)))
        if not documents:
            continue
        first = documents[0]
        if isinstance(first, YamlError):
            raise SourceError(
                f"values file {name} is not YAML that Helm can read",
                where=f"{name}:{first.line}:{first.column}",
                why=first.message,
                hint="mend it; no chart was rendered",
            )
        if not first.is_mapping:
            raise SourceError(
                f"values file {name} holds {first.type_name}, not a mapping of values",
                where=f"{name}:{first.line}:{first.column}",
                hint="write it as `key: value`; no chart was rendered",
            )
        if len(documents) > 1:
            second = documents[1]
            yield SourceError(
                f"values file {name} holds several documents",
                where=f"{name}:{second.line}",
                why="Helm 4 merges them, as was done here; Helm 3 reads only the first",
                hint="put each document into a file of its own, and give each with -f",
            ).problem
