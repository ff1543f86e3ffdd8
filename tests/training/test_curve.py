"""Loss curves: what `dvc plots` is given, and its page, which asks nothing of a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from difflab import plots_page
from difflab.training.checkpoint import write_curve

LOG = """{"step": 10, "epoch": 0.5, "loss": 0.25, "grad_norm": 1.0, "learning_rate": 0.001}
{"step": 20, "epoch": 1.0, "loss": 0.125, "grad_norm": 0.5, "learning_rate": 0.0}
{"step": 20, "epoch": 1.0, "validation_loss": 0.5}
"""


def test_curve_has_a_row_for_each_loss(tmp_path: Path) -> None:
    (tmp_path / "train_log.jsonl").write_text(LOG)
    write_curve(tmp_path / "train_log.jsonl", tmp_path / "curves/a.csv")
    assert (tmp_path / "curves/a.csv").read_text().splitlines() == [
        "step,epoch,loss,grad_norm,learning_rate",
        "10,0.5,0.25,1.0,0.001",
        "20,1.0,0.125,0.5,0.0",
    ]


def test_page_draws_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["plots_page", "page.html"])
    plots_page.main()
    Path("a.csv").write_text("step,loss\n1,0.5\n2,0.25\n")
    Path("dvc.yaml").write_text("plots: [a.csv: {x: step, y: loss}]\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    Repo.init().close()
    subprocess.run(["dvc", "plots", "show", "--html-template", "page.html"], check=True, capture_output=True)
    page = Path("dvc_plots/index.html").read_text()
    assert "vegaEmbed('#" in page and re.search(r"window\.vegaEmbed ?=", page)
    assert not re.search(r"<(script|link) [^>]*https?:", page)
