"""Every bad value of params.yaml ends in one line that names the key, what was found and what is allowed."""

import math
from pathlib import Path
from typing import Any

import pytest
from difflab.config.load import ParamsError, load_section, validate
from difflab.config.params import Params, load_params
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from difflab.config.training import ComputeParams
from tests.changed_params import DELETE, PARAMS, ROOT, changed, leaves


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("judge/training/batch_size", "64", 'judge.training.batch_size: found "64", allowed: integer ≥ 1'),
        ("judge/training/batch_size", True, "judge.training.batch_size: found true, allowed: integer ≥ 1"),
        ("judge/training/batch_size", 6.5, "judge.training.batch_size: found 6.5, allowed: integer ≥ 1"),
        ("judge/training/batch_size", 0, "judge.training.batch_size: found 0, allowed: integer ≥ 1"),
        ("judge/training/batch_size", DELETE, "judge.training.batch_size: found nothing, allowed: integer ≥ 1"),
        ("judge/training/seed", 2**32, "judge.training.seed: found 4294967296, allowed: integer ≥ 0 and < 4294967296"),
        ("judge/training/learning_rate", 0, "judge.training.learning_rate: found 0, allowed: number > 0 and ≤ 1"),
        (
            "judge/training/learning_rate",
            math.nan,
            "judge.training.learning_rate: found NaN, allowed: number > 0 and ≤ 1",
        ),
        ("judge/training/weight_decay", math.inf, "judge.training.weight_decay: found Infinity, allowed: number ≥ 0"),
        (
            "judge/training/ema_decay",
            "none",
            'judge.training.ema_decay: found "none", allowed: number > 0 and < 1 or null',
        ),
        ("judge/training/optimizer", "sgd", 'judge.training.optimizer: found "sgd", allowed: "adam", "adamw"'),
        (
            "judge/training/optimizer",
            "a\x85b\u2028",
            'judge.training.optimizer: found "a\\x85b\\u2028", allowed: "adam", "adamw"',
        ),
        ("judge/chan\nels", [8], "judge.chan\\nels: found an unknown key, allowed: channels"),
        ("judge/channels/1", -8, "judge.channels.1: found -8, allowed: integer ≥ 1"),
        (
            "judge/channels",
            [],
            "judge.channels: found [], allowed: a list of integer ≥ 1 and ≤ 8192 (at least 1, at most 4 of them)",
        ),
        ("judge", None, "judge: found null, allowed: a section with checkpoint, channels, training"),
        ("judge", [1], "judge: found [1], allowed: a section with checkpoint, channels, training"),
        ("judge", DELETE, "judge: found nothing, allowed: a section with checkpoint, channels, training"),
        ("judge/chanels", [8], "judge.chanels: found an unknown key, allowed: channels"),
        ("judge/zzz", 1, "judge.zzz: found an unknown key, allowed: checkpoint, channels, training"),
        ("judge/7", 1, "judge.7: found an unknown key, allowed: checkpoint, channels, training"),
        ("prepare/digit_size", 15, "prepare.digit_size: found 15, allowed: integer ≥ 8 and ≤ 256 and multiple of 2"),
        (
            "prepare/digit_size",
            10,
            "prepare.digit_size: found 10, allowed: a multiple of 8, because of recipes.joint-cosine",
        ),
        (
            "prepare/face_size",
            1022,
            "prepare.face_size: found 1022, allowed: a multiple of 8, because of faces.network",
        ),
        ("data/sources/mnist", "web", 'data.sources.mnist: found "web", allowed: "embedded", "torchvision", "folder"'),
        ("data/sources/faces", "folder", "data.root: found null, allowed: a folder, because sources.faces is folder"),
        ("data/root", 3, "data.root: found 3, allowed: string or null"),
        ("data/face_identity", "name", 'data.face_identity: found "name", allowed: "prefix", "folder", "file"'),
        ("data/face_identity", DELETE, 'data.face_identity: found nothing, allowed: "prefix", "folder", "file"'),
        ("recipes", {}, "recipes: found {}, allowed: a section that is not empty"),
        ("studies/few_steps", {0: None}, "studies.few_steps.0: found an unknown key, allowed: string"),
        ("recipes/Joint", {}, "recipes.Joint: found an unknown key, allowed: text like ^[a-z0-9-]+$"),
        ("recipes/joint-cosine/data", {}, "recipes.joint-cosine.data: found {}, allowed: a section that is not empty"),
        (
            "recipes/joint-cosine/data/usps",
            [1],
            'recipes.joint-cosine.data.usps: found an unknown key, allowed: "mnist", "mnistm", "svhn"',
        ),
        (
            "recipes/joint-cosine/data/svhn",
            [10],
            "recipes.joint-cosine.data.svhn.0: found 10, allowed: integer ≥ 0 and ≤ 9",
        ),
        (
            "recipes/joint-cosine/schedule/beta_end",
            0.02,
            "recipes.joint-cosine.schedule.beta_end: found 0.02, allowed: null, because name is cosine",
        ),
        (
            "faces/schedule/beta_end",
            None,
            "faces.schedule.beta_end: found null, allowed: number ≥ 1e-06 and ≤ 0.999, bec",
        ),
        (
            "faces/network/norm_num_groups",
            5,
            "faces.network.norm_num_groups: found 5, allowed: a divisor of each of block_out_channels",
        ),
        (
            "faces/sampling/num_inference_steps",
            1001,
            "faces.sampling.num_inference_steps: found 1001, allowed: integer ≤ schedule.num_train_timesteps = 1000",
        ),
        (
            "faces/sampling/steps_offset",
            20,
            "faces.sampling.steps_offset: found 20, allowed: integer ≤ 19 with num_inf",
        ),
        (
            "recipes/joint-cosine/sampling/steps_offset",
            1,
            "recipes.joint-cosine.sampling.steps_offset: found 1, allowed: 0, because timestep_spacing is trailing",
        ),
        (
            "recipes/joint-cosine/sampling/trace_steps",
            52,
            "recipes.joint-cosine.sampling.trace_steps: found 52, allowed: integer ≤ num_inference_steps + 1 = 51",
        ),
        (
            "faces/sampling/etas",
            [0.5, 1.0],
            "faces.sampling.etas: found [0.5, 1.0], allowed: 0 among them,",
        ),
        (
            "faces/sampling/etas",
            [0.0, 1.0, 0.0],
            "faces.sampling.etas: found [0.0, 1.0, 0.0], allowed: different values, not 0.0 twice",
        ),
        (
            "faces/sampling/step_seeds",
            [3, 3],
            "faces.sampling.step_seeds: found [3, 3], allowed: different values, not 3",
        ),
        (
            "faces/sampling/step_seeds",
            [1, 0],
            "faces.sampling.step_seeds: found [1, 0], allowed: seeds other than",
        ),
        ("faces/sampling/sampler", "ddpm", 'faces.sampling.sampler: found "ddpm", allowed: ddim, which has an η'),
        ("faces/interpolation/noises", [0, 4], "faces.interpolation.noises: found [0, 4], allowed: numbers below samp"),
        ("faces/interpolation/num_images", 2, "faces.interpolation.num_images: found 2, allowed: integer ≥ 3"),
        ("faces/sampling/etas/1", 1.5, "faces.sampling.etas.1: found 1.5, allowed: number ≥ 0 and ≤ 1"),
        ("faces/sampling/clip_sample", "yes", 'faces.sampling.clip_sample: found "yes", allowed: boolean'),
        (
            "adaptation/scenarios",
            ["mnistm-faces"],
            'adaptation.scenarios.0: found "mnistm-faces", allowed: text like ^(mnist|mnistm|svhn|usps)-(mnist|',
        ),
        ("adaptation/scenarios", ["usps-usps"], 'adaptation.scenarios: found "usps-usps", allowed: two different dom'),
        (
            "adaptation/scenarios",
            ["svhn-usps", "svhn-usps"],
            'adaptation.scenarios: found ["svhn-usps", "svhn-usps"], allowed: different values',
        ),
        (
            "adaptation/methods/dann",
            DELETE,
            'adaptation.methods: found ["source-only", "dann-mcc", "target-only"], allowed: also dann',
        ),
        (
            "adaptation/methods/source-only/max_lambda",
            1.0,
            "adaptation.methods.source-only.max_lambda: found 1.0, allowed: null",
        ),
        (
            "adaptation/methods/dann-mcc/confusion",
            None,
            "adaptation.methods.dann-mcc.confusion: found null, allowed: a value",
        ),
        ("adaptation/num_runs", 1, "adaptation.num_runs: found 1, allowed: integer ≥ 2"),
        ("adaptation/training/max_grad_norm", 1.0, "adaptation.training.max_grad_norm: found 1.0, allowed: null"),
        (
            "adaptation/training/num_snapshots",
            0,
            "adaptation.training.num_snapshots: found 0, allowed: integer ≥ 1, to choose from",
        ),
    ],
)
def test_bad_value(key: str, value: Any, line: str) -> None:
    with pytest.raises(ParamsError) as error:
        validate(Params, changed(key, value, PARAMS))
    assert str(error.value).startswith(f"params.yaml: {line}")


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
    with pytest.raises(ParamsError, match=r"compute\.threads: .* \(and 1 more\)$"):
        validate(Params, params)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", 'params.yaml: not YAML, line 2: found duplicate key "a"'),
        ("a: [1\n", "params.yaml: not YAML, line 2: did not find expected ',' or ']'"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("", "params.yaml: found null, allowed: a section with compute, data"),
        ("- 1\n", "params.yaml: found [1], allowed: a section with compute, data"),
        (None, "not found; `difflab profile cpu` writes it"),
    ],
)
def test_bad_file(tmp_path: Path, text: str | bytes | None, message: str) -> None:
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ParamsError) as error:
        load_params(path)
    assert message in str(error.value) and len(str(error.value).splitlines()) == 1


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    """YAML 1.1 would take 1e-5 for text, and `dvc exp run -S` writes numbers so."""
    path = tmp_path / "params.yaml"
    YAML().dump(changed("judge/training/learning_rate", 1e-5, PARAMS), path)
    assert "learning_rate: 1e-05" in path.read_text()
    assert load_params(path).judge.training.learning_rate == 1e-5


