"""Files appear whole or not at all."""

from pathlib import Path

import pytest

from auditor.registry.storage import make_private_folder, replace_file


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "taken").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        replace_file(folder / "taken", b"x", mode=0o600)
    assert list(folder.iterdir()) == [folder / "taken"]


def test_the_old_content_stays_until_the_new_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old", mode=0o600)
    with path.open("rb") as reader:
        replace_file(path, b"new", mode=0o600)
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_folders_are_made_down_to_the_last(tmp_path: Path) -> None:
    make_private_folder(tmp_path / "a" / "b" / "c")
    make_private_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
