"""The code on a model's card loads the model and samples with it."""

import re
import shutil
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from as_if_run import record
from mlflow.exceptions import MlflowException
from PIL import Image

from difflab.diffusion.samplers import SamplingError
from difflab.diffusion.unet import make_unet, save_model_folder
from difflab.history.revisions import Revision
from difflab.models.conditioning import make_condition
from difflab.tracking.registry import model_card
from difflab.tracking.sending import track
from difflab.tracking.store import tracking_uri
from tests.diffusion.conftest import BETAS, NETWORK, SIZE, digit_models, one_thread, unconditional_model
from tests.factories import condition

__all__ = ["digit_models", "one_thread", "unconditional_model"]


def code_of(card: str) -> str:
    [code] = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    return code


def use_model(model: Path, **params: object) -> None:
    """In place of models/a/, made with `params` by dvc.lock."""
    shutil.rmtree("models/a")
    shutil.copytree(model, "models/a")
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    lock["stages"]["train@a"]["params"]["params.yaml"] |= params
    Path("dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))


@pytest.mark.parametrize(
    ("kind", "data"),
    [("digit_and_domain", {"svhn": [1, 3], "mnistm": [0]}), ("class_embedding", {"mnistm": [4, 5]})],
)
def test_code_of_the_card_samples_with_a_digit_pipeline(repository: Path, digit_models, kind, data) -> None:
    use_model(digit_models[kind], **{"recipes.a.data": data})
    names: dict = {}
    exec(code_of(model_card("models/a", Revision(None))), names)
    assert isinstance(names["image"], Image.Image) and names["image"].size == (SIZE, SIZE)


def test_code_of_the_card_samples_with_an_unconditional_pipeline(repository: Path, unconditional_model) -> None:
    use_model(unconditional_model)
    names: dict = {}
    exec(code_of(model_card("models/a", Revision(None))), names)
    assert isinstance(names["image"], Image.Image) and names["image"].size == (SIZE, SIZE)


def test_code_of_the_card_of_a_pipeline_of_diffusers_names_its_class(repository: Path) -> None:
    Path("models/a/model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    code = code_of(model_card("models/a", Revision(None)))
    assert "from diffusers import StableDiffusionPipeline" in code and "trust_remote_code" not in code


def registered(recipe: str):
    """The last version, as MLflow's users load it."""
    params = yaml.safe_load(Path("dvc.lock").read_text())["stages"]["train@a"]["params"]["params.yaml"]
    sections = {key.rpartition(".")[2]: value for key, value in params.items()}
    Path("params.yaml").write_text(yaml.safe_dump({"recipes": {"a": sections}}))
    record("train.py a", params=params)
    track()
    mlflow.set_tracking_uri(tracking_uri())
    return mlflow.pyfunc.load_model(f"models:/{recipe}/1")


def test_registered_recipe_is_a_model_that_samples(stored: Path, digit_models) -> None:
    use_model(digit_models["digit_and_domain"], **{"recipes.a.data": {"svhn": [1, 3], "mnistm": [0]}})
    model = registered("a")
    rows = pd.DataFrame({"seed": [5, 5, 6], "digit": [3, 3, 3], "domain": ["svhn"] * 3})
    images = model.predict(rows, {"num_inference_steps": 3, "guidance_scale": 2.0})
    assert images.shape == (3, SIZE, SIZE, 3) and images.dtype == np.uint8
    assert (images[0] == images[1]).all() and (images[0] != images[2]).any()
    assert (model.predict(rows[2:], {"num_inference_steps": 3, "guidance_scale": 2.0})[0] == images[2]).all()
    with pytest.raises(MlflowException, match="digit"):
        model.predict(rows[["seed"]])
    with pytest.raises(SamplingError, match="domain: found 'mnist'"):
        model.predict(rows.assign(domain="mnist"))


@pytest.fixture(scope="module")
def letter_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe of the classes A and K."""
    folder = tmp_path_factory.mktemp("models") / "letters"
    unet = make_unet(NETWORK, SIZE, conditional=True)
    width = unet.time_embedding.linear_2.out_features
    embedding = make_condition(condition("class_embedding"), ["letters"], width, ("A", "K"))
    models = {"unet": unet, "condition": embedding}
    save_model_folder(folder, "DigitPipeline", models, BETAS, patch_size=NETWORK.patch_size)
    return folder


@pytest.mark.parametrize(("names", "first"), [("all", "A"), (["K"], "K")])
def test_a_recipe_of_named_classes_samples_by_name(stored: Path, letter_model: Path, names: Any, first: str) -> None:
    use_model(letter_model, **{"recipes.a.data": {"letters": names}})
    assert f"pipe(digit='{first}', domain='letters', " in code_of(model_card("models/a", Revision(None)))
    rows = pd.DataFrame({"seed": [0, 0], "digit": ["K", "A"], "domain": ["letters"] * 2})
    images = registered("a").predict(rows, {"num_inference_steps": 2})
    assert images.shape == (2, SIZE, SIZE, 3) and (images[0] != images[1]).any()


def test_registered_unconditional_recipe_samples(stored: Path, unconditional_model) -> None:
    use_model(unconditional_model)
    images = registered("a").predict(pd.DataFrame({"seed": [0, 1]}), {"num_inference_steps": 2})
    assert images.shape == (2, SIZE, SIZE, 3)
