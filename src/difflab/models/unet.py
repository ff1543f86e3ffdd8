"""The denoising network: diffusers' UNet2DModel on pixel-unshuffled images."""

from __future__ import annotations

from diffusers import UNet2DModel

from difflab.config.diffusion import NetworkParams


def make_unet(params: NetworkParams, image_size: int, conditional: bool) -> UNet2DModel:
    """A U-Net for 3-channel images of `image_size` pixels a side.

    It sees images as `pixel_unshuffle(images, patch_size)`: (N, 3·patch², size/patch, size/patch). White noise stays
    white noise under that permutation, so the diffusion is the same as in pixels. A conditional network takes the
    conditioning vector (N, time_embed_dim) as `class_labels` and adds it to the time embedding, of which each residual
    block makes a scale and a shift after its group norm (Dhariwal & Nichol 2021, arXiv:2105.05233, section 3.1).
    """
    levels = len(params.block_out_channels)
    channels = 3 * params.patch_size**2
    return UNet2DModel(
        sample_size=image_size // params.patch_size,
        in_channels=channels,
        out_channels=channels,
        block_out_channels=tuple(params.block_out_channels),
        down_block_types=("DownBlock2D",) * levels,
        up_block_types=("UpBlock2D",) * levels,
        layers_per_block=params.layers_per_block,
        add_attention=params.add_attention,
        attention_head_dim=params.attention_head_dim,
        norm_num_groups=params.norm_num_groups,
        time_embedding_dim=params.time_embedding_dim,
        class_embed_type="identity" if conditional else None,
        # The default adds the vector before the group norm, which can normalize part of it away.
        resnet_time_scale_shift="scale_shift" if conditional else "default",
    )
