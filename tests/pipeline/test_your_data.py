"""The tutorial docs/your-data.md, as written: folders of letters become a recipe and a scenario."""

import json
import re
import shutil
from pathlib import Path

import pytest
from repository import Repository

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/your-data.md").read_text()
pytestmark = pytest.mark.pipeline


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_page_shows_the_file() -> None:
    shown, file = blocks("yaml"), (ROOT / "examples/letters.yaml").read_text()
    assert shown == [file] and len(file.splitlines()) <= 10


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory, own_caches: None, warm: Path) -> Repository:
    """The working tree, after the commands of the page."""
    folder = tmp_path_factory.mktemp("your_data") / "clone"
    for name in Repository(ROOT).run("git ls-files --cached --others --exclude-standard").splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    repository = Repository(folder, warm)
    repository.run("git init --quiet")
    (repository / "dvc.lock").unlink()
    repository.commit("the working tree")
    for command in blocks("sh"):
        repository.run(command)
    return repository


def test_the_recipe_shows_the_letters_asked_for(letters: Repository) -> None:
    metrics = json.loads((letters / "metrics/letters.json").read_text())["letters"]
    assert set(metrics["accuracy_by_class"]) == set("ABEKSX")
    assert metrics["accuracy"]["value"] > 0.7
    assert json.loads((letters / "metrics/judge-letters.json").read_text())["test_accuracy"] > 0.9


def test_the_adaptation_is_measured(letters: Repository) -> None:
    metrics = json.loads((letters / "metrics/adapt.json").read_text())["letters-photos"]
    assert metrics["target-only"]["target"]["value"] > metrics["source-only"]["target"]["value"]
    assert set(metrics["gain"]) == {"dann", "dann-mcc"}


def test_what_the_page_lists_is_made(letters: Repository) -> None:
    named = re.findall(r"`((?:metrics|figures)/[^`]+)`", PAGE)
    assert len(named) == 8 and all((letters / name).stat().st_size for name in named)


def test_there_are_stages_of_what_is_named_alone(letters: Repository) -> None:
    stages = {line.split()[0] for line in letters.run("dvc stage list").splitlines()}
    digits = {"train@mnistm-linear", "fid_study@unconditional-800", "judge@mnist", "adapt@mnistm-svhn-dann"}
    assert not stages & digits and stages >= {"train@letters", "judge@letters", "adapt@letters-photos-dann"}
    assert letters.run("dvc status evaluate grid tsne").strip() == "Data and pipelines are up to date."
