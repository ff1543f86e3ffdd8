"""Shares over runs and groups compared with numbers calculated by hand; the groups of concepts in prompts."""

import pytest
import torch
from PIL import Image
from scipy.stats import t

from difflab.config.personalization import ConceptParams
from difflab.systems.personalization.evaluation import TITLES, compare_shares, method_panels, summary
from difflab.systems.personalization.paths import sample_folder
from difflab.systems.personalization.prompts import Group, groups_of, prompts_of


def concepts(count: int) -> dict[str, ConceptParams]:
    names = "abcd"[:count]
    return {name: ConceptParams(token=f"<{name}>", initializer=name, color="red", images=None) for name in names}


def test_a_mean_of_runs_with_its_interval():
    found = summary([0.2, 0.3, 0.4], -1.0)
    half = t.ppf(0.975, 2) * 0.1 / 3**0.5
    assert found == pytest.approx({"value": 0.3, "low": 0.3 - half, "high": 0.3 + half})


def test_one_value_has_no_interval():
    assert summary([0.4], 0.0) == {"value": 0.4}


def test_differences_by_group_over_groups_and_over_runs():
    shares = {
        "x": {"custom_diffusion": [0.5, 0.7], "textual_inversion": [0.1, 0.1]},
        "y": {"custom_diffusion": [0.2, 0.2], "textual_inversion": [0.4, 0.2]},
    }
    compared = compare_shares(shares)
    assert compared["differences"]["x"]["runs"] == pytest.approx([0.4, 0.6])
    assert compared["differences"]["y"]["value"] == pytest.approx(-0.1)
    overall = compared["overall"]
    assert overall["custom_diffusion"]["both"]["value"] == pytest.approx(0.4)
    assert overall["difference"] == pytest.approx(summary([0.5, -0.1], -1.0))
    assert overall["difference_over_runs"]["runs"] == pytest.approx([0.1, 0.3])
    assert overall["difference_over_runs"]["value"] == pytest.approx(overall["difference"]["value"])


def test_one_group_has_no_interval_over_groups():
    overall = compare_shares({"x": {"custom_diffusion": [0.5, 0.7], "textual_inversion": [0.1, 0.1]}})["overall"]
    assert overall["difference"] == pytest.approx({"value": 0.5})
    assert overall["difference_over_runs"].keys() == {"value", "low", "high", "runs"}


def test_captions_below_samples_of_two_concepts_are_short(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prompts = {0: "<a> next to <b>"}
    for method in TITLES:
        sample_folder(method, 0, 0).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (4, 4)).save(sample_folder(method, 0, 0) / f"{number:03d}.png")
    shows = {"a": torch.tensor([True, True, False, False]), "b": torch.tensor([True, False, True, False])}
    found = {("textual_inversion", 0): shows, ("custom_diffusion", 0): {}}
    images = {name: torch.zeros(1, 3, 4, 4, dtype=torch.uint8) for name in "ab"}
    true, inversion, custom = method_panels(prompts, concepts(2), images, found)
    assert list(true.captions) == [("a", "b")]
    assert list(inversion.captions) == [["both", "a", "b", "none"]] and list(custom.captions) == [[""] * 4]


def test_templates_are_of_each_pair():
    found = prompts_of(["{second} on {first}", "a <b>"], concepts(3), None)
    assert found == ["<b> on <a>", "<c> on <a>", "<c> on <b>", "a <b>"]
    assert groups_of(found, concepts(3)) == [
        Group(("a", "b"), (0, 3)),
        Group(("a", "c"), (1,)),
        Group(("b", "c"), (2,)),
    ]


def test_groups_are_the_largest_sets_that_a_prompt_names():
    prompts = ["<a>", "<b> and <a>", "<c>", "<a> <b>"]
    found = groups_of(prompts, concepts(4))
    assert found == [Group(("a", "b"), (0, 1, 3)), Group(("c",), (2,))]
    assert [group.name for group in found] == ["a_and_b", "c"]
    assert groups_of(["<a> <b> <c>", *prompts], concepts(4)) == [Group(("a", "b", "c"), (0, 1, 2, 3, 4))]
