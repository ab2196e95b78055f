"""The list of images: a table where there is room, a block for each where there is not."""

from auditor.formats.catalog import Style
from auditor.formats.images import write_images_table
from tests.support.reports import audit, joined, workload

IMAGES = audit(joined(workload(), workload("report", "registry.corp/report:9"))).images


def test_a_table_where_there_is_room() -> None:
    lines = write_images_table(IMAGES, Style(width=120)).splitlines()

    assert lines[0].split() == ["IMAGE", "PLATFORMS", "DIGEST", "SOURCE", "USED", "BY"]
    assert lines[1].split()[:2] == ["nginx:1.31", "linux/amd64"]


def test_blocks_where_there_is_none() -> None:
    text = write_images_table(IMAGES, Style(width=60))

    assert text.startswith("nginx:1.31\n  linux/amd64, linux/arm64")
    assert "\n  used by Deployment/web\n\nregistry.corp/report:9\n  unknown: " in text
    assert text.endswith("\n\n2 images, 1 unresolved\n")
    assert max(map(len, text.splitlines())) <= 60
