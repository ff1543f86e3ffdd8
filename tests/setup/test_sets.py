"""Requirements of recipes, studies, scenarios and classifiers on data sets are checked before any work."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from difflab.config.load import validate
from difflab.config.params import Params
from difflab.errors import UserError
from difflab.setup.check import check_params
from tests.config.changed_params import PARAMS, changed

Tree = dict[str, Any]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Parameters with two data sets of letters, and a recipe and a scenario of them."""
    monkeypatch.chdir(tmp_path)
    for name in ("letters/A", "letters/B", "letters/C", "photos/A", "photos/B", "photos/C", "two/A", "two/B"):
        Path(name).mkdir(parents=True)
        for number in range(10):
            Image.new("L", (8, 8), 10 * number).save(f"{name}/{number}.png")
    params = changed("recipes/letters", PARAMS["recipes"]["mnistm-linear"] | {"data": {"letters": "all"}}, PARAMS)
    for name in ("letters", "photos", "two"):
        params = changed(f"data/sets/{name}", {"source": "folder"}, params)
    params = changed("judge/sets", [*PARAMS["judge"]["sets"], "letters"], params)
    return changed("adaptation/scenarios", {"letters-photos": "all"}, params)


def line_of(params: Tree) -> str:
    with pytest.raises(UserError) as error:
        check_params(validate(Params, params))
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix("params.yaml: ")


def test_own_sets_pass(own: Tree) -> None:
    check_params(validate(Params, own))


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        (
            "recipes/letters/data",
            {"letters": ["A", "Q"]},
            "recipes.letters.data.letters: found the class 'Q', allowed: A, B",
        ),
        (
            "recipes/letters/data",
            {"nowhere": "all"},
            'recipes.letters.data: found ["nowhere"], allowed: data sets with',
        ),
        ("recipes/letters/data", {"faces": "all"}, 'recipes.letters.data: found ["faces"], allowed: data'),
        ("recipes/letters/data", {"photos": "all"}, "judge.sets: found"),
        (
            "recipes/joint-cosine/data",
            {"mnistm": [0], "letters": ["A"]},
            "recipes.joint-cosine.data: found letters with",
        ),
        ("recipes/joint-cosine/data/svhn", [10], "recipes.joint-cosine.data.svhn: found the class '10', allowed: 0, 1"),
        ("recipes/letters/data", {"letters": ["A", "A"]}, 'recipes.letters.data.letters: found ["A", "A"]'),
        ("recipes/letters/data", {"letters": []}, "recipes.letters.data.letters: found []"),
        ("recipes/letters/data", {"letters": "some"}, 'recipes.letters.data.letters: found "some", allowed: '),
        (
            "adaptation/scenarios",
            {"letters-two": "all"},
            "adaptation.scenarios: found two with the classes A, B, allowed: those",
        ),
        ("adaptation/scenarios", {"letters-svhn": "all"}, "adaptation.scenarios: found svhn with the classes 0, 1, 2"),
        ("judge/sets", ["mnist", "mnistm", "svhn"], "judge.sets: found"),
        (
            "judge/sets",
            ["mnist", "mnistm", "svhn", "letters", "faces"],
            'judge.sets: found "faces", allowed: data sets',
        ),
        (
            "data/sets/letters/classes",
            ["A", "D"],
            "data.sets.letters: folder: letters: found no class 'D', allowed: A, B",
        ),
        ("data/sets/letters/classes", ["A", "A"], 'data.sets.letters.classes: found ["A", "A"], allowed: different'),
        ("data/sets/letters/size", 12, "prepare.digit_size: found 16, allowed: 12, as letters has"),
        ("data/sets/letters/path", "nowhere", "data.sets.letters: folder: nowhere: no such folder"),
        (
            "data/sets/letters/source",
            "torchvision/Faces",
            'data.sets.letters.source: found "torchvision/Faces", allowed: ',
        ),
        ("data/sets/letters/source", "torchvision", 'data.sets.letters.source: found "torchvision", allowed: '),
        ("data/sets/letters/source", "folder/x", 'data.sets.letters.source: found "folder/x", allowed: '),
        (
            "data/sets/mnist/path",
            "x",
            'data.sets.mnist.path: found "x", allowed: null, because source is embedded/mnist',
        ),
        ("data/sets/my-set", {"source": "folder"}, "data.sets.my-set: found an unknown key"),
        ("data/sets/mnist/source", "folder", "data.sets.mnist: folder: mnist: no such folder"),
        ("studies/guidance/recipes", ["letters"], "studies.guidance.num_images: found"),
    ],
)
def test_what_does_not_fit_is_one_line(own: Tree, key: str, value: Any, line: str) -> None:
    assert line_of(changed(key, value, own)).startswith(line)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda: [path.unlink() for path in Path("letters/B").iterdir()], "letters/B: no images in it"),
        (
            lambda: [path.unlink() for path in sorted(Path("letters/B").iterdir())[1:]],
            "letters: found the class 'B' without",
        ),
        (
            lambda: Path("letters/labels.csv").write_text("image_name,label\nx.png,A\n"),
            "letters/labels.csv, line 2: ",
        ),
        (lambda: Image.new("L", (8, 8)).save("letters/stray.png"), "letters/stray.png: found an image without a class"),
    ],
)
def test_folders_are_looked_at_before_any_work(own: Tree, spoil: Callable[[], Any], line: str) -> None:
    spoil()
    assert line_of(own).startswith(f"data.sets.letters: folder: {line}")


def test_another_set_has_the_numbers_of_clip(own: Tree) -> None:
    assert line_of(changed("data/sets/mnist", {"source": "folder", "path": "two"}, own)).startswith(
        "data.sets.mnist: found the classes A, B, allowed: the ten digits"
    )
