"""Snakemake's own report has the figures, with the words of the page."""

import shutil
import subprocess
from pathlib import Path

from two_commits import ROOT


def test_figures_and_captions(repository: Path) -> None:
    shutil.copy(ROOT / "Snakefile", "Snakefile")
    shutil.copytree(ROOT / "profiles", "profiles")
    for name in ("caption.rst", "workflow.rst"):
        target = Path("src/difflab/report", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / target, target)
    subprocess.run(["snakemake", "--report", "report.html"], check=True, capture_output=True)
    page = Path("report.html").read_text()
    assert "Every figure that" in page
    for title in ("Samples of joint-cosine", "Samples of mnistm-linear", "From deterministic to random"):
        assert title in page
    assert "difflab why" in page and "Digits from noise" in page and "DDIM on faces" in page
