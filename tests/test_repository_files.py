"""Files that other tools and readers take: versions agree; commands, pictures and pages that they name exist."""

import json
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CARD = (ROOT / "docs/data-card.md").read_text()


def read(name: str) -> dict:
    return YAML(typ="safe").load((ROOT / name).read_text())


def test_citation_and_changelog_have_the_version_and_license_of_the_project() -> None:
    citation = read("CITATION.cff")
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    releases = re.findall(r"^## \[([\d.]+)\] - ([\d-]+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert releases[0] == (PROJECT["version"], str(citation["date-released"]))


def test_workflow_runs_the_ci_script_under_every_python_of_the_makefile() -> None:
    workflow = read(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()
    pythons = re.findall(r"^PYTHONS := (.*)$", (ROOT / "Makefile").read_text(), re.M)[0].split()
    assert job["strategy"]["matrix"]["python"] == pythons
    scripts = [step["run"] for step in job["steps"] if "run" in step]
    assert scripts == [".ci/run"] and (ROOT / ".ci/run").is_file()
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets" not in (ROOT / ".github/workflows/ci.yml").read_text()


def test_hooks_have_the_ruff_of_the_lock() -> None:
    (locked,) = re.findall(r"^ruff==(.*)$", (ROOT / "requirements.lock").read_text(), re.M)
    revisions = {repo["repo"]: repo["rev"] for repo in read(".pre-commit-config.yaml")["repos"]}
    assert revisions["https://github.com/astral-sh/ruff-pre-commit"] == f"v{locked}"


def test_containers_run_targets_of_the_makefile() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    devcontainer = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
    assert f" AS {devcontainer['build']['target']}\n" in dockerfile
    installed = re.findall(r"^RUN make (\S+)$", dockerfile, re.M)
    assert installed == [devcontainer["postCreateCommand"].removeprefix("make ")]
    assert json.loads(re.findall(r"^CMD (.*)$", dockerfile, re.M)[0]) == ["make", "repro"]
    done = subprocess.run(["make", "--dry-run", *installed, "repro"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("picture", sorted(path.name for path in (ROOT / "docs/images").iterdir()))
def test_data_card_has_each_picture_once(picture: str) -> None:
    (table,) = re.findall(r"^## Pictures .*?(?=^## )", CARD, re.M | re.S)
    patterns = set(re.findall(r"`([\w*.-]+\.(?:png|gif))`", table))
    assert sum(fnmatch(picture, pattern) for pattern in patterns) == 1


def test_data_card_has_all_photographs_and_fonts_of_the_embedded_data() -> None:
    from difflab.data.embedded import PHOTOS
    from difflab.data.street_numbers import FONTS

    for name in (*(name for _, name in PHOTOS), *FONTS):
        assert f"`{name}`" in CARD
