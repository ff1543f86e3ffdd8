"""The ControlNet of a text-to-image model, and its objective."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F

from difflab.errors import UserError, reading
from difflab.models.safe_loading import load_weights, require_weights
from difflab.models.task import Task
from difflab.systems.text_to_image.objective import Captions, draw_noise, noised

MODEL = Path("models/controlnet")
SNAPSHOTS = MODEL / "snapshots"


def make_controlnet(pipeline: StableDiffusionPipeline, hint_channels: Sequence[int]) -> ControlNetModel:
    """A trainable copy of the U-Net's encoder with zero convolutions at its outputs (Zhang et al. 2023, section 3.1).

    It takes conditioning images (N, 3, S, S) in [0, 1]; `hint_channels` are the widths of their encoder. Raises
    UserError when this encoder does not downsample to the size of the latents.
    """
    halvings = pipeline.vae_scale_factor.bit_length() - 1
    if len(hint_channels) - 1 != halvings:
        found = f"controlnet.hint_channels: found {list(hint_channels)}, {len(hint_channels)} levels"
        raise UserError(f"{found}, allowed: {halvings + 1}, because the autoencoder halves an image {halvings} times")
    controlnet = ControlNetModel.from_unet(pipeline.unet, conditioning_embedding_out_channels=tuple(hint_channels))
    embedding: Any = controlnet.controlnet_cond_embedding
    _let_hints_through([embedding.conv_in, *embedding.blocks])
    return controlnet


@torch.no_grad()
def _let_hints_through(convolutions: Sequence[Any]) -> None:
    """Initialize the encoder of conditioning images to preserve the signal's scale (cf. He et al. 2015, section 2.2).

    SiLU halves small numbers, so the gain is 2. With PyTorch's default, the standard deviation of an outline at the
    output is 0.0003 instead of 0.3.
    """
    for convolution in convolutions:
        fan_in = convolution.weight[0].numel()
        nn.init.normal_(convolution.weight, std=2 / fan_in**0.5)
        nn.init.zeros_(convolution.bias)


def load_controlnet(folder: str | Path = MODEL) -> ControlNetModel:
    """Load a ControlNet, in eval mode. Raises UserError when it is missing or its weights are not finite."""
    with reading(folder):
        controlnet = ControlNetModel.from_pretrained(folder, use_safetensors=True, local_files_only=True).eval()
    require_weights(controlnet, folder)
    return controlnet


def load_snapshot(controlnet: ControlNetModel, file: str | Path) -> None:
    """Load the weights of a training step, from a snapshot of ControlTask, into `controlnet`.

    Raises UserError when the file cannot be read or does not match the network.
    """
    load_weights(controlnet, file, "controlnet.")


def snapshot_files() -> list[Path]:
    """The snapshots of the ControlNet, by training step; the last has its final weights."""
    return sorted(SNAPSHOTS.glob("step_*.safetensors"))


def with_control(pipeline: StableDiffusionPipeline, controlnet: ControlNetModel) -> StableDiffusionControlNetPipeline:
    """A pipeline with the components of `pipeline` and the ControlNet."""
    controlled = StableDiffusionControlNetPipeline(
        **pipeline.components, controlnet=controlnet, requires_safety_checker=False
    )
    controlled.set_progress_bar_config(disable=True)
    return controlled


class ControlTask(Task):
    """E ‖ε − ε_θ(z_t, t, c(y), h)‖² over latents, captions and hints h (Zhang et al. 2023, eq. 5), or the same for v.

    Only the ControlNet is trained.
    """

    def __init__(
        self,
        controlnet: ControlNetModel,
        unet: UNet2DConditionModel,
        scheduler: Any,
        captions: Captions,
        hints: Callable[[dict[str, Tensor]], Tensor],
    ):
        """`unet` is on the training device; `hints` maps a batch to its conditioning images, (N, 3, S, S) in [0, 1]."""
        super().__init__()
        self.controlnet = controlnet
        self.frozen = (unet.requires_grad_(False).eval(),)
        self.scheduler, self.captions, self.hints = scheduler, captions, hints

    def draw(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Draw noise and time steps for `latents` (N, C, h, w), and drop some captions of `tokens` (N, L).

        The batch also has the tensors that `hints` reads. Returns the input of `forward`.
        """
        tokens = self.captions.draw(batch["tokens"], generator)
        hints = self.hints(batch).to(batch["latents"].device)
        noise = draw_noise(self.scheduler, batch["latents"], generator)
        return {"latents": batch["latents"], "tokens": tokens, "hints": hints} | noise

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `latents` and `noise` (N, C, h, w), `timesteps` (N,), `tokens` (N, L) and `hints`."""
        (unet,) = self.frozen
        states = self.captions(inputs["tokens"])
        z, t, target = noised(self.scheduler, inputs)
        down, middle = self.controlnet(z, t, states, controlnet_cond=inputs["hints"], return_dict=False)
        predicted = unet(
            z, t, states, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample
        return F.mse_loss(predicted.float(), target)
