"""A bad value of params.yaml is refused in one line that names the key, the value found and what is allowed."""

import json
import math
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from difflab.config.load import ParamsError, read_yaml, validate
from difflab.config.params import Params
from tests.config.changed_params import DELETE, PARAMS, ROOT, changed, leaves, refusal, value_at
from tests.factories import profile

JOINT, TRAINING = "recipes/joint-cosine", "judge/training"


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        # Types and bounds.
        (f"{TRAINING}/batch_size", "64", "integer"),
        (f"{TRAINING}/batch_size", True, "integer"),
        (f"{TRAINING}/batch_size", 6.5, "integer"),
        (f"{TRAINING}/batch_size", 0, "1"),
        (f"{TRAINING}/seed", 2**32, "4294967296"),
        (f"{TRAINING}/learning_rate", 0, "0"),
        (f"{TRAINING}/learning_rate", math.nan, ""),
        (f"{TRAINING}/weight_decay", math.inf, ""),
        (f"{TRAINING}/ema_decay", "none", ""),
        (f"{TRAINING}/optimizer", "sgd", "adamw"),
        ("judge/channels/1", -8, "1"),
        ("judge/channels", [], ""),
        ("judge", None, ""),
        ("judge", [1], ""),
        ("data/root", 3, "string"),
        ("data/sets/mnist/source", "web", "torchvision"),
        ("data/sets/faces/persons", "name", "prefix"),
        ("prepare/digit_size", 15, "2"),
        ("recipes", {}, ""),
        (f"{JOINT}/data", {}, ""),
        (f"{JOINT}/data/svhn/0", 1.5, "string"),
        ("faces/schedule/beta_end", 1.0, "0.999"),
        ("faces/schedule/beta_start", 1e-12, "0.000001"),
        ("faces/schedule/beta_end", None, ""),
        ("faces/interpolation/num_images", 2, "3"),
        ("faces/sampling/etas/1", 1.5, "1"),
        ("faces/sampling/clip_sample", "yes", "boolean"),
        ("faces/sampling/sampler", "ddpm", "ddim"),
        ("adaptation/scenarios/mnistm-svhn", [0, 1], "all"),
        ("adaptation/scenarios", {}, "1"),
        ("adaptation/num_runs", 1, "2"),
        ("runtime/gpus", 5, "32, the images at once of recipes.joint-cosine.training"),
        ("circles/colors/0", "crimson red", "CSS"),
        # What a union's kind does not have, and kinds that there are none of.
        (f"{JOINT}/schedule/name", "quadratic", "cosine"),
        (f"{JOINT}/condition/kind", "text", "one_hot"),
        (f"{JOINT}/sampling/sampler", "euler", "dpmsolver++"),
        # Values that contradict others of their section.
        ("prepare/digit_size", 10, "8, because of recipes.joint-cosine"),
        ("prepare/face_size", 1022, "8, because of faces.network"),
        ("faces/schedule/beta_end", 0.5, "1000"),
        ("faces/network/norm_num_groups", 5, "block_out_channels"),
        ("faces/sampling/num_inference_steps", 1001, "1000"),
        ("faces/sampling/steps_offset", 20, "19"),
        (f"{JOINT}/sampling/steps_offset", 1, "trailing"),
        (f"{JOINT}/sampling/trace_steps", 52, "51"),
        (f"{JOINT}/sampling/guidance_scale", None, ""),
        (f"{JOINT}/sampling/guidance_interval", [0.5, 0.5], "smaller"),
        (f"{JOINT}/sampling/guidance_interval", [0.5], "2"),
        ("recipes/unconditional-800/sampling/guidance_interval", [0.0, 0.5], "null"),
        ("faces/sampling/etas", [0.5, 1.0], "0"),
        ("faces/sampling/step_seeds", [1, 0], "sampling.seed"),
        ("faces/interpolation/noises", [0, 4], "4"),
        ("adaptation/methods/source-only/max_lambda", 1.0, "null"),
        ("adaptation/methods/dann-mcc/confusion", None, ""),
        ("adaptation/training/max_grad_norm", 1.0, "null"),
        ("adaptation/training/num_snapshots", 0, "1"),
        ("adaptation/tsne/perplexity", 5000.0, "1200"),
        # Values that contradict other sections.
        ("studies/fid/lengths/1", 4000, ""),
        ("text_to_image/sampling/num_inference_steps", 4000, "text_to_image.schedule"),
        ("controlnet/sampling/num_inference_steps", 4000, "text_to_image.schedule"),
        ("personalization/sampling/num_inference_steps", 4000, "text_to_image.schedule"),
        ("studies/guidance/num_inference_steps", 4000, "recipes.mnistm-linear.schedule"),
        ("studies/few_steps/mnistm-linear/num_inference_steps/0", 4000, "recipes.mnistm-linear.schedule"),
        ("controlnet/hint_channels", [16, 32], "3"),
        ("studies/fid/recipes/0", "joint-cosine", "unconditional-800"),
    ],
)
def test_bad_value(key: str, value: Any, allowed: str) -> None:
    named, rest = refusal(changed(key, value, PARAMS))
    if key.endswith(("/lengths/1", "/num_inference_steps/0", "/recipes/0")):
        key = key.rpartition("/")[0]
    found = json.dumps(value, ensure_ascii=False) if not isinstance(value, list) else json.dumps(value)
    assert named == key and rest.startswith(found), rest
    assert allowed in rest.removeprefix(found).partition("allowed: ")[2]


