"""The code on a model's card loads the model and samples with it."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image

from difflab.history.revisions import Revision
from difflab.tracking.registry import model_card
from tests.diffusion.conftest import SIZE, digit_models, one_thread, unconditional_model

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
