"""The stages that sample a study's images, on small random models: images, noises and sampling settings."""

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
from difflab.diffusion.schedules import linear_betas
from difflab.errors import UserError
from stages.digits import sample
from stages.digits.study_samples import few_steps_samples, fid_samples, guidance_samples


def almost_equal(one: Tensor, other: Tensor) -> bool:
    """But for what batches round differently."""
    return bool((one.int() - other.int()).abs().max() <= 1)


def drawn_by(pipeline, *what, seed: int, noises, **options) -> Tensor:
    pipeline.set_progress_bar_config(disable=True)
    return to_uint8(pipeline(*what, generator=bank_generators(seed, noises), output_type="pt", **options).images)


def test_fid_samples_are_of_the_rebuilt_schedule(workspace, run_stage):
    run_stage(fid_samples, "free", "5")
    drawn = load_file("studies/fid/5.safetensors")
    assert set(drawn) == {"seed-2", "seed-9"}
    pipeline = UnconditionalPipeline.from_folder(Path("models/free"))
    pipeline.replace_betas(linear_betas(5, 0.001, 0.2))
    for seed in (2, 9):
        expected = drawn_by(pipeline, 10, seed=seed, noises=range(10), sampler="ddpm", num_inference_steps=5)
        assert almost_equal(drawn[f"seed-{seed}"], expected)


@pytest.mark.parametrize("length", ["-3", "1"])
def test_fid_samples_take_two_steps_at_least(workspace, run_stage, length):
    with pytest.raises(UserError, match=rf"^length: found {length}, allowed: integer ≥ 2$"):
        run_stage(fid_samples, "free", length)


def test_few_steps_samples_are_of_each_sampler_and_of_all_steps(workspace, run_stage):
    run_stage(few_steps_samples, "guided")
    drawn = load_file("studies/few_steps/guided.safetensors")
    assert set(drawn) == {"ddim-2", "ddim-4", "dpmsolver++-2", "dpmsolver++-4", "ddpm-20"}
    pipeline = DigitPipeline.from_folder(Path("models/guided"))
    for name, images in drawn.items():
        sampler, _, steps = name.rpartition("-")
        options = {"sampler": sampler, "num_inference_steps": int(steps), "guidance_scale": 3.0}
        noises = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
        assert almost_equal(images, drawn_by(pipeline, [3, 5] * 5, "mnistm", seed=6, noises=noises, **options))


def test_few_steps_samples_without_a_condition(workspace, run_stage):
    run_stage(few_steps_samples, "free")
    drawn = load_file("studies/few_steps/free.safetensors")
    assert set(drawn) == {"ddim-2", "ddim-4", "ddpm-20"}
    pipeline = UnconditionalPipeline.from_folder(Path("models/free"))
    options = {"sampler": "ddim", "num_inference_steps": 4}
    assert almost_equal(drawn["ddim-4"], drawn_by(pipeline, 10, seed=6, noises=range(10), **options))


def test_guidance_samples_with_the_recipes_own_scale_are_the_recipes_samples(workspace, run_stage):
    run_stage(guidance_samples, "guided")
    drawn = load_file("studies/guidance.safetensors")
    assert set(drawn) == {"s=1", "s=3", "s=2.5"}
    run_stage(sample, "guided")
    for i, image in enumerate(drawn["s=3"]):
        file = Path(f"samples/guided/mnistm/{[3, 5][i % 2]}_{i // 2 + 1:03d}.png")
        pixels = torch.tensor(list(Image.open(file).tobytes())).reshape(8, 8, 3)
        assert almost_equal(image.permute(1, 2, 0), pixels)
    assert not almost_equal(drawn["s=3"], drawn["s=2.5"])


@pytest.mark.parametrize(
    ("stage", "arguments", "model"),
    [
        (fid_samples, ["free", "5"], "free"),
        (few_steps_samples, ["guided"], "guided"),
        (guidance_samples, ["guided"], "guided"),
    ],
)
def test_no_model_is_one_line(workspace, run_stage, stage, arguments, model):
    shutil.rmtree(f"models/{model}")
    with pytest.raises(UserError, match=rf"^models/{model}: no trained model here \(model_index.json not found\)$"):
        run_stage(stage, *arguments)
    assert not Path("studies").exists()


def test_an_unknown_recipe_is_one_line(workspace, run_stage):
    line = r"^params\.yaml: studies\.few_steps\.none: found no 'none' there, allowed: free, guided$"
    with pytest.raises(UserError, match=line):
        run_stage(few_steps_samples, "none")