@pytest.mark.parametrize(
    ("key", "value", "named", "word"),
    [
        (f"{TRAINING}/batch_size", DELETE, f"{TRAINING}/batch_size", "required"),
        ("judge", DELETE, "judge", "required"),
        (f"{JOINT}/schedule/name", DELETE, f"{JOINT}/schedule/name", "required"),
        (f"{JOINT}/schedule/num_train_timesteps", DELETE, f"{JOINT}/schedule/num_train_timesteps", ""),
        ("judge/chanels", [8], "judge/chanels", "channels"),
        ("judge/7", 1, "judge/7", "channels"),
        ("judge/chan\nels", [8], "judge/chan\\nels", ""),
        ("recipes/Joint", {}, "recipes/Joint", ""),
        (f"{JOINT}/data/faces", [1], f"{JOINT}/data", "mnistm"),
        (f"{JOINT}/schedule/beta_end", 0.02, f"{JOINT}/schedule/beta_end", ""),
        (f"{JOINT}/condition/kind", "one_hot", f"{JOINT}/condition/digit_dim", ""),
        (f"{JOINT}/sampling/eta", 0.5, f"{JOINT}/sampling/eta", ""),
        ("data/sets/mnistm/source", "blended/MNIST", "data/root", "mnistm"),
        ("adaptation/methods/dann", DELETE, "adaptation/methods", "dann"),
        ("adaptation/scenarios", {"usps-usps": "all"}, "adaptation/scenarios", "usps-usps"),
        ("adaptation/scenarios", {"mnistm-faces": "all"}, "adaptation/scenarios", "mnistm-faces"),
        ("recipes/unconditional-800/schedule/num_train_timesteps", 6, "recipes/unconditional-800", ""),
        ("circles/num_validation", 20, "text_to_image/num_images", "20"),
        ("circles/held_out_colors", [], "personalization/concepts/dark-sea-green/color", "null"),
        ("recipes/mnistm-linear/training/num_snapshots", 0, "studies/training_gif/recipes", "no recipe"),
        ("recipes/mnistm-linear/data/mnistm", [0, 1, 2], "studies/few_steps/mnistm-linear/num_images", ""),
        ("adaptation/training/seed", 2**32 - 1, "adaptation/training/seed", "4294967293"),
        ("personalization/inversion/seed", 2**32 - 1, "personalization/inversion/seed", "num_runs"),
        ("evaluation/nearest_k", 72, "studies/fid/drawing/num_images", "72"),
        (f"{JOINT}/sampling/images_per_digit", 10, "evaluation/nearest_k", "joint-cosine"),
    ],
)
def test_bad_key_or_combination(key: str, value: Any, named: str, word: str) -> None:
    params = changed(key, value, PARAMS)
    if key.endswith("mnistm-linear/data/mnistm"):
        params["studies"]["few_steps"]["mnistm-linear"]["num_images"] = 100
    if key.endswith("images_per_digit"):
        params["evaluation"]["nearest_k"] = 60
    found, rest = refusal(params)
    assert found.startswith(named) and word in rest
    assert not rest.rstrip().endswith(("allowed:", "of"))


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text() | st.integers(), values, max_size=3),
)


