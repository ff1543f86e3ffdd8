"""Writing params.yaml: profiles, recipes, and overrides."""

import shutil
from copy import deepcopy
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides

from difflab.config.load import read_yaml
from difflab.config.params import load_params
from difflab.errors import UserError
from difflab.setup.profiles import parse_value, write_profile, write_recipe

ROOT = Path(__file__).parents[2]
COSINE = ["schedule.name=cosine", "~schedule.beta_start", "~schedule.beta_end"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("changed", ["mnistm-linear", "mnistm-cosine"])
def test_an_experiment_changes_the_recipe_that_it_names(folder: Path, changed: str) -> None:
    """By DVC's own `exp run -S`, of a recipe that was added as a copy."""
    write_recipe("mnistm-cosine", "mnistm-linear", COSINE)
    expected = deepcopy(read_yaml("params.yaml"))
    expected["recipes"][changed]["training"]["num_epochs"] = 77
    apply_overrides("params.yaml", [f"recipes.{changed}.training.num_epochs=77"])
    assert read_yaml("params.yaml") == expected
    assert load_params().recipes[changed].training.num_epochs == 77


def test_a_recipe_is_added_and_nothing_else_is_touched(folder: Path) -> None:
    before = "# mine\n" + (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(before)
    write_recipe("new", "mnistm-linear", [*COSINE, "data.mnistm=[1, 2]", "training.seed=5"])
    after = (folder / "params.yaml").read_text()
    start = after.index("  new:\n")
    length = len(after) - len(before)
    assert after[:start] + after[start + length :] == before
    recipe = load_params().recipes["new"]
    assert recipe.schedule.name == "cosine" and recipe.data == {"mnistm": [1, 2]} and recipe.training.seed == 5


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("new", "nosuch"), "recipe: found 'nosuch', allowed: joint-cosine, mnistm-linear,"),
        (("alpha-500", "mnistm-linear"), "recipe: found 'alpha-500', allowed: a new name"),
        (("new", "mnistm-linear", "seed=1"), "params.yaml: recipes.new.seed: found an unknown key, allowed: "),
        (("new", "mnistm-linear", "training.seed"), "recipe: found 'training.seed', allowed: KEY=VALUE"),
        (("new", "mnistm-linear", "training.seed.x=1"), "recipe: found 'training.seed.x=1', allowed: KEY=VALUE"),
        (("new", "mnistm-linear", "training.seed=-1"), "params.yaml: recipes.new.training.seed: found -1, allowed: "),
        (("judge-mnist", "mnistm-linear"), 'params.yaml: recipes: found "judge-mnist", allowed: another name'),
        (("New", "mnistm-linear"), "params.yaml: recipes.New: found an unknown key,"),
    ],
)
def test_bad_recipe_is_one_line_and_leaves_the_file(folder: Path, arguments: tuple[str, ...], line: str) -> None:
    before = (folder / "params.yaml").read_bytes()
    with pytest.raises(UserError) as error:
        write_recipe(arguments[0], arguments[1], list(arguments[2:]))
    assert str(error.value).startswith(line) and len(str(error.value).splitlines()) == 1
    assert (folder / "params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "value",
    [
        *("/home/josé/data", "/mnt/a,b", "/my data/x", "/data/[1", "~/data", "/a=b", "/a#b", "it's", "a'b,c'\\"),
        *("C:\\Users\\é", "{x", "(x)", "range(1,3)", "données/été", "数据", "a;b", '"x', "<new1>", "x|y", "!x", "a: b"),
        *("a #b", "2020-01-01", "~", "- x", "x" * 200),
    ],
)
def test_value_that_is_no_expression_is_taken_literally(folder: Path, value: str) -> None:
    write_profile("cpu", [f"data.root={value}"])
    assert load_params().data.root == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("[1, 2]", [1, 2]), ("{b: 1}", {"b": 1}), ("null", None), ("'x'", "x"), ("1e-3", 1e-3), ("true", True), ("", "")],
)
def test_expressions(text: str, value: object) -> None:
    assert parse_value(text) == value


def test_keys_are_added_and_removed(folder: Path) -> None:
    """As `dvc exp run -S` takes them, `+` before a key that is not there yet."""
    key = "recipes.alpha-500.training.weight_decay"
    for added in (f"{key}=0.5", f"+{key}=0.5"):
        write_profile("cpu", [added, "~personalization.concepts.plum", "~studies.few_steps.mnistm-linear"])
        params = load_params()
        assert params.recipes["alpha-500"].training.weight_decay == 0.5
        assert params.personalization is not None
        assert list(params.personalization.concepts) == ["dark-sea-green", "dodger-blue"]
        assert list(params.studies.few_steps) == ["unconditional-800"]


