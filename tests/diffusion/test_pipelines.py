"""The pipelines on a small random model: batches, bytes, folders, bad calls."""

import pytest
import torch
from diffusers import DDPMScheduler, UNet2DModel

from difflab.data.pixels import to_uint8
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline
from difflab.diffusion.samplers import SamplingError, make_sampler
from difflab.diffusion.sampling import sample
from difflab.diffusion.schedules import linear_betas
from difflab.models.conditioning import ClassEmbeddingCondition, DigitDomainCondition, OneHotCondition

SAMPLERS = [{"sampler": "ddim"}, {"sampler": "ddim", "eta": 0.8}, {"sampler": "ddpm"}, {"sampler": "dpmsolver++"}]


@pytest.fixture
def digits(digit_model) -> DigitPipeline:
    pipeline = DigitPipeline.from_folder(digit_model)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture
def unconditional(unconditional_model) -> UnconditionalPipeline:
    pipeline = UnconditionalPipeline.from_folder(unconditional_model)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sixty_four(pipeline: DigitPipeline, batch_size: int, **options) -> torch.Tensor:
    """Images of noises 0..63, all digits and both domains, in batches."""
    images = []
    for start in range(0, 64, batch_size):
        numbers = range(start, start + batch_size)
        images.append(
            pipeline(
                digit=[i % 10 for i in numbers],
                domain=[("mnistm", "svhn")[i % 2] for i in numbers],
                generator=bank_generators(0, numbers),
                num_inference_steps=3,
                output_type="pt",
                **options,
            ).images
        )
    return torch.cat(images)


@pytest.mark.parametrize("options", SAMPLERS, ids=str)
def test_batch_size_1_and_64_give_the_same_images(digits, options):
    single, batched = sixty_four(digits, 1, **options), sixty_four(digits, 64, **options)
    assert (to_uint8(single).int() - to_uint8(batched).int()).abs().max() <= 1
    torch.testing.assert_close(single, batched, rtol=0, atol=1e-3)
    assert torch.equal(batched, sixty_four(digits, 64, **options))  # and the same bytes twice


def test_output_types_and_trace(digits):
    call = {"digit": 7, "domain": "svhn", "num_inference_steps": 5, "trace_steps": 6}
    pil = digits(**call, generator=bank_generators(0, [0]))
    pt = digits(**call, generator=bank_generators(0, [0]), output_type="pt")
    assert pil.images[0].size == (8, 8)
    assert torch.equal(torch.tensor(list(pil.images[0].tobytes())), to_uint8(pt.images[0]).permute(1, 2, 0).flatten())
    assert pt.trace.times == [100, 80, 60, 40, 20, 0]
    assert torch.equal(pt.trace.images[-1], pt.images)
    assert pt.images.abs().max() <= 1  # clip_sample


