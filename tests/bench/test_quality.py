"""The benchmark of quality: its arithmetic, its peers, and a whole run with a small budget."""

from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from torch.nn import functional as F

from bench import with_teapearce
from bench.contender import Begun, Contender
from bench.grading import Grader
from bench.quality import Result, contenders, measure, plots, report, seconds_to_reach
from bench.with_difflab import for_steps
from bench.with_teapearce import ContextUnet
from difflab.classifiers.digit_classifier import load_digit_classifier
from difflab.config.training import TrainingParams
from difflab.diffusion.sampling import guided
from difflab.evaluation.distribution_metrics import Features, RealImages, classifier_extractor, distance_metrics
from tests.bench.small_recipe import EVALUATION, recipe, write_inputs


def result(seconds, accuracy, frechet):
    return Result("x", seconds, seconds, 1, {"accuracy": {"value": accuracy}, "frechet": {"value": frechet}})


def test_seconds_to_reach_interpolates_over_log_time():
    curve = [result(10, 0.5, 30.0), result(40, 0.9, 10.0)]
    assert seconds_to_reach(curve, "frechet", 20.0) == pytest.approx(20)  # half way from 10 to 40 in log(time)
    assert seconds_to_reach(curve, "accuracy", 0.8) == pytest.approx(10 * 4**0.75)
    assert seconds_to_reach(curve, "frechet", 35.0) == pytest.approx(10)
    assert seconds_to_reach(curve, "accuracy", 0.95) is None


@pytest.mark.parametrize(("num_steps", "epochs", "rows"), [(3, 1, 12), (25, 1, 100), (26, 1, 104), (60, 2, 120)])
def test_a_number_of_steps_as_epochs(num_steps, epochs, rows):
    params = TrainingParams(seed=0, num_epochs=7, batch_size=4, learning_rate=0.1, num_snapshots=2)
    indices, training = for_steps(params, 100, num_steps)
    assert (training.num_epochs, len(indices), training.num_snapshots) == (epochs, rows, 0)
    assert epochs * rows // 4 == num_steps
    counts = indices.bincount(minlength=100)
    assert counts.max() - counts.min() <= 1


def test_null_context_is_the_prediction_with_weight_minus_one():
    torch.manual_seed(0)
    network = ContextUnet(8, 8).eval()
    x, context = (
        torch.randn(4, 3, 8, 8),
        100 * F.one_hot(torch.arange(4), 10).float(),
    )  # far from ∅ for an untrained network
    with torch.no_grad():
        null = network(x, torch.full((4,), 0.5), torch.zeros(4, 10))
        conditional = network(x, torch.full((4,), 0.5), context)
        assert not torch.allclose(null, conditional, atol=1e-3)
        for weight, expected in ((-1.0, null), (0.0, conditional), (2.0, 3 * conditional - 2 * null)):
            found = with_teapearce.guided(network, x, 0.5, context, weight)
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        ours = guided(lambda x, t, c: network(x, torch.full((len(x),), 0.5), c), context, 0 * context, 3.0)
        torch.testing.assert_close(ours(x, 0), found, atol=1e-5, rtol=1e-5)


def test_teapearce_samples_a_known_gaussian():
    """With the exact ε of N(m, s²) all T steps of DDPM end in N(m, s²), m = 0.2 and s = 0.3."""

    class Exact(torch.nn.Module):
        def forward(self, x, time, context):
            _, products = with_teapearce.linear_schedule()
            product = products[(time * with_teapearce.NUM_TIMESTEPS).round().long() - 1][:, None, None, None]
            variance = product * 0.09 + 1 - product
            return (1 - product).sqrt() * (x - product.sqrt() * 0.2) / variance

    images = with_teapearce.sample(Exact(), [0] * 20, 16, weight=2.0).float() / 127.5 - 1
    assert images.mean().item() == pytest.approx(0.2, abs=0.02)
    assert images.std().item() == pytest.approx(0.3, abs=0.02)


def test_teapearce_has_the_schedule_of_diffusers():
    scheduler = DDPMScheduler(num_train_timesteps=400, beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    betas, products = with_teapearce.linear_schedule()
    torch.testing.assert_close(betas, scheduler.betas)
    torch.testing.assert_close(products, scheduler.alphas_cumprod)


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_inputs()


def test_all_digits_are_those_of_the_data_set(prepared):
    params = recipe(conditional=True)
    every = Grader(params.model_copy(update={"data": {"mnistm": "all"}}), EVALUATION, 20).requests
    assert every == Grader(params, EVALUATION, 20).requests


def test_a_small_budget_runs_through(prepared, monkeypatch, capsys):
    monkeypatch.setattr(with_teapearce, "NUM_TIMESTEPS", 3)
    params = recipe(conditional=True)
    grader = Grader(params, EVALUATION, num_images=20)
    results = measure(contenders("small", params), [0.1, 0.05], grader)
    teapearce = [f"TeaPearce-style DDPM, w = {w}" for w in ("0.5", "2")]
    assert [(each.name, each.budget) for each in results] == [
        *[("small", 0.05), ("small", 0.1)],
        *[(name, budget) for budget in (0.05, 0.1) for name in teapearce],
    ]
    for each in results:
        assert set(each.grades) == {"accuracy", "frechet"}
        assert each.seconds > 0 and each.num_steps > 0
        assert each.grades["accuracy"]["low"] <= each.grades["accuracy"]["value"] <= each.grades["accuracy"]["high"]
        assert each.grades["frechet"]["value"] > 0
    report("small", results)
    assert capsys.readouterr().out.count("| small |") == 2
    [accuracy, frechet] = plots("small", results, grader.real_baseline)
    assert (len(accuracy.curves), frechet.levels) == (3, {"real against real": grader.real_baseline})


def test_without_an_end_one_training_is_sampled_at_each_budget(prepared):
    begun = []

    def begin(num_steps):
        network = torch.nn.Identity()

        def train():
            while True:
                network(torch.ones(100, 100) @ torch.ones(100, 100))

        def sample(requests):
            return {"": torch.randint(256, (len(requests), 3, 8, 8), dtype=torch.uint8)}

        begun.append(network)
        return Begun(network, train, sample)

    params = recipe(conditional=False)
    endless = Contender("endless", 1, False, begin)
    results = measure([endless], [0.02, 0.04, 0.08], Grader(params, EVALUATION, 20))
    assert len(begun) == 2  # the trial and one training
    assert [each.budget for each in results] == [0.02, 0.04, 0.08]
    assert all(each.budget <= each.seconds < 2 * each.budget for each in results)
    assert results[0].num_steps < results[1].num_steps < results[2].num_steps
    assert set(results[0].grades) == {"frechet"}


def test_grades_equal_those_of_the_pipeline(prepared):
    """One domain: the accuracy and Fréchet distance of `evaluate`."""
    params = recipe(conditional=True)
    grader = Grader(params, EVALUATION, num_images=20)
    images = torch.randint(256, (20, 3, 8, 8), dtype=torch.uint8)
    grades = grader.grade(images)
    judge = load_digit_classifier("models/judges/mnistm")
    digits = torch.arange(20) % 10
    real = RealImages.load("prepared/sets/mnistm.safetensors", "all", images, EVALUATION)
    features = Features.of(classifier_extractor(judge, Path("models/judges/mnistm")), images, real)
    expected = distance_metrics(features, digits, EVALUATION)["frechet"]
    assert grader.real_baseline == expected.pop("floor")
    assert grades["frechet"] == pytest.approx(expected)
    assert grades["accuracy"]["value"] == (judge.predict(images) == digits).double().mean().item()
