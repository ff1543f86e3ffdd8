"""Network weights in files of other programs: found at any nesting, or a one-line error that describes the file."""

import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from difflab.errors import UserError
from difflab.models.weights_file import layout_in, read_state_dict

NETWORK = nn.Sequential(OrderedDict(conv1=nn.Conv2d(3, 2, 3), fc=nn.Linear(2, 2))).requires_grad_(False)
STATE = dict(NETWORK.state_dict())
OTHER = {name: tensor + 1 for name, tensor in STATE.items()}
SHAPES = {name: tuple(tensor.shape) for name, tensor in STATE.items()}
OPTIMIZER = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-3, "params": [0]}]}


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    "saved",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"model": STATE, "optimizer": OPTIMIZER, "step": 100},
        {"model_state_dict": STATE, "optimizer_state_dict": OPTIMIZER},
        {"ema": STATE},
        {"ema": {"module": STATE, "decay": 0.999}},
        {"model": {"state_dict": prefixed(STATE, "module.")}},
        prefixed(STATE, "module."),
        prefixed(STATE, "_orig_mod."),
        prefixed(STATE, "model."),
        {"state_dict": prefixed(STATE, "model._orig_mod.module.")},
        dict(AveragedModel(NETWORK).state_dict()),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_weights_are_found_wherever_they_lie(saved: Any, zipped: bool, tmp_path: Path) -> None:
    torch.save(saved, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
    found = read_state_dict(tmp_path / "a.ckpt", SHAPES, "here")
    assert set(found) == set(STATE)
    assert all(torch.equal(found[name], tensor) for name, tensor in STATE.items())


@pytest.mark.parametrize("name", ["a.safetensors", "renamed.pth", "renamed.ckpt"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_safetensors_are_read_whatever_the_suffix(name: str, prefix: str, tmp_path: Path) -> None:
    save_file(prefixed(STATE, prefix), tmp_path / name)
    assert torch.equal(read_state_dict(tmp_path / name, SHAPES, "here")["fc.weight"], STATE["fc.weight"])


def test_a_file_of_torch_is_read_whatever_the_suffix(tmp_path: Path) -> None:
    torch.save({"ema": STATE}, tmp_path / "a.safetensors")
    assert torch.equal(read_state_dict(tmp_path / "a.safetensors", SHAPES, "here")["fc.weight"], STATE["fc.weight"])


@pytest.mark.parametrize(
    ("saved", "found"),
    [
        ({"model": STATE, "ema": OTHER}, "the network at model and at ema,"),
        (prefixed(STATE, "model.") | prefixed(OTHER, "ema."), "the network at model.* and at ema.*,"),
        (STATE | {"ema": OTHER}, "the network at its top and at ema,"),
        (prefixed(STATE, "model.") | {"fc.bias": STATE["fc.bias"]}, "'fc.bias' beside the same names with 'model.',"),
        (prefixed(STATE, "net.") | {"loss.weight": STATE["fc.bias"]}, "unknown: 'loss.weight',"),
        ({"a": 1, "b": [2]}, "a dict of 'a' (int), 'b' (list),"),
        ([STATE], "a list,"),
        ({}, "an empty dict,"),
        (torch.zeros(2), "a Tensor,"),
        ({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1)}, "Stable Diffusion in one file,"),
        ({"state_dict": {"down_blocks.0.resnets.0.conv1.weight": torch.zeros(1)}}, "a U-Net of diffusers "),
        ({"unet.to_q.lora_A.weight": torch.zeros(1)}, "LoRA weights,"),
        ({"text_model.embeddings.token_embedding.weight": torch.zeros(1)}, "a CLIP of transformers "),
    ],
)
def test_another_file_is_one_line_that_says_what_it_is(saved: Any, found: str, tmp_path: Path) -> None:
    torch.save(saved, tmp_path / "a.pt")
    assert_refused(tmp_path / "a.pt", found)


def test_below_a_key_the_line_names_it(tmp_path: Path) -> None:
    torch.save({"model": {name: tensor for name, tensor in STATE.items() if name != "fc.bias"}}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"^here: model: found missing: fc\.bias, allowed: the tensors "):
        read_state_dict(tmp_path / "a.pt", SHAPES, "here")


def write_torchscript(path: Path) -> None:
    """The members that tell an archive of torch.jit from one of torch.save."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "version"):
            archive.writestr(f"network/{name}", b"3\n")


def write_arrays(path: Path) -> None:
    with path.open("wb") as file:  # np.savez adds a suffix to a name
        np.savez(file, a=np.zeros(1))


@pytest.mark.parametrize(
    ("write", "found"),
    [
        (lambda path: path.touch(), "an empty file,"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid"), "a pointer of Git LFS"),
        (lambda path: path.write_text("<!DOCTYPE html><title>404</title>"), "a web page,"),
        (write_torchscript, "a TorchScript archive,"),
        (write_arrays, "an archive of numpy.savez,"),
        (lambda path: torch.save(NETWORK, path), "what only unpickling could load (torch.nn."),
    ],
)
@pytest.mark.parametrize("suffix", [".pt", ".ckpt", ".safetensors"])
def test_another_kind_of_file_is_one_line(
    write: Callable[[Path], object], found: str, suffix: str, tmp_path: Path
) -> None:
    write(tmp_path / f"a{suffix}")
    assert_refused(tmp_path / f"a{suffix}", found)


def assert_refused(path: Path, found: str) -> None:
    with pytest.raises(UserError) as error:
        read_state_dict(path, SHAPES, "here")
    assert str(error.value).startswith(f"here: found {found}"), error.value
    assert ", allowed: " in str(error.value) and "\n" not in str(error.value)


def test_the_kind_of_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "a.ckpt"
    file.write_bytes(b"text")
    assert layout_in(file) == "a file"
    torch.save(STATE, file)
    assert layout_in(file) == "a file of weights"
    torch.save({"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1)}}, file)
    assert layout_in(file) == "Stable Diffusion in one file"
