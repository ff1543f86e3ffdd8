"""Resuming killed work: the key of a configuration, its folder, and atomically written files."""

import shutil
from pathlib import Path

import pytest

from difflab.config.training import ComputeParams
from difflab.pipeline.resume import locked_folder, run_key

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
    monkeypatch.setattr("difflab.pipeline.resume.running_code", lambda: {"src/difflab/training/fit.py": "other"})
    assert run_key([COMPUTE], [data, model.parent]) != key


def test_a_missing_input_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        run_key([], [tmp_path / "none"])


def test_the_folder_stays_with_what_it_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for expected in ([], ["kept"]):
        with locked_folder(Path("cache"), "stage", [1], []) as folder:
            assert [file.name for file in folder.iterdir()] == expected
            (folder / "kept").touch()
    with locked_folder(Path("cache"), "stage", [2], []) as folder:
        assert not list(folder.iterdir())


@pytest.mark.parametrize("what", ["file", "link"])
@pytest.mark.parametrize("level", ["folder", "parent"])
def test_what_is_no_folder_is_named_and_replaced(tmp_path, monkeypatch, capsys, what, level):
    monkeypatch.chdir(tmp_path)
    with locked_folder(Path("cache"), "stage", [1], []) as folder:
        pass
    path = folder if level == "folder" else folder.parent
    shutil.rmtree(path)
    path.touch() if what == "file" else path.symlink_to("nowhere")
    with locked_folder(Path("cache"), "stage", [1], []) as folder:
        assert folder.is_dir()
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
