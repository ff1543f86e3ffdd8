"""Tensors of other programs: all common formats are read, and nothing is unpickled."""

import io
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from difflab.errors import UserError
from difflab.models.safe_loading import only_tensor, read_saved, unfit

NOISE = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "value",
    [
        NOISE,
        nn.Parameter(NOISE),
        NOISE.clone().requires_grad_(),
        NOISE.clone().requires_grad_() * 1,  # with a history
        NOISE.double(),
        NOISE.half(),
        NOISE.bfloat16(),
        NOISE.expand(2, 3, 4, 4)[:1],  # a view
        NOISE.to(memory_format=torch.channels_last),
        {"noise": NOISE},
        OrderedDict(noise=nn.Parameter(NOISE)),
        [NOISE],
        (NOISE,),
        {"noises": [NOISE]},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_tensor_is_read_however_it_was_saved(value: Any, zipped: bool, tmp_path: Path) -> None:
    torch.save(value, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    read = only_tensor(read_saved(tmp_path / "a.pt", "here"))
    assert type(read) is torch.Tensor and not read.requires_grad and unfit(read) == ""
    torch.testing.assert_close(read.float(), NOISE, atol=0.02, rtol=0.01)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_of_numpy_is_read(dtype: str, order: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.asarray(NOISE.numpy(), dtype=dtype, order=order))
    read = only_tensor(read_saved(tmp_path / "a.npy", "here"))
    torch.testing.assert_close(read.float(), NOISE, atol=0.01, rtol=0.01)
    assert read.is_contiguous()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".npy"])
def test_a_file_is_read_whatever_its_suffix(suffix: str, tmp_path: Path) -> None:
    path, array = (tmp_path / "a").with_suffix(suffix), io.BytesIO()
    np.save(array, NOISE.numpy())
    for write in (
        lambda: save_file({"x": NOISE}, path),
        lambda: torch.save(NOISE, path),
        lambda: path.write_bytes(array.getvalue()),
    ):
        write()
        assert torch.equal(only_tensor(read_saved(path, "here")), NOISE)


class Code:
    def __reduce__(self):
        return eval, ("1",)


@pytest.mark.parametrize(
    ("name", "write", "found"),
    [
        ("a.pt", lambda path: torch.save(Code(), path, pickle_module=pickle), "what only unpickling could load"),
        ("a.pt", lambda path: path.write_bytes(b"nothing"), "a damaged file|what only unpickling"),
        ("a.pt", lambda path: path.mkdir(), "Is a directory"),
        ("a.pt", lambda path: None, "No such file or directory"),
        ("a.npy", lambda path: np.save(path, np.array([Code()]), allow_pickle=True), "a damaged file"),
        ("a.npy", lambda path: path.write_bytes(b"nothing"), "a damaged file"),
        ("a.npy", lambda path: path.write_bytes(pickle.dumps(Code())), "a damaged file|what only unpickling"),
        ("a.npy", lambda path: np.save(path, np.array(["text"])), "a damaged file"),
        ("a.safetensors", lambda path: path.write_bytes(b"nothing"), "a damaged file"),
    ],
)
def test_anything_else_is_one_line(name: str, write: Any, found: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    with pytest.raises(UserError, match=rf"^here: found ({found})") as error:
        read_saved(tmp_path / name, "here")
    assert re.search(r", allowed: \w", str(error.value)) and "\n" not in str(error.value)


@pytest.mark.parametrize("value", [[NOISE, NOISE], {"a": NOISE, "b": NOISE}, [], {}, 3, "text", None])
def test_several_tensors_are_no_one(value: Any) -> None:
    assert unfit(only_tensor(value)).startswith("a ")
