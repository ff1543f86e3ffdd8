from typing import Any

import pytest
import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMPipeline, DDPMScheduler

from difflab import UnconditionalPipeline
from difflab.diffusion.pretrained import load_pretrained
from difflab.diffusion.schedules import make_betas
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.errors import UserError
from tests.factories import network, schedule

NETWORK = network(add_attention=True)


def test_a_folder_of_diffusers_gives_its_unet(tmp_path):
    unet = make_unet(NETWORK, 8, conditional=False).eval()
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path)
    noise, t = torch.randn(1, 3, 8, 8), torch.tensor(5)
    loaded = load_pretrained(str(tmp_path)).unet.eval()
    torch.testing.assert_close(loaded(noise, t).sample, unet(noise, t).sample)


def test_a_folder_of_this_pipeline_keeps_its_beta_patches_and_prediction(tmp_path):
    betas = make_betas(schedule("cosine", 12))
    unet = make_unet(network(patch_size=2, attention_levels=1, scale_shift=True), 8, conditional=False).eval()
    parameterization = {"prediction_type": "v_prediction", "patch_size": 2}
    save_model_folder(tmp_path, "UnconditionalPipeline", {"unet": unet.half()}, betas, **parameterization)
    loaded = load_pretrained(str(tmp_path))
    assert loaded.unet.dtype == torch.float32 and loaded.image_size == 8
    assert torch.equal(loaded.betas, betas)
    assert (loaded.scheduler.config["prediction_type"], loaded.config["patch_size"]) == ("v_prediction", 2)
    noise, t = torch.randn(1, 12, 4, 4), torch.tensor(5)
    torch.testing.assert_close(loaded.unet(noise, t).sample, unet.float()(noise, t).sample)


@pytest.mark.parametrize("beta_schedule", ["linear", "scaled_linear", "squaredcos_cap_v2"])
@pytest.mark.parametrize("kind", [DDPMScheduler, DDIMScheduler])
def test_a_scheduler_that_computes_its_beta_samples_as_in_diffusers(kind, beta_schedule, tmp_path):
    unet = make_unet(NETWORK, 8, conditional=False).eval()
    saved = {DDPMScheduler: DDPMPipeline, DDIMScheduler: DDIMPipeline}[kind]
    saved(unet, kind(num_train_timesteps=20, beta_schedule=beta_schedule)).save_pretrained(tmp_path)
    pipeline = UnconditionalPipeline.from_pretrained(tmp_path)
    noise = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    found = pipeline(2, noise=noise, generator=torch.Generator(), num_inference_steps=4, output_type="pt").images

    scheduler: Any = DDIMScheduler.from_config(pipeline.scheduler.config, timestep_spacing="trailing")
    scheduler.set_timesteps(4)
    x = noise
    with torch.no_grad():
        for t in scheduler.timesteps:
            x = scheduler.step(unet(x, t).sample, int(t), x).prev_sample
    torch.testing.assert_close(found, x, rtol=1e-4, atol=1e-4)


def test_the_beta_of_a_linear_schedule_of_diffusers(tmp_path):
    DDPMPipeline(make_unet(NETWORK, 8, conditional=False), DDPMScheduler()).save_pretrained(tmp_path)
    expected = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    torch.testing.assert_close(UnconditionalPipeline.from_folder(tmp_path).betas, expected, rtol=1e-6, atol=0)


def test_no_such_folder_is_one_line():
    with pytest.raises(UserError, match=r"faces\.checkpoint: found 'no/such/folder', allowed: ") as error:
        load_pretrained("no/such/folder")
    assert "\n" not in str(error.value)
