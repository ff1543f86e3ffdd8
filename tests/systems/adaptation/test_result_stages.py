"""The metrics of the runs, and their figures."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from matplotlib.table import Table
from scipy.stats import t

from difflab.data.dataset import ImageDataset
from difflab.errors import UserError
from difflab.figures import curves
from difflab.systems.adaptation.evaluation import Embedding
from difflab.systems.adaptation.figures import plot_accuracies, plot_embeddings
from difflab.systems.adaptation.networks import load_classifier
from difflab.systems.adaptation.scenarios import METHODS
from stages.adaptation import adapt, evaluate_adaptation, scenario, tsne

TARGETS = "accuracy: {}\nadaptation: {mnistm-usps: {source-only: 0.25, dann: 0.5}}\nfid_study: {}\n"
TARGETS += "zero_shot: {accuracies: [0.5], num_images: 2, num_classes: 2, image_size: 8}\nfindings: {}\nprotocols: {}\n"


@pytest.fixture
def trained(workspace, run_stage) -> Path:
    run_stage(scenario, "mnistm-usps")
    for method in METHODS:
        run_stage(adapt, "mnistm-usps", method)
    Path("metrics").mkdir()
    Path("metrics/targets.yaml").write_text(TARGETS)
    return workspace


def right(folder: Path, domain: str, *splits, step: int | None = None) -> float:
    """Of twenty images in each of the splits."""
    correct = 0
    for split in splits:
        part = ImageDataset.load(Path(f"prepared/sets/{domain}.safetensors")).part(split)
        with torch.no_grad():
            seen = load_classifier(folder, step)(part.images.float() / 127.5 - 1).argmax(1)
        correct += int((seen == part.labels).sum())
    return correct / 20 / len(splits)


def test_metrics_are_those_of_the_models(trained, run_stage):
    run_stage(evaluate_adaptation)
    metrics = json.loads(Path("metrics/adapt.json").read_text())
    assert set(metrics) == {"mnistm-usps", "protocol"}
    graded = metrics["mnistm-usps"]
    for method in METHODS:
        folders = [Path(f"models/adapt/mnistm-usps-{method}/seed_{seed}") for seed in (5, 6)]
        values = graded[method]
        for name, domain, *splits in (
            ("target", "usps", "validation", "test"),
            ("source", "mnistm", "validation", "test"),
            ("target_validation", "usps", "validation"),
            ("target_test", "usps", "test"),
        ):
            expected = [right(folder, domain, *splits) for folder in folders]
            assert values[name]["runs"] == expected
            assert values[name]["value"] == pytest.approx(np.mean(expected))
            half = t.ppf(0.975, 1) * np.std(expected, ddof=1) / np.sqrt(2)
            assert values[name]["high"] - values[name]["value"] == pytest.approx(half)
        by_step = [[right(folder, "usps", "validation", "test", step=step) for step in (3, 6)] for folder in folders]
        assert values["oracle"]["runs"] == [max(steps) for steps in by_step]
        assert values["last"]["runs"] == [steps[-1] for steps in by_step]
        assert all(-2 <= value <= 2 for value in values["separability"]["runs"])
    for method in ("dann", "dann-mcc"):
        difference = np.array(graded[method]["target"]["runs"]) - graded["source-only"]["target"]["runs"]
        assert graded["gain"][method]["runs"] == pytest.approx(difference.tolist())
    assert [graded[method]["reported"] for method in METHODS] == [0.25, 0.5, None, None]


def test_a_missing_model_is_one_line(trained, run_stage):
    Path("models/adapt/mnistm-usps-dann/seed_6/model.safetensors").unlink()
    with pytest.raises(
        UserError, match=r"^models/adapt/mnistm-usps-dann/seed_6/model\.safetensors: found No such file"
    ) as error:
        run_stage(evaluate_adaptation)
    assert "\n" not in str(error.value)


def test_tsne_twice_is_the_same_bytes(trained, run_stage):
    files = [Path(f"figures/tsne_mnistm-usps_{coloring}.png") for coloring in ("class", "domain")]
    run_stage(tsne, "mnistm-usps")
    first = [file.read_bytes() for file in files]
    run_stage(tsne, "mnistm-usps")
    assert [file.read_bytes() for file in files] == first and first[0] != first[1]


RNG = np.random.default_rng(0)
PANELS = [
    Embedding(title, RNG.standard_normal((9, 2)), np.arange(9), np.array([0] * 5 + [1] * 4), separability)
    for title, separability in (("source-only", 1.875), ("dann", 0.25))
]


@pytest.mark.parametrize("color_by", ["class", "domain"])
def test_points_and_colors_are_the_given_ones(color_by):
    drawn = plot_embeddings(PANELS, color_by, ("mnistm", "usps"), "all of it")
    for axes, panel in zip(drawn.axes, PANELS, strict=True):
        assert axes.get_title() == panel.title
        assert axes.get_xlabel() == f"proxy A-distance of the domains: {panel.separability:.2f}"
        for domain, scatter in enumerate(axes.collections):
            rows = panel.domains == domain
            assert np.allclose(scatter.get_offsets(), panel.points[rows])  # pyright: ignore[reportArgumentType]
            colors = scatter.get_facecolors()  # pyright: ignore[reportAttributeAccessIssue]
            if color_by == "class":
                expected = [to_rgba(f"C{digit}", 0.7) for digit in panel.labels[rows]]
            else:
                expected = [to_rgba(("C0", "C3")[domain], 0.7)]
            assert np.allclose(colors, expected)
    (legend,) = drawn.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["mnistm", "usps", *(map(str, range(10)) if color_by == "class" else [])]
    assert drawn.get_suptitle() == "all of it"


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.125, "high": value + 0.0625}


def test_accuracies_and_intervals_are_the_given_ones():
    values = {"a": (0.5, 0.75, 0.25), "b": (0.625, 0.875, None)}
    graded = {
        method: {"target": estimate(target), "oracle": estimate(oracle), "reported": reported}
        for method, (target, oracle, reported) in values.items()
    }
    drawn = plot_accuracies({"x-y": graded, "z-y": graded}, ["a", "b"], "all", curves.Table(["method"], [["a"], ["b"]]))
    first, second, below = drawn.axes
    assert (first.get_title(), second.get_title()) == ("x → y", "z → y")
    assert [child for child in below.get_children() if isinstance(child, Table)]
    for axes in (first, second):
        line, _, (bars,) = axes.containers[0].lines  # pyright: ignore[reportAttributeAccessIssue]
        assert line.get_ydata().tolist() == [0.5, 0.625]
        assert np.array(bars.get_segments())[:, :, 1].tolist() == [[0.375, 0.5625], [0.5, 0.6875]]
        others = {str(each.get_label()): np.asarray(each.get_ydata()) for each in axes.lines}
        assert others["chosen by the oracle"].tolist() == [0.75, 0.875]
        reported = others["reported, on other data"]
        assert reported[0] == 0.25 and np.isnan(reported[1])
        assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
