"""Numbers of params.yaml that could not work, alone or together, are refused before any work."""

from typing import Any

import pytest
from difflab.config.load import ParamsError, validate
from difflab.config.params import Params

from tests.changed_params import PARAMS, ROOT, changed, leaves, value_at


def numbers(node: Any, key: str = "") -> list[tuple[str, dict[str, Any]]]:
    """The schema of every number in a JSON schema, by its place."""
    if isinstance(node, list):
        return [found for index, part in enumerate(node) for found in numbers(part, f"{key}/{index}")]
    if not isinstance(node, dict):
        return []
    own = (
        [(key, node)]
        if node.get("type") in ("integer", "number") and "enum" not in node and "const" not in node
        else []
    )
    return own + [found for name, part in node.items() for found in numbers(part, f"{key}/{name}")]


def test_every_number_has_bounds() -> None:
    found = numbers(Params.model_json_schema())
    assert len(found) > 80
    for key, node in found:
        least, most = (node.get(kind, node.get(f"exclusive{kind.title()}")) for kind in ("minimum", "maximum"))
        assert least is not None and most is not None, key


@pytest.mark.parametrize("value", [2**32, 10**30, 1e30])
@pytest.mark.parametrize(
    "key",
    [
        "compute/threads",
        "circles/num_train",
        "judge/training/num_snapshots",
        "judge/training/num_epochs",
        "data/embedded/copies_per_digit",
        "recipes/joint-cosine/network/layers_per_block",
        "clip/network/hidden_size",
        "faces/sampling/num_noises",
        "studies/guidance/num_images",
        "personalization/num_runs",
        "adaptation/tsne/num_images",
    ],
)
def test_no_number_is_too_large_to_work(key: str, value: float) -> None:
    with pytest.raises(ParamsError, match=rf"^params\.yaml: {key.replace('/', chr(92) + '.')}: found .*≤ \d+"):
        validate(Params, changed(key, value, PARAMS))


@pytest.mark.parametrize("name", ["cpu", "paper", "smoke"])
def test_bounds_leave_room_for_the_largest_profile(name: str) -> None:
    """Ten times each count of images and steps of any profile is still allowed."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    with initialize_config_dir(str(ROOT / "conf"), version_base=None):
        params: Any = OmegaConf.to_container(compose("config", overrides=[f"profile={name}"]), resolve=True)
    ends = (
        "num_train",
        "num_validation",
        "num_images",
        "images_per_digit",
        "num_epochs",
        "batch_size",
        "street_numbers",
    )
    for key in leaves(params):
        if key.endswith(ends):
            value = value_at(key, params)
            with_more = changed(key, 10 * value, params)
            try:
                validate(Params, with_more)
            except ParamsError as error:  # more than another value has, such as held-out scenes
                assert "circles.num_validation" in str(error) and "10000000" not in str(error)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("faces/schedule/beta_end", 1.0, "faces.schedule.beta_end: found 1.0, allowed: number ≥ 1e-06 and ≤ 0.999"),
        ("faces/schedule/beta_start", 1e-12, "faces.schedule.beta_start: found 1e-12, allowed: number ≥ 1e-06"),
        (
            "faces/schedule/beta_end",
            0.5,
            "faces.schedule.beta_end: found 0.5, allowed: smaller β or fewer steps: after 1000 up to",
        ),
        ("studies/fid/lengths", [80, 4000], "studies.fid.lengths: found 4000, allowed: smaller β or fewer steps: aft"),
        (
            "text_to_image/sampling/num_inference_steps",
            4000,
            "text_to_image.sampling.num_inference_steps: found 4000, a",
        ),
        (
            "controlnet/sampling/num_inference_steps",
            4000,
            "controlnet.sampling.num_inference_steps: found 4000, allowed",
        ),
        (
            "personalization/sampling/num_inference_steps",
            4000,
            "personalization.sampling.num_inference_steps: found 4000, allowed: integers ≤ text_to_image.schedule.",
        ),
        (
            "recipes/unconditional-800/schedule/num_train_timesteps",
            6,
            "recipes.unconditional-800.",
        ),
        ("controlnet/hint_channels", [16, 32], "controlnet.hint_channels: found [16, 32], allowed: 3 levels, as many"),
        (
            "recipes/joint-cosine/sampling/images_per_digit",
            10,
            "evaluation.nearest_k: found 60, allowed: integer < 50, the samples of recipes.joint-cosine in one domain",
        ),
        (
            "studies/fid/drawing/num_images",
            10,
            "studies.fid.drawing.num_images: found 10, allowed: integer > evaluation",
        ),
        (
            "circles/num_validation",
            20,
            "text_to_image.num_images: found 100, allowed: integer ≤ circles.num_validation",
        ),
        (
            "adaptation/training/seed",
            2**32 - 1,
            "adaptation.training.seed: found 4294967295, allowed: integer ≤ 4294967293",
        ),
        (
            "personalization/inversion/seed",
            2**32 - 1,
            "personalization.inversion.seed: found 4294967295, allowed: integer",
        ),
        (
            "adaptation/tsne/perplexity",
            5000.0,
            "adaptation.tsne.perplexity: found 5000.0, allowed: number < 1200, twice",
        ),
    ],
)
def test_values_that_cannot_work_together(key: str, value: Any, line: str) -> None:
    params = changed("evaluation/nearest_k", 60, PARAMS) if "images_per_digit" in key or "drawing" in key else PARAMS
    with pytest.raises(ParamsError) as error:
        validate(Params, changed(key, value, params))
    assert str(error.value).startswith(f"params.yaml: {line}")


def test_as_many_images_of_each_digit() -> None:
    params = changed("recipes/mnistm-linear/data/mnistm", [0, 1, 2], PARAMS)
    with pytest.raises(
        ParamsError, match=r"num_images: found \d+, allowed: a multiple of 3, .* recipes\.mnistm-linear$"
    ):
        validate(Params, params)