def test_params_are_frozen() -> None:
    params = load_params(ROOT / "params.yaml")
    with pytest.raises(ValueError, match="frozen"):
        params.compute.threads = 3  # type: ignore[misc]


def test_a_section_needs_nothing_else_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("compute: {threads: 2, mixed_precision: auto}\nrecipes: {x: 1}\n")
    assert load_section(ComputeParams, "compute", path).threads == 2
    with pytest.raises(ParamsError, match=r"recipes\.y\.data: found no 'y' there, allowed: x$"):
        load_section(dict, "recipes.y.data", path)


@pytest.mark.parametrize("recipes", ["{}", "null", "3", "[1]"])
def test_where_nothing_is_there_the_line_says_so(recipes: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(f"recipes: {recipes}\n")
    with pytest.raises(ParamsError, match=r"recipes\.y\.data: found no 'y' there, allowed: no section$"):
        load_section(dict, "recipes.y.data", path)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "circles/held_out_colours",
            [],
            'personalization.concepts.dark-sea-green.colour: found "dark sea green", allowed: null',
        ),
        (
            "recipes/mnistm-linear/training/num_snapshots",
            0,
            'studies.training_gif.recipes: found "mnistm-linear", allowed: no',
        ),
    ],
)
def test_where_nothing_is_allowed_the_line_says_so(key: str, value: Any, line: str) -> None:
    with pytest.raises(ParamsError) as error:
        validate(Params, changed(key, value, PARAMS))
    assert str(error.value).startswith(f"params.yaml: {line}") and not str(error.value).rstrip().endswith(
        ("allowed:", "of")
    )


