"""Curves and tables: the axes contain the given numbers, and equal figures have equal bytes."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.table import Table as DrawnTable
from PIL import Image

from difflab.figures import curves
from difflab.figures.curves import Curve, Plot, Table, plot_curves, save_curves

DDIM = Curve("DDIM", [5, 10, 20], [4.0, 2.0, 1.0], [3.5, 1.5, 1.0], [5.0, 2.25, 1.125])
DDPM = Curve("DDPM", [100], [0.5], [0.25], [1.0])
DISTANCE = Plot("a title", "evaluations", "distance", [DDIM, DDPM], {"floor": 0.3}, [5, 20, 100], log_x=True)
ACCURACY = Plot("another", "weight", "accuracy", [DDIM])
TABLE = Table(["T", "run 1", "run 2"], [["10", "1.25", "1.5"], ["20", "0.75", "–"]])


@pytest.fixture
def drawn(monkeypatch, tmp_path) -> list[Figure]:
    """The figures that are saved, which are not."""
    figures = []
    monkeypatch.setattr(curves, "save_png", lambda figure, path, provenance: figures.append(figure))
    return figures


def axes_of(drawn: list[Figure], *plots: Plot, table: Table | None = None) -> list[Axes]:
    save_curves(plots, "all of it", Path("a.png"), "stage", [], table)
    return drawn[-1].axes


def test_values_and_error_bars_are_the_given_ones(drawn):
    (axes,) = axes_of(drawn, DISTANCE)
    for curve, container in zip((DDIM, DDPM), axes.containers, strict=True):
        line, caps, (bars,) = container.lines  # pyright: ignore[reportAttributeAccessIssue]
        assert container.get_label() == curve.label
        assert line.get_xydata().tolist() == [list(point) for point in zip(curve.x, curve.y, strict=True)]
        ends = np.array(bars.get_segments())
        assert ends[:, 0, 1].tolist() == curve.low and ends[:, 1, 1].tolist() == curve.high
        assert ends[:, 0, 0].tolist() == ends[:, 1, 0].tolist() == curve.x
        assert [cap.get_ydata().tolist() for cap in caps] == [curve.low, curve.high]


def test_an_interval_that_leaves_its_value_out_has_no_bar_on_that_side(drawn):
    """A bootstrap can be all above the value, or below."""
    (axes,) = axes_of(drawn, Plot("", "x", "y", [Curve("name", [1, 2], [1.0, 1.0], [1.5, 0.5], [2.0, 0.75])]))
    (bars,) = axes.containers[0].lines[2]  # pyright: ignore[reportAttributeAccessIssue]
    assert np.array(bars.get_segments())[:, :, 1].tolist() == [[1.0, 2.0], [0.5, 1.0]]


def test_the_table_stands_below_with_every_cell(drawn):
    above, *others, below = axes_of(drawn, ACCURACY, DISTANCE, table=TABLE)
    (table,) = [child for child in below.get_children() if isinstance(child, DrawnTable)]
    cells = {place: cell.get_text().get_text() for place, cell in table.get_celld().items()}
    rows = [TABLE.header, *TABLE.rows]
    assert cells == {(i, j): text for i, row in enumerate(rows) for j, text in enumerate(row)}
    plots = [axes.get_tightbbox() for axes in (above, *others)]
    assert len(plots) == 2
    box, figure = table.get_window_extent(), drawn[-1].bbox
    assert box.x0 >= 0 and box.x1 <= figure.x1 and box.y0 >= 0, "it does not fit"
    assert all(plot is not None and plot.y0 > box.y1 for plot in plots), "it covers a plot"


def test_equal_figures_are_equal_bytes_whatever_the_users_style(tmp_path):
    source = tmp_path / "metrics.json"
    source.write_text("{}")

    def save(name: str, *plots: Plot) -> bytes:
        save_curves(plots, "all of it", tmp_path / name, "few_steps", [source], TABLE)
        return (tmp_path / name).read_bytes()

    first = save("a.png", DISTANCE)
    with mpl.rc_context({"lines.linewidth": 7, "axes.facecolor": "black", "font.size": 20}):
        assert save("b.png", DISTANCE) == first
    moved = Curve("DDPM", [100], [0.75], [0.25], [1.0])
    assert save("c.png", Plot("a title", "evaluations", "distance", [DDIM, moved], {"floor": 0.3})) != first
    info = Image.open(tmp_path / "a.png").info
    assert info["Stage"] == "few_steps" and info["Inputs"].startswith("sha256:44136fa355b3678a")  # of {}


def test_the_legend_hides_no_value() -> None:
    """The curves fill the whole plot; the legend is below it."""
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.add_subplot()
    plot_curves(axes, Plot("", "x", "y", [Curve.exact(name, [0, 1], [0, 1]) for name in "abcd"], {"level": 0.5}))
    legend = axes.get_legend()
    assert legend is not None
    figure.draw_without_rendering()
    assert legend.get_window_extent().y1 < axes.get_window_extent().y0
