"""Images that lie on disk: OCI layouts and what `docker save` writes, asked instead of a registry.

    [NAME=]oci:FOLDER[:REF]            a folder with `index.json` (skopeo copy --all, buildx -o oci)
    [NAME=]oci-archive:FILE[:REF]      the same in a tar archive
    [NAME=]docker-archive:FILE[:REF]   docker save, podman save

A layout says its images' names in annotations. Where they are not full names, or not those of the
manifests to be audited, NAME says what the image is called; REF chooses one image of several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditor.errors import ConfigurationError, UsageError, printable, shorten
from auditor.images import ImageReference, KnownPlatforms, Platforms
from auditor.references import parse_reference
from auditor.registry.json_text import JsonError
from auditor.registry.layouts.archives import ArchiveFiles, FolderFiles, LayoutError
from auditor.registry.layouts.images import LayoutImage, read_images

_SCHEMES: Final = ("oci", "oci-archive", "docker-archive")
_CHOICE_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class LayoutSource:
    """Where a layout is. ref: "" is every image it holds. name: None is what annotations say."""

    scheme: str
    path: Path
    ref: str = ""
    name: ImageReference | None = None

    def __str__(self) -> str:
        return f"{self.scheme}:{self.path}"


@dataclass(frozen=True, slots=True)
class LayoutLookup:
    """A `Lookup` in the images of layouts: by name, or by repository and digest."""

    images: Mapping[ImageReference, Platforms]

    def __call__(self, image: ImageReference) -> Platforms | None:
        if image in self.images or not image.digest:
            return self.images.get(image)
        for known, answer in self.images.items():
            if (known.registry, known.repository) == (image.registry, image.repository) and (
                isinstance(answer, KnownPlatforms) and answer.digest == image.digest
            ):
                return answer
        return None


def parse_layout(text: str) -> LayoutSource:
    """What `[NAME=]SCHEME:PATH[:REF]` means. Raises UsageError.

    The path is the longest beginning that exists, as paths and references may both hold a colon.
    """
    name, equals, rest = ("", "", text) if _scheme_of(text) else text.partition("=")
    scheme = _scheme_of(rest)
    if not scheme:
        raise UsageError(
            f"`{shorten(printable(text), 200)}` is no image layout",
            hint="write [NAME=]oci:FOLDER[:REF], or oci-archive:FILE or docker-archive:FILE",
        )
    reference = parse_reference(name) if equals else None
    if reference is not None and not isinstance(reference, ImageReference):
        raise UsageError(reference.message, hint=reference.hint)
    path, ref = _existing(rest.removeprefix(f"{scheme}:"))
    return LayoutSource(scheme, path, ref, reference)


def read_layout(source: LayoutSource) -> Mapping[ImageReference, Platforms]:
    """The images of a layout by their names. Raises ConfigurationError where none can be told."""
    try:
        in_folder = source.scheme == "oci"
        files = FolderFiles(source.path) if in_folder else ArchiveFiles(source.path)
        return _named(source, read_images(files, str(source)))
    except (LayoutError, JsonError) as error:
        raise ConfigurationError(
            f"cannot read the image layout {source}",
            where=str(source.path),
            why=str(error),
            hint=error.hint if isinstance(error, LayoutError) else "",
        ) from error


def read_layouts(sources: Iterable[LayoutSource]) -> LayoutLookup:
    """All their images; the first layout that holds an image counts. Raises ConfigurationError."""
    images: dict[ImageReference, Platforms] = {}
    for source in sources:
        images = {**read_layout(source), **images}
    return LayoutLookup(images)


def _scheme_of(text: str) -> str:
    scheme, colon, _ = text.partition(":")
    return scheme if colon and scheme in _SCHEMES else ""


def _existing(text: str) -> tuple[Path, str]:
    shown = shorten(printable(text), 200)
    cuts = [len(text), *(place for place in range(len(text) - 1, 0, -1) if text[place] == ":")]
    for cut in cuts:
        try:
            if cut and Path(text[:cut]).exists():
                return Path(text[:cut]), text[cut + 1 :]
        except (OSError, ValueError):
            continue
    raise UsageError(f"there is no image layout at `{shown}`", hint="is the path right?")


def _named(
    source: LayoutSource, images: Sequence[LayoutImage]
) -> Mapping[ImageReference, Platforms]:
    chosen = [image for image in images if source.ref in ("", *image.names)]
    if source.name is not None:
        if len(chosen) != 1:
            hint = f"choose one: NAME={source}:REF"
            raise LayoutError(f"it holds {len(chosen)} such images{_choice(images)}", hint)
        return {source.name: chosen[0].answer(source.name)}
    answers: dict[ImageReference, Platforms] = {}
    for image in chosen:
        for name in filter(None, map(_full_name, image.names)):
            if name not in answers:
                answers[name] = image.answer(name)
    if not answers:
        hint = f"say what the image is called: NAME={source}"
        raise LayoutError(f"it gives no such image a full name{_choice(images)}", hint)
    return answers


def _full_name(text: str) -> ImageReference | None:
    """An annotation's name as a reference; a tag alone says nothing of the image."""
    reference = parse_reference(text) if set(text) & set("/:") else None
    return reference if isinstance(reference, ImageReference) else None


def _choice(images: Sequence[LayoutImage]) -> str:
    names = [shorten(printable(name), 100) for image in images for name in image.names]
    return f" (of {', '.join(names[:_CHOICE_SHOWN])})" if names else ""