@pytest.mark.parametrize(
    ("interval", "guided"),
    [(None, [True] * 5), ((0.0, 1.0), [True] * 5), ((0.2, 0.7), [False, False, True, True, False])],
)
def test_guidance_in_an_interval_of_time(digits, interval, guided):
    """Five of 100 time steps: 99, 79, 59, 39, 19."""
    sizes = []
    handle = digits.unet.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))
    try:
        digits([1, 2], "svhn", generator=bank_generators(0, [0, 1]), num_inference_steps=5, guidance_interval=interval)
    finally:
        handle.remove()
    assert sizes == [4 if with_null else 2 for with_null in guided]


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_network_sees_unshuffled_pixels_of_the_bank(digits, prediction_type):
    """Noise is drawn in pixels, so that it is the same for every patch size; one step is x̂₀ of it."""
    digits.scheduler.register_to_config(prediction_type=prediction_type)
    trace = digits(5, "svhn", generator=bank_generators(3, [2]), num_inference_steps=1, guidance_scale=1).trace
    (generator,) = bank_generators(3, [2])
    noise = torch.randn(1, 3, 8, 8, generator=generator)
    assert torch.equal(trace.images[0], noise)
    with torch.inference_mode():
        condition = digits.condition(torch.tensor([5]), torch.tensor([1]))
        patches = torch.nn.functional.pixel_unshuffle(noise, 2)
        predicted = torch.nn.functional.pixel_shuffle(digits.unet(patches, 99, class_labels=condition).sample, 2)
    alpha = torch.cumprod(1 - linear_betas(100, 1e-3, 0.2), 0)[99]
    expected = {
        "epsilon": (noise - (1 - alpha).sqrt() * predicted) / alpha.sqrt(),
        "v_prediction": alpha.sqrt() * noise - (1 - alpha).sqrt() * predicted,
    }[prediction_type]
    torch.testing.assert_close(trace.images[-1], expected.clamp(-1, 1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "component"),
    [
        ("digit_and_domain", DigitDomainCondition),
        ("class_embedding", ClassEmbeddingCondition),
        ("one_hot", OneHotCondition),
    ],
)
def test_a_pipeline_of_each_condition_comes_back_from_a_folder(digit_models, tmp_path, kind, component):
    before = DigitPipeline.from_folder(digit_models[kind])
    before.save_pretrained(tmp_path / "again")
    again = DigitPipeline.from_pretrained(tmp_path / "again")
    assert isinstance(again.unet, UNet2DModel) and isinstance(again.condition, component)
    assert isinstance(again.scheduler, DDPMScheduler)
    assert again.scheduler.config["trained_betas"] == linear_betas(100, 1e-3, 0.2).tolist()
    call = {"digit": [1, 2], "domain": "mnistm", "num_inference_steps": 3, "output_type": "pt"}
    images = []
    for pipeline in (before, again):
        pipeline.set_progress_bar_config(disable=True)
        images.append(pipeline(**call, generator=bank_generators(0, [0, 0])).images)
    assert torch.equal(*images)
    assert not torch.allclose(images[0][0], images[0][1], atol=1e-3)  # the condition has its say


def test_schedule_of_another_length(unconditional):
    """The network sees the time steps of 0 … T'-1 as they are, and T' = T changes no byte."""
    options = {"sampler": "ddpm", "num_inference_steps": 12}
    call = {"count": 2, "output_type": "pt", "trace_steps": 5, **options}
    seen, forward = [], unconditional.unet.forward

    def watched(x, timestep, **labels):
        seen.append(timestep)
        return forward(x, timestep, **labels)

    unconditional.unet.forward = watched
    trained = unconditional(**call, generator=bank_generators(0, range(2))).trace
    for length in (100, 12, 144):
        betas = linear_betas(length, 1e-3, 0.2)
        unconditional.replace_betas(betas)
        seen.clear()
        trace = unconditional(**call, generator=bank_generators(0, range(2))).trace
        sampler = make_sampler(betas, **options)
        assert seen == sampler.timesteps and seen[0] == length - 1
        assert trace.times[0] == length
        assert torch.equal(trace.images, trained.images) == (length == 100)
        generators = bank_generators(0, range(2))
        noise = torch.cat([torch.randn(1, 3, 8, 8, generator=generator) for generator in generators])
        assert torch.equal(trace.images, sample(unconditional._network, sampler, noise, generators, 0, 5).images)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"digit": 11}, "digit: found 11, allowed: 0 to 9"),
        ({"digit": [1, -1]}, "digit: found -1, allowed: 0 to 9"),
        ({"domain": "usps"}, "domain: found 'usps', allowed: mnistm, svhn"),
        ({"digit": [1, 2], "domain": ["svhn"]}, "digit, domain: found 2 and 1 of them, allowed: as many of each"),
        ({"eta": 2}, "eta: found 2, allowed: 0 to 1 with DDIM, else 0"),
        ({"output_type": "np"}, "output_type: found 'np', allowed: 'pil', 'pt'"),
        ({"generator": bank_generators(0, range(2))}, "generator: found 2, allowed: 1, or one for each of 1 images"),
    ],
)
def test_bad_calls_are_refused_in_one_line(digits, arguments, line):
    call = {"digit": 7, "domain": "svhn", "generator": bank_generators(0, [0]), "num_inference_steps": 2}
    with pytest.raises(ValueError) as error:
        digits(**call | arguments)
    assert str(error.value) == line


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(SamplingError, match=r"none: no trained model here \(model_index.json not found\)$"):
        DigitPipeline.from_folder(tmp_path / "none")


def test_uint8_rounds_and_clamps():
    values = torch.tensor([-3.0, -1.0, -1 + 1.01 / 255, -1 + 0.99 / 255, 0.0, 1.0, 3.0])
    assert to_uint8(values).tolist() == [0, 0, 1, 0, 128, 255, 255]
