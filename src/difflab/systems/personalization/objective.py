"""Training examples and objective of textual inversion and Custom Diffusion."""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from difflab.data.dataset import ImageDataset
from difflab.data.pixels import to_signed
from difflab.models.task import Task
from difflab.systems.text_to_image.model_folder import image_size
from difflab.systems.text_to_image.objective import draw_noise, noised
from difflab.systems.zero_shot.clip import tokenize

# "latents" (N, C, h, w), scaled for the U-Net, and "tokens" (N, L) of their captions.
Examples = dict[str, Tensor]
EMBEDDING = "embeddings.token_embedding.weight"  # in CLIPTextModel
CROSS_ATTENTION = ("attn2.to_k.weight", "attn2.to_v.weight")  # endings of the names of keys and values in the U-Net


def concept_examples(
    pipeline: StableDiffusionPipeline, images: ImageDataset, token: str, templates: Sequence[str]
) -> Examples:
    """Training examples of a concept: N images and their horizontal flips, each with all T captions: 2·N·T rows.

    Images are resized to the model's size. Raises UserError when the tokenizer does not know a word of a caption.
    """
    captions = [template.format(token=token) for template in templates]
    pixels = images.resized(image_size(pipeline)).images
    latents = _encode(pipeline, torch.cat([pixels, pixels.flip(3)]))
    tokens = tokenize(pipeline.tokenizer, captions)
    return {"latents": latents.repeat_interleave(len(tokens), 0), "tokens": tokens.repeat(len(latents), 1)}


def prior_examples(pipeline: StableDiffusionPipeline, images: Tensor, captions: Sequence[str]) -> Examples:
    """Training examples from `images` (N, 3, S, S) uint8, of the model's size, each with its caption: N rows."""
    return {"latents": _encode(pipeline, images), "tokens": tokenize(pipeline.tokenizer, captions)}


def joined_examples(parts: Sequence[Examples]) -> Examples:
    """Concatenate the rows of all parts."""
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@torch.no_grad()
def _encode(pipeline: StableDiffusionPipeline, images: Tensor) -> Tensor:
    """The posterior mean of each image, scaled for the U-Net, (N, C, h, w) on the CPU."""
    pixels = to_signed(images.to(pipeline.device))
    means = [pipeline.vae.encode(image[None]).latent_dist.mean for image in pixels]
    return torch.cat(means).float().cpu() * pipeline.vae.config.scaling_factor


class PersonalizationTask(Task):
    """E ‖ε − ε_θ(√ᾱ_t z₀ + √(1−ᾱ_t) ε, t, c(y))‖² over latents z₀ and captions y (Rombach et al. 2022, eq. 3).

    If the model predicts v, it is the error of v. Textual inversion (Gal et al. 2022, eq. 2) trains the embeddings of
    the last `num_tokens` in the vocabulary. With `cross_attention`, the key and value projections of all
    cross-attention layers are trained too: this is Custom Diffusion (Kumari et al. 2022, section 3.1).
    """

    def __init__(self, pipeline: StableDiffusionPipeline, num_tokens: int, cross_attention: bool):
        """`pipeline` has the new tokens and is on the training device; its weights are not changed."""
        super().__init__()
        for network in (pipeline.text_encoder, pipeline.unet):
            network.requires_grad_(False).eval()
        self.frozen = (pipeline.text_encoder, pipeline.unet)
        table = pipeline.text_encoder.get_parameter(EMBEDDING)
        self.known = (table[:-num_tokens],)
        self.embeddings = nn.Parameter(table[-num_tokens:].clone())
        weights = dict(pipeline.unet.named_parameters())
        self.names = [name for name in weights if cross_attention and name.endswith(CROSS_ATTENTION)]
        self.projections = nn.ParameterList(weights[name].clone() for name in self.names)
        # The pipeline's own scheduler is for sampling, and may lack the target for v.
        self.scheduler: Any = DDPMScheduler.from_config(pipeline.scheduler.config)

    def draw(self, batch: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Draw noise and time steps for `latents` (N, C, h, w), scaled for the U-Net, with `tokens` (N, L)."""
        return batch | draw_noise(self.scheduler, batch["latents"], generator)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """The mean loss of `latents` and `noise` (N, C, h, w), `timesteps` (N,) and `tokens` (N, L)."""
        z, t, target = noised(self.scheduler, inputs)
        text_encoder, unet = self.frozen
        table = torch.cat([*self.known, self.embeddings])
        states = functional_call(text_encoder, {EMBEDDING: table}, (inputs["tokens"],))[0]
        weights = dict(zip(self.names, self.projections, strict=True))
        predicted = functional_call(unet, weights, (z, t, states)).sample
        return F.mse_loss(predicted.float(), target)
