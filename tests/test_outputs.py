"""Outputs are there whole or not at all."""

import pytest

from difflab.outputs import written_whole


def test_a_folder_replaces_the_old_one(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "of a killed run").touch()
    with written_whole(tmp_path / "out") as folder:
        folder.mkdir()
        (folder / "new").touch()
        assert (tmp_path / "out" / "old").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "new"]


def test_an_error_leaves_the_old_file(tmp_path):
    (tmp_path / "out").write_text("old")
    with pytest.raises(RuntimeError), written_whole(tmp_path / "out") as file:
        file.write_text("half")
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "old"


def test_parents_are_made(tmp_path):
    with written_whole(tmp_path / "a" / "b") as file:
        file.write_text("new")
    assert (tmp_path / "a" / "b").read_text() == "new"
