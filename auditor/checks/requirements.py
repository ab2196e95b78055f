"""Platforms that images are required to support, whatever the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePath

from msgspec import Struct

from auditor.files.paths import covers
from auditor.images.images import ImageReference
from auditor.images.platforms import Platform
from auditor.kubernetes.manifests import Document


class Exemption(Struct, frozen=True):
    """Images that need not meet a requirement.

    Attributes:
        images: Globs of image names.
        reason: Why, for the people who read the configuration.
        platforms: The platforms that the images may lack; empty for all.
    """

    images: tuple[str, ...]
    reason: str
    platforms: tuple[Platform, ...] = ()


class PlatformRequirement(Struct, frozen=True):
    """Platforms that images must support.

    Attributes:
        platforms: Each of them is required.
        images: Globs of image names; empty for all images.
        paths: Globs of files or folders, relative to `root`; empty for all files.
        exemptions: Images that need not meet the requirement.
        root: The folder of the configuration; empty for a requirement of the command line.
    """

    platforms: tuple[Platform, ...]
    images: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    root: str = ""

    def applies_to(self, document: Document) -> bool:
        """Return whether the requirement covers the images of a document."""
        if self.root and document.home:
            path = PurePath(document.home, document.identity)
            if not path.is_relative_to(self.root):
                return False
        return not self.paths or any(covers(glob, document.stable_path) for glob in self.paths)

    def of_image(self, image: ImageReference) -> tuple[Platform, ...]:
        """Return the platforms that an image must support."""
        if self.images and not _is_named(image, self.images):
            return ()
        exempt = [item for item in self.exemptions if _is_named(image, item.images)]
        return tuple(
            platform
            for platform in self.platforms
            if not any(not item.platforms or platform in item.platforms for item in exempt)
        )


def required_platforms(
    requirements: Iterable[PlatformRequirement], document: Document | None, image: ImageReference
) -> tuple[Platform, ...]:
    """Return each platform that an image must support, once.

    Args:
        requirements: Of the configurations and the command line.
        document: The document that uses the image; None for an image on its own.
        image: The image.
    """
    found = (
        platform
        for requirement in requirements
        if document is None or requirement.applies_to(document)
        for platform in requirement.of_image(image)
    )
    return tuple(dict.fromkeys(found))


def _is_named(image: ImageReference, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for name in image.names for glob in globs)