@given(st.sampled_from(leaves(PARAMS)), yaml_values | st.just(DELETE))
def test_any_value_is_taken_or_refused_in_one_line(key: str, value: Any) -> None:
    try:
        validate(Params, changed(key, value, PARAMS))
    except ParamsError as error:
        assert len(str(error).splitlines()) == 1 and "allowed: " in str(error)


def test_several_faults_are_counted() -> None:
    params = changed("judge/channels", DELETE, PARAMS)
    params["compute"]["threads"] = 0
    key, rest = refusal(params)
    assert key == "compute/threads" and rest.endswith("(and 1 more)")


def numbers(node: Any, key: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The schema of every number in a JSON schema, by its place."""
    if isinstance(node, list):
        return [found for index, part in enumerate(node) for found in numbers(part, f"{key}/{index}")]
    if not isinstance(node, dict):
        return []
    own = node.get("type") in ("integer", "number") and "enum" not in node and "const" not in node
    below = [found for name, part in node.items() for found in numbers(part, f"{key}/{name}")]
    return [(key, node), *below] if own else below


def test_every_number_has_bounds() -> None:
    found = numbers(Params.model_json_schema())
    assert len(found) > 80
    for key, node in found:
        least, most = (node.get(kind, node.get(f"exclusive{kind.title()}")) for kind in ("minimum", "maximum"))
        assert least is not None and most is not None, key


@pytest.mark.parametrize("name", ["cpu", "paper", "smoke"])
def test_bounds_leave_room_for_the_largest_profile(name: str) -> None:
    """Ten times each count of images and steps of any profile is still allowed."""
    params = profile(name)
    ends = ("num_train", "num_validation", "num_images", "images_per_digit", "num_epochs", "batch_size")
    for key in (key for key in leaves(params) if key.endswith((*ends, "street_numbers"))):
        value = value_at(key, params)
        try:
            validate(Params, changed(key, 10 * value, params))
        except ParamsError as error:  # more than another value has, such as held-out scenes
            assert "circles.num_validation" in str(error) and "10000000" not in str(error)


def repeated(key: str) -> Any:
    """PARAMS in which the last value of the list at `key` stands twice, or with no name of its own."""
    *others, last = value_at(key)
    twin = last * (1 - 1e-9) if isinstance(last, float) else last
    return changed(key, [last, twin] if key.endswith("noises") else [*others, last, twin], PARAMS)


def test_lists_of_names_hold_each_once() -> None:
    """Equal values would be counted twice, and one would overwrite the other's results.

    Lists that may repeat a value are the levels of a network, and the geometry and colors of one drawing.
    """
    parts, drawn = {"channels", "block_out_channels", "hint_channels"}, "controlnet/samples/two_circles"
    lists = [key for key in leaves(PARAMS) if isinstance(value_at(key), list)]
    names = [key for key in lists if key.split("/")[-1] not in parts and not key.startswith(drawn)]
    assert len(names) > 20
    for key in names:
        assert refusal(repeated(key))[0] == key


@pytest.mark.parametrize("key", ["faces/sampling/etas", "controlnet/samples/conditioning_scales"])
def test_minus_zero_is_no_zero(key: str) -> None:
    """Files are named after these numbers, and those of 0.0 are looked up."""
    named, rest = refusal(changed(key, [-0.0, 0.5], PARAMS))
    assert named == f"{key}/0" and rest.startswith("-0.0")


def test_a_recipe_takes_no_name_of_another_output() -> None:
    """Of models/, metrics/ and samples/, as dvc.yaml has them."""
    stages = read_yaml(ROOT / "dvc.yaml")["stages"].values()
    stages = [stage.get("do", stage) for stage in stages if "${recipes}" not in (stage.get("foreach"),)]
    outs = [out for stage in stages for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
    paths = [Path(next(iter(out)) if isinstance(out, dict) else out) for out in outs]
    names = {path.parts[1].removesuffix(".json") for path in paths if path.parts[0] in ("models", "metrics", "samples")}
    names = {name for name in names if re.fullmatch("[a-z0-9-]+", name)}
    assert names >= {"faces", "guidance", "interpolation", "controlnet"}
    for name in names:
        params = deepcopy(PARAMS)
        params["recipes"][name] = params["recipes"]["joint-cosine"]
        assert refusal(params)[0] == "recipes"
