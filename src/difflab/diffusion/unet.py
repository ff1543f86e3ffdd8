"""U-Nets for diffusion in pixel space, saved as a folder that a DiffusionPipeline can load."""

import json
from pathlib import Path
from typing import Literal

import diffusers
from diffusers import DDPMScheduler, ModelMixin, UNet2DModel
from torch import Tensor

from difflab.config.diffusion import NetworkParams


def make_unet(params: NetworkParams, image_size: int, conditional: bool) -> UNet2DModel:
    """A U-Net for 3-channel images of `image_size` pixels a side.

    Its input is `pixel_unshuffle(images, patch_size)`: (N, 3·patch², size/patch, size/patch). White noise is invariant
    under this permutation, so the diffusion is the same as in pixel space. A conditional network takes conditioning
    vectors (N, time_embed_dim) as `class_labels` and adds them to the time embedding, which each residual block
    projects to a scale and a shift after its group norm (Dhariwal & Nichol 2021, arXiv:2105.05233, section 3.1).
    """
    attending = params.attention_levels
    others = len(params.block_out_channels) - attending
    channels = 3 * params.patch_size**2
    return UNet2DModel(
        sample_size=image_size // params.patch_size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=tuple(params.block_out_channels),
        down_block_types=("DownBlock2D",) * others + ("AttnDownBlock2D",) * attending,
        up_block_types=("AttnUpBlock2D",) * attending + ("UpBlock2D",) * others,
        layers_per_block=params.layers_per_block,
        dropout=params.dropout,
        add_attention=params.add_attention,
        attention_head_dim=params.attention_head_dim,
        norm_num_groups=params.norm_num_groups,
        time_embedding_dim=params.time_embedding_dim,
        class_embed_type="identity" if conditional else None,
        # The default adds the vector before the group norm, which can remove part of it.
        resnet_time_scale_shift="scale_shift" if conditional or params.scale_shift else "default",
    )


def save_model_folder(
    folder: Path,
    pipeline: str,
    models: dict[str, ModelMixin],
    betas: Tensor,
    *,
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon",
    patch_size: int = 1,
) -> None:
    """Write `folder` in diffusers' layout for the class `pipeline` of difflab.diffusion.pipelines.

    `models`: by component name ("unet", "condition"). `betas`: (T,) float64, saved in the scheduler's configuration
    without loss of precision.
    """
    scheduler = DDPMScheduler(
        num_train_timesteps=len(betas),
        trained_betas=betas.tolist(),
        variance_type="fixed_small",
        clip_sample=True,
        prediction_type=prediction_type,
    )
    index: dict[str, object] = {"_class_name": pipeline, "_diffusers_version": diffusers.__version__}
    for name, component in {**models, "scheduler": scheduler}.items():
        component.save_pretrained(folder / name)
        module = type(component).__module__
        index[name] = ["diffusers" if module.startswith("diffusers.") else module, type(component).__name__]
    index["patch_size"] = patch_size
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
