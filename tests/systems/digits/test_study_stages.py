"""The stages that evaluate a study's images: the metrics, and their places in the figures."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from difflab.errors import UserError
from difflab.evaluation.intervals import wilson
from difflab.figures import curves
from difflab.systems.digits import figures as study_figures
from stages.digits.study_results import few_steps, fid_study, guidance

pytestmark = pytest.mark.filterwarnings("ignore:The `disp` argument:DeprecationWarning")  # inside clean-fid

TARGETS = """
accuracy: {}
adaptation: {}
fid_study: {800: [1.5, 1.75, 1.25], 200: [200.0, 210.0, 205.0], 300: [20.0, 20.0, 20.0]}
zero_shot: {accuracies: [0.5], num_images: 2, num_classes: 2, image_size: 8}
findings: {}
protocols: {}
"""


@dataclass
class Figure:
    """What a stage gave to be drawn."""

    plots: list[curves.Plot]
    title: str
    table: curves.Table | None


@pytest.fixture
def figures(monkeypatch) -> list[Figure]:
    """All figures that are drawn."""
    seen, draw = [], curves.save_curves

    def record(plots, title, path, stage, inputs, table=None):
        seen.append(Figure(plots, title, table))
        draw(plots, title, path, stage, inputs, table)

    monkeypatch.setattr(study_figures, "save_curves", record)
    return seen


@pytest.fixture(autouse=True)
def targets(workspace) -> Path:
    path = workspace / "metrics/targets.yaml"
    path.parent.mkdir()
    path.write_text(TARGETS)
    return path


def write_variants(path: str, *names: str) -> None:
    """Noise, other for each file and variant."""
    generator = torch.Generator().manual_seed(sum(path.encode()))
    images = [torch.randint(256, (20, 3, 8, 8), dtype=torch.uint8, generator=generator) for _ in names]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(zip(names, images, strict=True)), path)


def metrics_of(name: str) -> dict:
    return json.loads(Path(f"metrics/{name}.json").read_text())


def test_fid_study_sets_runs_beside_the_reported_ones(run_stage, figures):
    """Length 5 of 20 is 200 of the report's 800."""
    for length in (5, 20):
        write_variants(f"studies/fid/{length}.safetensors", "seed-2", "seed-9")
    run_stage(fid_study, "free")
    metrics = metrics_of("fid_study")
    assert list(metrics) == ["lengths", "best_share_of_trained", "floor", "protocol"]
    five, twenty = metrics["lengths"]["5"], metrics["lengths"]["20"]
    assert (five["share_of_trained"], twenty["share_of_trained"]) == (0.25, 1)
    assert (five["reported_fid"], twenty["reported_fid"]) == ([200, 210, 205], [1.5, 1.75, 1.25])
    runs = five["frechet"]
    assert five["mean"] == pytest.approx((runs[0] + runs[1]) / 2) and len(set(runs)) == 2
    assert metrics["protocol"]["noise_bank_seed"] == [2, 9]
    assert metrics["best_share_of_trained"] == (1 if twenty["mean"] < five["mean"] else 0.25)
    low, high = sorted(run - trained for run, trained in zip(runs, twenty["frechet"], strict=True))
    half = 12.7062 * (high - low) / 2  # Student's t with one degree of freedom; the standard error of two is half
    mean = (low + high) / 2
    assert five["minus_trained"] == pytest.approx({"value": mean, "low": mean - half, "high": mean + half}, rel=1e-4)
    assert twenty["minus_trained"] is None

    (figure,) = figures
    measured, reported = figure.plots
    (curve,) = measured.curves
    assert (curve.x, list(measured.ticks)) == ([5, 20], [5, 20])
    assert list(curve.y) == [five["mean"], twenty["mean"]]
    assert list(curve.low) == [min(five["frechet"]), min(twenty["frechet"])]
    assert list(curve.high) == [max(five["frechet"]), max(twenty["frechet"])]
    assert measured.levels == {"real against real": metrics["floor"]}
    (curve,) = reported.curves
    assert (curve.x, curve.y, curve.low, curve.high) == ([200, 800], [205, 1.5], [200, 1.25], [210, 1.75])
    assert figure.table is not None
    assert list(figure.table.header) == [
        "num_timesteps",
        "of T",
        "run 1",
        "run 2",
        "mean",
        "minus trained",
        "reported FID",
    ]
    assert figure.table.rows[0] == [
        "5",
        "0.25",
        *(f"{run:.2f}" for run in runs),
        f"{five['mean']:.2f}",
        f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})",
        "200.000  210.000  205.000",
    ]
    assert Image.open("figures/fid_study.png").info["Stage"] == "fid_study"


def test_fid_study_of_lengths_that_were_not_reported(targets, run_stage, figures):
    targets.write_text(TARGETS.replace("800:", "700:").replace("200:", "250:"))
    for length in (5, 20):
        write_variants(f"studies/fid/{length}.safetensors", "seed-2", "seed-9")
    run_stage(fid_study, "free")
    assert [lengths["reported_fid"] for lengths in metrics_of("fid_study")["lengths"].values()] == [None, None]
    assert len(figures[0].plots) == 1
    assert [row[-1] for row in figures[0].table.rows] == ["–", "–"]  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize(("seeds", "lengths"), [([2], [5, 20]), ([2, 9], [5, 10])])
