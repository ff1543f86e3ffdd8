"""Plots of metrics as curves with intervals, and a table of numbers below them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from difflab.figures.files import DPI, STYLE, Provenance, save_png

WIDTH, HEIGHT = 4.2, 3.7  # inches of one plot with its legend
ROW_HEIGHT = 0.2  # inches of one row of the table


@dataclass(frozen=True)
class Curve:
    """Values `y[i]` at `x[i]`, with an error bar from `low[i]` to `high[i]`."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]

    @classmethod
    def of(cls, label: str, x: Sequence[float], estimates: Sequence[Mapping[str, float]]) -> "Curve":
        """A curve of metrics with the keys `value`, `low` and `high`."""
        y, low, high = ([estimate[key] for estimate in estimates] for key in ("value", "low", "high"))
        return cls(label, x, y, low, high)

    @classmethod
    def exact(cls, label: str, x: Sequence[float], y: Sequence[float]) -> "Curve":
        """A curve without intervals."""
        return cls(label, x, y, y, y)


@dataclass(frozen=True)
class Plot:
    """Curves in one plot; `levels` are horizontal lines by label, `ticks` the tick positions on the x axis."""

    title: str
    x_label: str
    y_label: str
    curves: Sequence[Curve]
    levels: dict[str, float] = field(default_factory=dict)
    ticks: Sequence[float] = ()
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Table:
    """A table of text cells, with one header for each column."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@mpl.rc_context(STYLE)
def save_curves(
    plots: Sequence[Plot], title: str, path: Path, stage: str, inputs: Sequence[Path], table: Table | None = None
) -> None:
    """Write a PNG with the plots side by side under one title, and the table below them."""
    below = ROW_HEIGHT * (len(table.rows) + 3) if table else 0.0
    figure = Figure(figsize=(WIDTH * len(plots), HEIGHT + below), dpi=DPI, layout="constrained")
    grid = figure.add_gridspec(2 if table else 1, len(plots), height_ratios=[HEIGHT, below] if table else None)
    for column, plot in enumerate(plots):
        plot_curves(figure.add_subplot(grid[0, column]), plot)
    if table:
        plot_table(figure.add_subplot(grid[1, :]), table)
    figure.suptitle(title, fontsize=11, weight="bold")
    figure.draw_without_rendering()  # computes the layout, before it is measured
    save_png(figure, path, Provenance.of(stage, inputs))


def plot_table(axes: Axes, table: Table) -> None:
    """Plot `table` at the top of `axes`, whose frame and ticks are hidden."""
    axes.set_axis_off()
    drawn = axes.table(table.rows, colLabels=table.header, loc="upper center", cellLoc="right", edges="horizontal")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.auto_set_column_width(list(range(len(table.header))))


def plot_curves(axes: Axes, plot: Plot) -> None:
    """Plot the curves and levels of `plot` in `axes`."""
    for curve in plot.curves:
        below = [max(0.0, y - low) for y, low in zip(curve.y, curve.low, strict=True)]
        above = [max(0.0, high - y) for y, high in zip(curve.y, curve.high, strict=True)]
        interval = [below, above] if any(below + above) else None
        axes.errorbar(curve.x, curve.y, yerr=interval, fmt="o-", label=curve.label, capsize=3, markersize=4)
    for label, level in plot.levels.items():
        axes.axhline(level, linestyle=":", color="grey", label=label)
    if plot.log_x:
        axes.set_xscale("log")
    if plot.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # the default labels one tick within a decade
        axes.yaxis.set_major_formatter("{x:g}")
    if plot.ticks:
        axes.set_xticks(plot.ticks, [f"{tick:g}" for tick in plot.ticks])
    axes.minorticks_off()
    axes.set_title(plot.title, fontsize=10)
    axes.set_xlabel(plot.x_label)
    axes.set_ylabel(plot.y_label)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2)  # below, to hide no values
