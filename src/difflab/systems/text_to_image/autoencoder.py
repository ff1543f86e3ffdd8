"""The autoencoder of the text-to-image model."""

from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.config.language import AutoencoderNetworkParams
from difflab.data.circles import Scenes, render_images
from difflab.models.task import Task
from difflab.pipeline.progress import image_bar

FIRST_LOG_VARIANCE = -6.0
LARGEST_BATCH = 64  # maximum number of images to encode at once
RANDOM_SHARE = 0.3  # factor of the random weights to which the identity is added


def make_autoencoder(params: AutoencoderNetworkParams) -> AutoencoderKL:
    """An untrained AutoencoderKL (Rombach et al. 2022, section 3.1) for images (N, 3, S, S) in [-1, 1].

    It is initialized to subsample and repeat pixels, plus random weights, with a posterior narrow enough that the
    decoder's input is more than noise.
    """
    levels = len(params.block_out_channels)
    options: dict[str, Any] = {
        "sample_size": params.image_size,
        "latent_channels": params.latent_channels,
        "block_out_channels": tuple(params.block_out_channels),
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "layers_per_block": params.layers_per_block,
        "norm_num_groups": params.norm_num_groups,
        "mid_block_add_attention": False,
        "force_upcast": False,
    }
    autoencoder = AutoencoderKL(**options)
    _pass_pixels(autoencoder)
    return autoencoder


@torch.no_grad()
def _pass_pixels(autoencoder: Any) -> None:
    """Initialize the network to pass pixels through, which random convolutions take hundreds of steps to learn.

    Residual branches start at zero; all other convolutions get the identity plus scaled random weights. To pass the
    last activation, values are encoded as pairs x, −x: SiLU(x) − SiLU(−x) = x.
    """
    for module in autoencoder.modules():
        if isinstance(module, ResnetBlock2D):
            for parameter in module.conv2.parameters():
                nn.init.zeros_(parameter)
            if module.conv_shortcut is not None:
                _add_identity(module.conv_shortcut)
        elif isinstance(module, (Downsample2D, Upsample2D)):
            _add_identity(module.conv)
    for half in (autoencoder.encoder, autoencoder.decoder):
        _add_identity(half.conv_in, num_pairs=half.conv_in.in_channels)
        _add_identity(half.conv_out, num_pairs=half.conv_in.in_channels)
    _add_identity(autoencoder.quant_conv)
    _add_identity(autoencoder.post_quant_conv)
    log_variances = slice(autoencoder.config.latent_channels, None)
    autoencoder.quant_conv.weight[log_variances] = 0
    autoencoder.quant_conv.bias[log_variances] = FIRST_LOG_VARIANCE


def _add_identity(convolution: Any, num_pairs: int = 0) -> None:
    """Add the identity, channel k to channel k; split the first `num_pairs` channels into pairs x, −x, or join them."""
    identity = nn.init.dirac_(torch.empty_like(convolution.weight))
    middle = convolution.kernel_size[0] // 2
    for k in range(min(num_pairs, convolution.out_channels)):
        row, column = (num_pairs + k, k) if convolution.in_channels == num_pairs else (k, num_pairs + k)
        identity[row, column, middle, middle] = -1
    convolution.weight.mul_(RANDOM_SHARE).add_(identity)


class AutoencoderTask(Task):
    """Mean |x − D(z)| + `kl_weight` · mean KL(q(z|x) ‖ N(0, 1)), with z from the posterior q(z|x) = E(x)."""

    def __init__(self, autoencoder: AutoencoderKL, kl_weight: float):
        super().__init__()
        self.autoencoder: Any = autoencoder
        self.kl_weight = kl_weight

    def draw(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Draw the noise of the posterior for `geometry` (N, 2, 3) and `colors` (N, 3, 3) uint8, as in Scenes."""
        geometry, config = batch["geometry"], self.autoencoder.config
        side = config.sample_size // 2 ** (len(config.block_out_channels) - 1)
        shape = (len(geometry), config.latent_channels, side, side)
        return batch | {"noise": torch.randn(shape, device=geometry.device, generator=generator)}

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `geometry` and `colors`, as in `draw`, and `noise` (N, C, h, w)."""
        images = render_images(inputs["geometry"], inputs["colors"], self.autoencoder.config.sample_size)
        posterior = self.autoencoder.encode(images).latent_dist
        decoded = self.autoencoder.decode(posterior.mean + posterior.std * inputs["noise"]).sample
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        return F.l1_loss(decoded.float(), images) + self.kl_weight * divergence


def encoded_at_once(image_size: int) -> int:
    """Batch size for encoding: 64 images up to 128×128, and fewer larger ones.

    64 images of 512×512 need 40 GiB in Stable Diffusion's encoder.
    """
    return max(1, min(LARGEST_BATCH, 2**20 // image_size**2))


@torch.no_grad()
def encode_scenes(autoencoder: Any, scenes: Scenes, image_size: int) -> Tensor:
    """Render and encode scenes: posterior means times `scaling_factor`, (N, C, h, w) float32 on the CPU.

    Runs on the autoencoder's device.
    """
    latents = []
    with image_bar("encoding", 0, len(scenes)) as bar:
        count = encoded_at_once(image_size)
        parts = zip(scenes.geometry.split(count), scenes.colors.split(count), strict=True)
        for geometry, colors in parts:
            images = render_images(geometry.to(autoencoder.device), colors.to(autoencoder.device), image_size)
            means = autoencoder.encode(images.to(autoencoder.dtype)).latent_dist.mode()
            latents.append((means * autoencoder.config.scaling_factor).float().cpu())
            bar.update(len(geometry))
    return torch.cat(latents)


def standardize(autoencoder: Any, scenes: Scenes) -> None:
    """Set `scaling_factor` so that the scenes' latents have standard deviation 1 (Rombach et al. 2022, appendix G)."""
    autoencoder.register_to_config(scaling_factor=1.0)
    latents = encode_scenes(autoencoder, scenes, autoencoder.config.sample_size)
    autoencoder.register_to_config(scaling_factor=1 / latents.std().item())
