"""Reading params.yaml: the whole file, its sections, and files that are not valid."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from difflab.config.load import ParamsError, load_runtime, load_section
from difflab.config.params import load_params
from difflab.config.training import ComputeParams
from tests.config.changed_params import PARAMS, ROOT, changed, split_line

SHARED = {
    "merged": "recipes:\n  a: &a\n    training: {seed: 0}\n  b:\n    <<: *a\n    data: 1\n",
    "merged twice": "recipes:\n  a: &a\n    training: {seed: 0}\n  b: {<<: [*a], data: 1}\n",
    "alias": "recipes:\n  a: {training: &t {seed: 0}}\n  b: {training: *t}\n",
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "params.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: 1\na: 2\n", 'params.yaml: not YAML, line 2: found duplicate key "a"'),
        (b"a: [1\n", "params.yaml: not YAML, line 2: "),
        (b"a:\n\tb: 1\n", "params.yaml: not YAML, line 2: "),
        (b"a: \x00\n", "params.yaml: not YAML: "),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: caf\xe9\n", "params.yaml: not UTF-8: byte 0xe9 at position 6"),
        (b"", "params.yaml: found null, allowed: "),
        (b"- 1\n", "params.yaml: found [1], allowed: "),
        (b"\xef\xbb\xbfa: 1\n", "params.yaml: a: found an unknown key, allowed: "),  # a byte order mark is no fault
        (b"a: &a {b: *a}\n", "params.yaml: a.b: found the section a by"),
        (b"compute: &a [*a]\n", "params.yaml: compute: found [["),
        (b"compute: " + 3000 * b"[" + 3000 * b"]", "params.yaml: compute: found [[["),
        (None, "params.yaml: found a folder, allowed: a file"),
    ],
)
def test_bad_file_is_one_line(path: Path, text: bytes | None, message: str) -> None:
    path.write_bytes(text) if text is not None else path.mkdir()
    with pytest.raises(ParamsError) as error:
        load_params(path)
    assert message in str(error.value) and len(str(error.value).splitlines()) == 1


def test_missing_file_says_what_writes_it(path: Path) -> None:
    with pytest.raises(ParamsError, match="difflab profile"):
        load_params(path)


def test_numbers_are_read_as_dvc_reads_them(path: Path) -> None:
    """YAML 1.1 would take 1e-5 for text, and `dvc exp run -S` writes numbers so."""
    YAML().dump(changed("judge/training/learning_rate", 1e-5, PARAMS), path)
    assert "learning_rate: 1e-05" in path.read_text()
    assert load_params(path).judge.training.learning_rate == 1e-5


def test_params_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_params(ROOT / "params.yaml").compute.threads = 3  # type: ignore[misc]


def test_a_section_needs_nothing_else_of_the_file(path: Path) -> None:
    path.write_text("compute: {threads: 2}\nrecipes: {x: 1}\n")
    assert load_section(ComputeParams, "compute", path) == ComputeParams(threads=2, mixed_precision="auto")


@pytest.mark.parametrize(("recipes", "allowed"), [("{x: 1}", "x"), ("{}", "no section"), ("3", "no section")])
def test_missing_section_says_which_there_are(recipes: str, allowed: str, path: Path) -> None:
    path.write_text(f"recipes: {recipes}\n")
    with pytest.raises(ParamsError) as error:
        load_section(dict, "recipes.y.data", path)
    key, rest = split_line(str(error.value))
    assert key == "recipes/y/data" and rest == f"no 'y' there, allowed: {allowed}"


def test_the_runtime_has_defaults_and_is_checked(path: Path) -> None:
    assert load_runtime(path).log_every > 0
    path.write_text("runtime: {checkpoint_every: 7}\n")
    assert load_runtime(path).checkpoint_every == 7
    path.write_text("runtime: {log_every_in: {jugde: 7}}\n")
    with pytest.raises(ParamsError, match="jugde"):
        load_runtime(path)


@pytest.mark.parametrize("text", SHARED.values(), ids=SHARED)
def test_section_in_two_places_is_refused(path: Path, text: str) -> None:
    """DVC's `-S` would change it in both, or in none."""
    path.write_text(text)
    with pytest.raises(ParamsError) as error:
        load_params(path)
    key, rest = split_line(str(error.value))
    assert key == "recipes/b/training" and "recipes.a.training" in rest and "difflab recipe" in rest


def test_values_may_be_shared(path: Path) -> None:
    """DVC writes lists and numbers anew."""
    text = (ROOT / "params.yaml").read_text()
    text = text.replace("  channels: [16, 32, 64]", "  channels: &channels [16, 32, 64]", 1)
    text = text.replace("block_out_channels: [16, 32, 64]", "block_out_channels: *channels")
    path.write_text(text)
    assert "*channels" in text
    assert load_params(path) == load_params(ROOT / "params.yaml")
