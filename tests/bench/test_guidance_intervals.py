"""The benchmark of guidance intervals, on an untrained network."""

import re
from pathlib import Path

import pytest
import torch

from bench import guidance
from bench.grading import Grader
from bench.with_difflab import recipe_task
from difflab.diffusion.pipelines import DigitPipeline, load_recipe
from difflab.diffusion.schedules import make_betas
from difflab.diffusion.unet import save_model_folder
from tests.bench.small_recipe import EVALUATION, recipe, write_inputs


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_inputs()
    params = recipe(conditional=True)
    torch.manual_seed(0)
    _, components = recipe_task(params, 8)
    form = {"prediction_type": params.network.prediction_type, "patch_size": params.network.patch_size}
    save_model_folder(Path("models/small"), "DigitPipeline", components, make_betas(params.schedule), **form)
    return params


def test_an_interval_of_all_steps_is_no_interval(model):
    pipeline = load_recipe("models/small", True, "cpu")
    assert isinstance(pipeline, DigitPipeline)
    requests = Grader(model, EVALUATION, 20).requests
    plain, everywhere, half = (
        guidance.sample(pipeline, model, requests, interval) for interval in (None, (0, 1), (0.5, 1))
    )
    assert torch.equal(plain, everywhere)
    assert not torch.equal(plain, half)


def test_one_row_for_each_interval(model, capsys):
    guidance.compare("small", model, Grader(model, EVALUATION, 20), rounds=1)
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(guidance.INTERVALS)
    assert re.match(r"\| \[0, 1\) \| [\d.]+ \| 1\.00 \(1\.00-1\.00\) \|", rows[0])
