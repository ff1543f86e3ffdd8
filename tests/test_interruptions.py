"""What lets killed work go on: the key of a configuration, its folder, and files that are whole or not there."""

import os

import pytest

from difflab.params import ComputeParams
from difflab.resume import locked_folder, run_key, written_durably

COMPUTE = ComputeParams(threads=1, mixed_precision="fp32")


def test_key_follows_parameters_inputs_and_code(tmp_path, monkeypatch):
    data, model = tmp_path / "data", tmp_path / "model" / "unet"
    model.mkdir(parents=True)
    for file in (data, model / "weights"):
        file.write_bytes(b"1")
    key = run_key([COMPUTE], [data, model.parent])
    assert run_key([COMPUTE], [data, model.parent]) == key
    assert run_key([COMPUTE.model_copy(update={"threads": 2})], [data, model.parent]) != key
    for file in (data, model / "weights"):
        file.write_bytes(b"2")
        assert run_key([COMPUTE], [data, model.parent]) != key
        file.write_bytes(b"1")
    monkeypatch.setattr("difflab.resume.running_code", lambda: {"src/difflab/training/fit.py": "other"})
    assert run_key([COMPUTE], [data, model.parent]) != key


def test_a_missing_input_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        run_key([], [tmp_path / "none"])


def test_the_folder_stays_with_what_it_holds(tmp_path):
    for expected in ([], ["kept"]):
        with locked_folder(tmp_path / "cache", "stage", [1], []) as folder:
            assert [file.name for file in folder.iterdir()] == expected
            (folder / "kept").touch()
    with locked_folder(tmp_path / "cache", "stage", [2], []) as folder:
        assert not list(folder.iterdir())


def test_a_torn_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    with written_durably(path) as file:
        file.write(b"old")

    def killed(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt), written_durably(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"old"
