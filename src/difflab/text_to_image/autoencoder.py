"""The autoencoder whose latents the text-to-image model draws."""

from __future__ import annotations

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.circles.rendering import draw_images
from difflab.circles.scenes import Scenes
from difflab.params import AutoencoderNetworkParams
from difflab.progress import image_bar

ENCODED = 64  # images at a time, when a whole data set is encoded
FIRST_LOG_VARIANCE = -6.0


def make_autoencoder(params: AutoencoderNetworkParams) -> AutoencoderKL:
    """A random AutoencoderKL (Rombach et al. 2022, section 3.1) of images (N, 3, S, S) in [-1, 1].

    Its posterior starts narrow: with the random network's own, of variance 1, the decoder would first see noise alone.
    """
    levels = len(params.block_out_channels)
    autoencoder = AutoencoderKL(
        sample_size=params.image_size,
        latent_channels=params.latent_channels,
        block_out_channels=tuple(params.block_out_channels),
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=params.layers_per_block,
        norm_num_groups=params.norm_num_groups,
        mid_block_add_attention=False,
        force_upcast=False,
    )
    with torch.no_grad():
        autoencoder.quant_conv.bias[params.latent_channels :] = FIRST_LOG_VARIANCE
    return autoencoder


class AutoencoderTask(nn.Module):
    """Mean |x − D(z)| + `kl_weight` · mean KL(q(z|x) ‖ N(0, 1)), z of the posterior q(z|x) = E(x)."""

    def __init__(self, autoencoder: AutoencoderKL, kl_weight: float):
        super().__init__()
        self.autoencoder, self.kl_weight = autoencoder, kl_weight

    def forward(self, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """`geometry` (N, 2, 3) and `colours` (N, 3, 3) uint8, as in Scenes, to the mean loss."""
        images = draw_images(batch["geometry"], batch["colours"], self.autoencoder.config.sample_size)
        posterior = self.autoencoder.encode(images).latent_dist
        decoded = self.autoencoder.decode(posterior.sample(generator)).sample
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        return F.l1_loss(decoded.float(), images) + self.kl_weight * divergence


@torch.no_grad()
def encode_scenes(autoencoder: AutoencoderKL, scenes: Scenes, image_size: int) -> Tensor:
    """(N, C, h, w) float32 on the CPU: the posterior means of the scenes' images, times `scaling_factor`.

    The autoencoder is on the device to encode on.
    """
    latents = []
    with image_bar("encoding", 0, len(scenes)) as bar:
        parts = zip(scenes.geometry.split(ENCODED), scenes.colours.split(ENCODED), strict=True)
        for geometry, colours in parts:
            images = draw_images(geometry.to(autoencoder.device), colours.to(autoencoder.device), image_size)
            means = autoencoder.encode(images.to(autoencoder.dtype)).latent_dist.mode()
            latents.append((means * autoencoder.config.scaling_factor).float().cpu())
            bar.update(len(geometry))
    return torch.cat(latents)


def standardize(autoencoder: AutoencoderKL, scenes: Scenes) -> None:
    """Set `scaling_factor` so that the scenes' latents have standard deviation 1 (Rombach et al. 2022, appendix G)."""
    autoencoder.register_to_config(scaling_factor=1.0)
    latents = encode_scenes(autoencoder, scenes, autoencoder.config.sample_size)
    autoencoder.register_to_config(scaling_factor=1 / latents.std().item())