def test_fid_study_without_a_second_seed_or_the_trained_length_has_no_differences(run_stage, seeds, lengths):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["studies"]["fid"]["lengths"] = lengths
    params["studies"]["fid"]["drawing"]["seeds"] = seeds
    Path("params.yaml").write_text(yaml.safe_dump(params))
    for length in lengths:
        write_variants(f"studies/fid/{length}.safetensors", *[f"seed-{seed}" for seed in seeds])
    run_stage(fid_study, "free")
    assert [values["minus_trained"] for values in metrics_of("fid_study")["lengths"].values()] == [None, None]


def test_few_steps_are_plotted_by_network_evaluations(run_stage, figures):
    """Two for each step of guided sampling; in their order, which is not that of their names."""
    names = ["ddim-5", "ddim-10", "dpmsolver++-5", "dpmsolver++-10", "ddpm-20"]
    write_variants("studies/few_steps/guided.safetensors", *names)
    run_stage(few_steps, "guided")
    metrics = metrics_of("few_steps_guided")
    half = wilson(10, 20)  # the judge sees a 3 in each, and every other one was to be a 5
    assert [metrics["variants"][name]["accuracy"]["value"] for name in names] == [0.5] * 5
    assert metrics["variants"]["ddpm-20"]["accuracy"]["low"] == half.low
    assert metrics["protocol"]["noise_bank_seed"] == 6

    frechet, accuracy = figures[0].plots
    for plot in (frechet, accuracy):
        assert [(curve.label, list(curve.x)) for curve in plot.curves] == [
            ("DDIM, η = 0", [10, 20]),
            ("DPM-Solver++ (2M)", [10, 20]),
            ("DDPM, all steps", [40]),
        ]
        assert list(plot.ticks) == [10, 20, 40] and plot.log_x
    assert list(frechet.curves[1].y) == [metrics["variants"][name]["frechet"]["value"] for name in names[2:4]]
    assert list(frechet.curves[1].low) == [metrics["variants"][name]["frechet"]["low"] for name in names[2:4]]
    assert list(accuracy.curves[2].high) == [half.high]
    assert (frechet.levels, accuracy.levels) == ({"real against real": metrics["floor"]}, {})


def test_few_steps_without_a_condition_have_no_accuracy(run_stage, figures):
    """And one network evaluation a step."""
    write_variants("studies/few_steps/free.safetensors", "ddim-2", "ddim-4", "ddpm-20")
    run_stage(few_steps, "free")
    assert set(metrics_of("few_steps_free")["variants"]["ddim-2"]) == {"confidence", "frechet"}
    (plot,) = figures[0].plots
    assert [list(curve.x) for curve in plot.curves] == [[2, 4], [20]]


def test_few_steps_at_scale_one_take_one_evaluation_each(run_stage, figures):
    """The condition is followed, but nothing is evaluated without it."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["recipes"]["guided"]["sampling"]["guidance_scale"] = 1.0
    Path("params.yaml").write_text(yaml.safe_dump(params))
    write_variants("studies/few_steps/guided.safetensors", "ddim-2", "ddim-4", "ddpm-20")
    run_stage(few_steps, "guided")
    frechet, accuracy = figures[0].plots
    for plot in (frechet, accuracy):
        assert [list(curve.x) for curve in plot.curves] == [[2, 4], [20]]


def test_guidance_is_plotted_by_its_scale(run_stage, figures):
    write_variants("studies/guidance.safetensors", "s=1", "s=2.5", "s=3")
    run_stage(guidance, "guided")
    metrics = metrics_of("guidance")
    accuracy, frechet = figures[0].plots
    for name, plot in (("accuracy", accuracy), ("frechet", frechet)):
        (curve,) = plot.curves
        assert (curve.label, list(curve.x), list(plot.ticks)) == ("guided", [1, 3, 2.5], [1, 3, 2.5])
        assert list(curve.y) == [metrics["variants"][f"s={s}"][name]["value"] for s in ("1", "3", "2.5")]
    assert frechet.levels == {"real against real": metrics["floor"]}
    assert metrics["variants"]["s=3"]["frechet"] != metrics["variants"]["s=1"]["frechet"]
    assert "ddim, 4 steps" in figures[0].title


@pytest.mark.parametrize(
    ("stage", "arguments", "file"),
    [
        (fid_study, ["free"], "fid/5.safetensors"),
        (few_steps, ["guided"], "few_steps/guided.safetensors"),
        (guidance, ["guided"], "guidance.safetensors"),
    ],
)
def test_no_images_are_one_line(run_stage, stage, arguments, file):
    with pytest.raises(UserError, match=rf"^studies/{file}: not found$"):
        run_stage(stage, *arguments)
    assert not Path("figures").exists() and [path.name for path in Path("metrics").iterdir()] == ["targets.yaml"]


def test_an_unknown_recipe_is_one_line(run_stage):
    line = r"^params\.yaml: recipes\.none\.data: found no 'none' there, allowed: free, guided$"
    with pytest.raises(UserError, match=line):
        run_stage(few_steps, "none")
