"""The networks that are measured, in our terms and as their nearest equals in denoising-diffusion-pytorch."""

from dataclasses import dataclass

import difflab  # noqa: F401  (before torchvision: see there)

# isort: split

import torch
from diffusers import UNet2DModel

from difflab.config.diffusion import NetworkParams
from difflab.diffusion.unet import make_unet


@dataclass(frozen=True)
class Network:
    """`peer_dims`: the even widths, without and with a class condition, at which denoising-diffusion-pytorch's U-Net of
    as many levels comes nearest in parameters.
    """

    image_size: int
    channels: list[int]
    time_embedding_dim: int
    peer_dims: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.channels} at {self.image_size}×{self.image_size}"

    @property
    def peer_mults(self) -> tuple[int, ...]:
        return tuple(2**level for level in range(len(self.channels)))

    def unet(self, conditional: bool) -> UNet2DModel:
        """The U-Net of a recipe, the same weights at every call."""
        params = NetworkParams(
            prediction_type="epsilon",
            patch_size=1,
            block_out_channels=self.channels,
            layers_per_block=1,
            add_attention=True,
            attention_head_dim=min(32, self.channels[0]),
            norm_num_groups=8,
            time_embedding_dim=self.time_embedding_dim,
        )
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return make_unet(params, self.image_size, conditional)


CPU_PROFILE = Network(16, [16, 32, 64], 256, (16, 16))
WIDER = Network(16, [32, 64], 128, (28, 26))
WIDEST = Network(16, [128, 256], 512, (120, 110))
