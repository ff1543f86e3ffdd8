"""Figures of domain adaptation: t-SNE of the features, and accuracies with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from difflab.data.classes import DIGITS
from difflab.figures.curves import HEIGHT, ROW_HEIGHT, Table, plot_table
from difflab.figures.files import DPI, STYLE
from difflab.systems.adaptation.evaluation import Embedding
from difflab.systems.adaptation.scenarios import METHODS

SIDE = 4.2  # inches of one plot
MARKERS = ("o", "^")  # for source and target
MOST_KEYS = 20  # maximum number of classes in a legend; beyond it, colors repeat
DOMAIN_COLORS = ("C0", "C3")


@mpl.rc_context(STYLE)
def plot_embeddings(
    embeddings: Sequence[Embedding],
    color_by: Literal["class", "domain"],
    domains: tuple[str, str],
    title: str,
    classes: Sequence[str] = DIGITS,
) -> Figure:
    """Plot the embeddings side by side; circles are source images, triangles target images.

    `domains`: the names of source and target.
    """
    figure = Figure(figsize=(SIDE * len(embeddings), SIDE + 0.9), dpi=DPI, layout="constrained")
    for axes, embedding in zip(figure.subplots(1, len(embeddings), squeeze=False)[0], embeddings, strict=True):
        for domain, marker in enumerate(MARKERS):
            rows = embedding.domains == domain
            colors = [_color(label, classes) for label in embedding.labels[rows]]
            colors = colors if color_by == "class" else DOMAIN_COLORS[domain]
            axes.scatter(*embedding.points[rows].T, c=colors, marker=marker, s=14, alpha=0.7, linewidths=0)
        axes.set(xticks=[], yticks=[], xlabel=f"proxy A-distance of the domains: {embedding.separability:.2f}")
        axes.set_title(embedding.title, fontsize=10)
    colors = DOMAIN_COLORS if color_by == "domain" else ("grey", "grey")
    keys = [_key(*key) for key in zip(MARKERS, domains, colors, strict=True)]
    if color_by == "class":
        keys += [_key("s", name, _color(label, classes)) for label, name in enumerate(classes[:MOST_KEYS])]
    columns = min(len(keys), len(DIGITS) + 2)
    figure.legend(handles=keys, loc="outside lower center", ncols=columns, handletextpad=0, columnspacing=1)
    figure.suptitle(title, fontsize=11, weight="bold")
    figure.draw_without_rendering()  # computes the layout, before it is measured
    return figure


def _color(label: int, classes: Sequence[str]) -> Any:
    """The color of a class: one of ten, or of twenty if there are more classes."""
    return f"C{label}" if len(classes) <= 10 else mpl.colormaps["tab20"](label % 20)


def _key(marker: str, label: str, color: Any) -> Line2D:
    return Line2D([], [], linestyle="", marker=marker, label=label, color=color, markersize=5)


@mpl.rc_context(STYLE)
def plot_accuracies(
    scenarios: Mapping[str, Mapping[str, Any]], methods: Sequence[str], title: str, table: Table
) -> Figure:
    """Plot the target accuracy by method for each scenario, with `table` below.

    `scenarios`: as in metrics/adapt.json.
    """
    below = ROW_HEIGHT * (len(table.rows) + 3)
    figure = Figure(figsize=(SIDE * max(2, len(scenarios)), HEIGHT + below), dpi=DPI, layout="constrained")
    grid = figure.add_gridspec(2, len(scenarios), height_ratios=[HEIGHT, below])
    for column, (scenario, graded) in enumerate(scenarios.items()):
        axes = figure.add_subplot(grid[0, column])
        axes.set_title(scenario.replace("-", " → "), fontsize=10)
        _draw_methods(axes, {method: graded[method] for method in methods})
    plot_table(figure.add_subplot(grid[1, :]), table)
    figure.suptitle(title, fontsize=11, weight="bold")
    figure.draw_without_rendering()
    return figure


def _draw_methods(axes: Axes, graded: Mapping[str, Any]) -> None:
    target = [values["target"] for values in graded.values()]
    intervals = [[value["value"] - value["low"], value["high"] - value["value"]] for value in target]
    measured = [value["value"] for value in target]
    places = range(len(graded))
    axes.errorbar(places, measured, yerr=np.transpose(intervals), fmt="o", capsize=3, markersize=4, label="measured")
    axes.plot(places, [values["oracle"]["value"] for values in graded.values()], "x", label="chosen by the oracle")
    reported = [np.nan if values["reported"] is None else values["reported"] for values in graded.values()]
    axes.plot(places, reported, "D", fillstyle="none", markersize=5, color="grey", label="reported, on other data")
    axes.set_xticks(places, list(graded))
    axes.set(ylabel="accuracy on the target", ylim=(0, 1.05))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")


def accuracy_table(scenarios: Mapping[str, Mapping[str, Any]]) -> Table:
    """A table of the metrics in metrics/adapt.json, with a row for each scenario and method."""

    def share(value: Mapping[str, float]) -> str:
        return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"

    header = ["", "method", "target", "− source-only", "source", "oracle", "proxy A-distance", "reported"]
    rows = [
        [
            scenario,
            method,
            share(graded[method]["target"]),
            share(graded["gain"][method]) if method in graded["gain"] else "–",
            f"{graded[method]['source']['value']:.3f}",
            f"{graded[method]['oracle']['value']:.3f}",
            f"{graded[method]['separability']['value']:.2f}",
            "–" if graded[method]["reported"] is None else f"{graded[method]['reported']:.4f}",
        ]
        for scenario, graded in scenarios.items()
        for method in METHODS
    ]
    return Table(header, rows)