def test_comments_stay_with_their_values(folder: Path) -> None:
    """All of the default profile; another one has its own comments on the values that it changes."""
    assert (folder / "params.yaml").read_text() == (folder / "conf/cpu.yaml").read_text()
    Path("conf/mine.yaml").write_text(
        "compute:\n  threads: 2   # all that there are\nprepare:\n  face_size: 12\n"
        "studies:\n  unconditional: []\npersonalization:\n  concepts:\n    ~plum:\n"
        "    teal: {token: <new9>, initializer: teal, color: plum}\n"
    )
    write_profile("mine", ["judge.training.num_epochs=7", "adaptation.tsne.num_images=50"])
    before, after = (Path(name).read_text().splitlines() for name in ("conf/cpu.yaml", "params.yaml"))
    assert [line for line in after if line not in before] == [
        "  threads: 2               # all that there are",
        "  face_size: 12",
        "    num_epochs: 7",
        "  unconditional: []",
        "    teal: {token: <new9>, initializer: teal, color: plum}",
        "  tsne: {seed: 0, perplexity: 30.0, num_images: 50}    # images of each domain",
    ]
    assert len([line for line in before if line not in after]) == 5


def test_a_profile_removes_some_entries_of_a_section(folder: Path) -> None:
    Path("conf/mine.yaml").write_text("~: [faces, controlnet]\nstudies: {few_steps: {~: [mnistm-linear]}}\n")
    write_profile("mine", [])
    params = load_params()
    assert params.faces is None and params.controlnet is None and params.clip is not None
    assert list(params.studies.few_steps) == ["unconditional-800"]
    before, after = (Path(name).read_text().splitlines() for name in ("conf/cpu.yaml", "params.yaml"))
    assert [line for line in after if line not in before] == []


@pytest.mark.parametrize("line", ["~: [facs]", "~facs:"])
def test_a_profile_that_removes_what_is_not_there(folder: Path, line: str) -> None:
    Path("conf/mine.yaml").write_text(f"{line}\n")
    with pytest.raises(UserError, match=r"^profile: found ~facs, allowed: ~ and one of compute, runtime, data, "):
        write_profile("mine", [])


FAULTS = {
    "tab": (b"data:\n\tx: 1\n", "not YAML, line 2: "),
    "duplicate": (b"data: 1\ndata: 2\n", "not YAML, line 2: found duplicate key"),
    "latin-1": (b"data: caf\xe9\n", "not UTF-8: byte 0xe9 at position 9"),
    "control": (b"data: \x00\n", "not YAML: "),
    "conflict": (b"data:\n<<<<<<< HEAD\n  x: 1\n", "not YAML, line "),
    "folder": (None, "found a folder, allowed: a file"),
}


@pytest.mark.parametrize("file", ["conf/cpu.yaml", "conf/smoke.yaml"])
@pytest.mark.parametrize(("content", "reason"), FAULTS.values(), ids=FAULTS)
def test_fault_of_conf_is_one_line_with_the_file(folder: Path, file: str, content: bytes | None, reason: str) -> None:
    before = (folder / "params.yaml").read_bytes()
    Path(file).unlink()
    Path(file).write_bytes(content) if content is not None else Path(file).mkdir()
    with pytest.raises(UserError) as error:
        write_profile(Path(file).stem, [])
    assert str(error.value).startswith(f"{file}: {reason}") and len(str(error.value).splitlines()) == 1
    assert (folder / "params.yaml").read_bytes() == before


@pytest.mark.parametrize("content", ["\ufeff{}", "x: &a {b: *a}\n", f"x: {600 * '['}{600 * ']'}\n"])
def test_odd_yaml_in_conf(folder: Path, content: str) -> None:
    """A byte order mark is no fault; what never ends is one."""
    base = Path("conf/cpu.yaml")
    base.write_text(content.replace("{}", base.read_text()) if "{}" in content else base.read_text() + content)
    if "{}" in content:
        write_profile("cpu", [])
        assert load_params() == load_params(ROOT / "params.yaml")
    else:
        with pytest.raises(UserError) as error:
            write_profile("cpu", [])
        assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "key", ["recipes.joint-cosine.training.num_epochs", "studies.few_steps.unconditional-800.num_images"]
)
def test_an_override_changes_what_it_names(folder: Path, key: str) -> None:
    """Also in a section that conf/ has an anchor at, and merges into others."""
    expected = deepcopy(read_yaml("params.yaml"))
    *sections, last = key.split(".")
    node = expected
    for name in sections:
        node = node[name]
    node[last] = 130
    write_profile("cpu", [f"{key}=130"])
    assert read_yaml("params.yaml") == expected
