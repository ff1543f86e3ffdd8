"""Trained and frozen weights, bit for bit; outputs before the first step; conditioning images that do not fit."""

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from diffusers import ControlNetModel, DDPMScheduler

from difflab.data.circles import render_conditioning_images
from difflab.errors import UserError
from difflab.systems.controlnet.examples import CircleExamples
from difflab.systems.controlnet.network import (
    ControlTask,
    load_controlnet,
    make_controlnet,
    with_control,
)
from difflab.systems.controlnet.sampling import sample_controlled
from difflab.systems.text_to_image.objective import Captions
from difflab.systems.text_to_image.sampling import sample_prompts
from difflab.systems.zero_shot.clip import tokenize
from difflab.training.checkpoint import RollingCheckpoint
from difflab.training.device import frozen_dtype
from difflab.training.fit import fit
from tests.systems.text_to_image.tiny import (
    CAPTIONS,
    SAMPLING,
    SIZE,
    TRAINING,
    equal,
    make_pipeline,
    make_scenes,
    weights,
)

CHANNELS = [4, 4, 8]


def trained(pipeline, folder: Path, accelerator: Accelerator | None = None, **changes) -> ControlNetModel:
    scenes = make_scenes()
    torch.manual_seed(1)
    controlnet = make_controlnet(pipeline, CHANNELS)
    (empty,) = tokenize(pipeline.tokenizer, [""])
    captions = Captions(pipeline.text_encoder, empty, 0.5)
    scheduler = DDPMScheduler.from_config(pipeline.scheduler.config)
    examples = CircleExamples(scenes)
    hints = partial(examples.hints, size=SIZE)
    task = ControlTask(controlnet, pipeline.unet, scheduler, captions, hints)
    data = {
        "latents": examples.encode(pipeline.vae, SIZE),
        "tokens": tokenize(pipeline.tokenizer, CAPTIONS),
        **examples.data,
    }
    training = TRAINING.model_copy(update={"num_epochs": 4} | changes)
    fit(task, data, training, accelerator or Accelerator(cpu=True), RollingCheckpoint(folder))
    return controlnet


def test_the_controlnet_alone_moves(tmp_path):
    pipeline = make_pipeline()
    frozen = (pipeline.unet, pipeline.text_encoder, pipeline.vae)
    before, start = weights(*frozen), make_controlnet(pipeline, CHANNELS)
    controlnet = trained(pipeline, tmp_path)
    assert equal(before, weights(*frozen))
    zero = controlnet.controlnet_mid_block.weight
    assert (start.controlnet_mid_block.weight == 0).all() and (zero != 0).any()
    assert not torch.equal(start.conv_in.weight, controlnet.conv_in.weight)
    assert (controlnet.controlnet_cond_embedding.conv_out.weight != 0).any()


def test_in_bf16_what_does_not_move_takes_half_the_memory(tmp_path):
    trained(make_pipeline(), tmp_path / "fp32")
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        accelerator = Accelerator(cpu=True, mixed_precision="bf16")
        pipeline = make_pipeline().to(frozen_dtype(accelerator))
        controlnet = trained(pipeline, tmp_path / "bf16", accelerator, gradient_checkpointing=True)
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    assert {parameter.dtype for parameter in pipeline.unet.parameters()} == {torch.bfloat16}
    assert {parameter.dtype for parameter in controlnet.parameters()} == {torch.float32}
    [expected], [loss] = (RollingCheckpoint(tmp_path / name).log.read_text().splitlines() for name in ("fp32", "bf16"))
    assert json.loads(loss)["loss"] == pytest.approx(json.loads(expected)["loss"], rel=0.01)


def test_hints_go_on_as_strong_as_they_come():
    """Where they are drawn; after PyTorch's own random weights a thousandth of them would be left."""
    torch.manual_seed(0)
    layers = make_controlnet(make_pipeline(), [16, 32, 32]).controlnet_cond_embedding
    hints = render_conditioning_images(torch.rand(64, 2, 3) * 0.3 + 0.2, SIZE)
    features = hints
    with torch.no_grad():
        for convolution in [layers.conv_in, *layers.blocks]:
            features = torch.nn.functional.silu(convolution(features))
    assert 0.5 < features.std(0).mean() / hints.std(0).mean() < 4
    assert (layers.conv_out.weight == 0).all()


def test_before_training_it_says_nothing(tmp_path):
    """Zero convolutions: the images are those of the model itself, bit for bit; after a few steps they are not."""
    pipeline, hints = make_pipeline(), render_conditioning_images(make_scenes().geometry, SIZE)
    alone = sample_prompts(pipeline, CAPTIONS, range(3), SAMPLING)
    untrained = with_control(pipeline, make_controlnet(pipeline, CHANNELS))
    assert torch.equal(sample_controlled(untrained, CAPTIONS, hints, range(3), SAMPLING), alone)
    controlled = with_control(pipeline, trained(pipeline, tmp_path, num_epochs=60))
    images = sample_controlled(controlled, CAPTIONS, hints, range(3), SAMPLING)
    assert not torch.equal(images, alone)
    assert torch.equal(sample_controlled(controlled, CAPTIONS, hints, range(3), SAMPLING, scale=0.0), alone)
    (single,) = sample_controlled(controlled, CAPTIONS[2:], hints[2:], [2], SAMPLING)
    assert (single.int() - images[2].int()).abs().max() <= 1
    (elsewhere,) = sample_controlled(controlled, CAPTIONS[2:], hints[:1], [2], SAMPLING)
    assert not torch.equal(elsewhere, single)


@pytest.mark.parametrize("shape", [(1, 3, SIZE // 2, SIZE // 2), (1, 3, SIZE, 2 * SIZE), (1, 1, SIZE, SIZE)])
def test_a_hint_of_another_size_is_refused(shape):
    pipeline = make_pipeline()
    controlled = with_control(pipeline, make_controlnet(pipeline, CHANNELS))
    with pytest.raises(UserError, match=f"^hint: found {shape[1]} channels of .* allowed: 3 of {SIZE}×{SIZE}$"):
        sample_controlled(controlled, CAPTIONS[:1], torch.zeros(shape), [0], SAMPLING)


def test_hints_shrink_as_images_do():
    with pytest.raises(UserError, match=r"^controlnet\.hint_channels: found \[4, 8\], 2 levels, allowed: 3"):
        make_controlnet(make_pipeline(), [4, 8])


def test_a_folder_without_a_controlnet_is_named(tmp_path):
    with pytest.raises(UserError, match="none: cannot be read"):
        load_controlnet(tmp_path / "none")
