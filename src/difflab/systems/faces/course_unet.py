"""The face U-Net of a course on generative models, loaded from a weight file."""

import math
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel
from torch import Tensor

from difflab.models.safe_loading import refusal
from difflab.models.weights_file import read_state_dict

# As google/ddpm-celebahq-256 (Ho et al. 2020, appendix B), except frequencies, padding in downsampling and norm_eps.
CONFIG: dict[str, Any] = {
    "sample_size": 256,
    "block_out_channels": (128, 128, 256, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": (*["DownBlock2D"] * 4, "AttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "AttnUpBlock2D", *["UpBlock2D"] * 4),
    "downsample_padding": 1,
    "flip_sin_to_cos": False,
    "freq_shift": 0,
    "norm_num_groups": 32,
    "norm_eps": 1e-5,
    "attention_head_dim": None,  # one head
    "add_attention": True,
}
FREQUENCIES = "time.0.inv_freq"  # of the time embedding; diffusers computes them
RESBLOCK = {
    "norm1": "norm1",
    "conv1": "conv1",
    "time_emb_proj": "time.1",
    "norm2": "norm2",
    "conv2": "conv2",
    "conv_shortcut": "skip",
}
ATTENTION = {"group_norm": "norm", "to_q": "qkv", "to_k": "qkv", "to_v": "qkv", "to_out.0": "out"}


def load_course_unet(path: str | Path) -> UNet2DModel:
    """Load the network from a file with the course's state_dict, {"down1.weight": …, …}, in float32.

    It takes (N, 3, S, S) in [-1, 1], with S a multiple of 32, and time steps 0 … 999, and predicts the noise. Only
    tensors and plain containers are unpickled. Raises UserError, one line, if the file cannot be read, a key is
    missing, unknown or has another shape, or a number is not finite; see `read_state_dict`.
    """
    place = f"faces.checkpoint: {path}"
    with torch.device("meta"):  # the file's weights replace those of the new network
        unet = UNet2DModel(**CONFIG)
    parameters = unet.state_dict()
    keys = _keys_in_file(parameters)
    shapes = {keys[name]: _shape_in_file(keys[name], parameter) for name, parameter in parameters.items()}
    state = read_state_dict(path, {FREQUENCIES: (64,), **shapes}, place)
    _check_frequencies(state[FREQUENCIES], place)
    converted = {name: _convert(state[keys[name]], name, parameter) for name, parameter in parameters.items()}
    unet.load_state_dict(converted, assign=True)
    return unet.eval()


def _keys_in_file(parameters: dict[str, Tensor]) -> dict[str, str]:
    """The file's key for each parameter of the UNet2DModel; q, k and v of an attention layer share one key.

    On each side, the file numbers blocks and the samplers between levels consecutively.
    """
    modules = {
        "conv_in": "down1",
        "time_embedding.linear_1": "time.1",
        "time_embedding.linear_2": "time.3",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    blocks = {("mid_block", 0): "mid1", ("mid_block", 1): "mid2"}
    for level in range(len(CONFIG["block_out_channels"])):
        blocks |= {(f"down_blocks.{level}", layer): f"down{3 * level + layer + 2}" for layer in range(2)}
        blocks |= {(f"up_blocks.{level}", layer): f"up{4 * level + layer + 1}" for layer in range(3)}
        modules[f"down_blocks.{level}.downsamplers.0.conv"] = f"down{3 * level + 4}.0"
        modules[f"up_blocks.{level}.upsamplers.0.conv"] = f"up{4 * level + 4}.1"
    for (block, layer), name in blocks.items():
        modules |= {
            f"{block}.resnets.{layer}.{ours}": f"{name}.resblocks.{theirs}" for ours, theirs in RESBLOCK.items()
        }
        modules |= {
            f"{block}.attentions.{layer}.{ours}": f"{name}.attention.{theirs}" for ours, theirs in ATTENTION.items()
        }
    split = {name: name.rpartition(".") for name in parameters}
    return {name: f"{modules[module]}.{kind}" for name, (module, _, kind) in split.items()}


def _shape_in_file(key: str, parameter: Tensor) -> tuple[int, ...]:
    """The parameter's shape in the file: attention layers are 1×1 convolutions there, and q, k and v are one layer."""
    rows, *others = parameter.shape
    if ".attention." in key and others:
        others += [1, 1]
    return (3 * rows if ".qkv." in key else rows, *others)


def _convert(tensor: Tensor, name: str, parameter: Tensor) -> Tensor:
    """Extract the parameter `name` from the file's tensor, in the parameter's shape."""
    module = name.rpartition(".")[0]
    if module.endswith((".to_q", ".to_k", ".to_v")):
        tensor = tensor.chunk(3)["qkv".index(module[-1])]
    return tensor.detach().float().reshape(parameter.shape).contiguous()


def _check_frequencies(inv_freq: Tensor, place: str) -> None:
    """Raises UserError unless the file's frequencies are those of diffusers, exp(-ln(10000)·2k/d), k = 0 … d/2-1."""
    expected = torch.exp(-math.log(10000) * torch.arange(0, 128, 2, dtype=torch.float64) / 128)
    rounding = max(1e-5, torch.finfo(inv_freq.dtype).eps)  # 1e-5: error of a float32 exponent
    if not torch.allclose(inv_freq.double(), expected.to(inv_freq.dtype).double(), rtol=rounding, atol=0):
        raise refusal(f"{place}: {FREQUENCIES}", "another sequence", "exp(-ln(10000)·2k/128), k = 0 … 63")