SHARED = {
    "merged": "recipes:\n  a: &a\n    training: {seed: 0}\n  b:\n    <<: *a\n    data: 1\n",
    "merged twice": "recipes:\n  a: &a\n    training: {seed: 0}\n  b: {<<: [*a], data: 1}\n",
    "alias": "recipes:\n  a: {training: &t {seed: 0}}\n  b: {training: *t}\n",
}


@pytest.mark.parametrize("text", SHARED.values(), ids=SHARED)
def test_section_in_two_places_is_refused(tmp_path: Path, text: str) -> None:
    """DVC's `-S` would change it in both, or in none."""
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ParamsError, match=r"recipes\.b\.training: found the section recipes\.a\.training by") as error:
        load_params(path)
    assert "difflab recipe" in str(error.value) and len(str(error.value).splitlines()) == 1


def test_values_may_be_shared(tmp_path: Path) -> None:
    """DVC writes lists and numbers anew."""
    path, text = tmp_path / "params.yaml", (ROOT / "params.yaml").read_text()
    text = text.replace("  channels:\n  - 16", "  channels: &channels\n  - 16", 1)
    text = text.replace(
        "    block_out_channels:\n      - 16\n      - 32\n      - 64\n", "    block_out_channels: *channels\n", 1
    )
    path.write_text(text)
    assert "*channels" in text
    assert load_params(path) == load_params(ROOT / "params.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xef\xbb\xbfa: 1\n", "params.yaml: compute: found nothing, allowed: "),  # a byte order mark is no fault
        (b"a:\n\tb: 1\n", "params.yaml: not YAML, line 2: "),
        (b"a: caf\xe9\n", "params.yaml: not UTF-8: byte 0xe9 at position 6"),
        (b"a: \x00\n", "params.yaml: not YAML: unacceptable character"),
        (b"a: &a {b: *a}\n", "params.yaml: a.b: found the section a by"),
        (b"a: &a [*a]\n", "params.yaml: compute: found nothing"),
        (b"compute: &a [*a]\n", "params.yaml: compute: found [["),
        (b"compute: " + 3000 * b"[" + 3000 * b"]", "params.yaml: compute: found [[["),
        (None, "params.yaml: found a folder, allowed: a file"),
    ],
)
def test_odd_file_is_one_line(tmp_path: Path, text: bytes | None, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text) if text is not None else path.mkdir()
    with pytest.raises(ParamsError) as error:
        load_params(path)
    assert message in str(error.value) and len(str(error.value).splitlines()) == 1
