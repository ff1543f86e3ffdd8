"""report/index.html: whole, from one file, and right."""

import base64
import json
import re
import shutil
from pathlib import Path

from two_commits import metrics

from difflab.report.page import write_report


def test_it_holds_every_figure_with_alt_text_and_how_to_make_it(repository: Path) -> None:
    page = write_report().read_text()
    for figure in Path("figures").glob("*.png"):
        assert base64.b64encode(figure.read_bytes()).decode() in page
        assert f"snakemake --cores all {figure}" in page and f"difflab why {figure}" in page
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 3 + 2 + 8  # figures, the slider, its strips: five recipes, of which three have two domains
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in images)
    assert "Samples of joint-cosine" in page and "0.850 – 0.950" in page


def test_it_names_nothing_outside_itself(repository: Path) -> None:
    page = write_report().read_text()
    links = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert links and all(link.startswith(("data:", "#")) for link in links)
    assert "url(" not in page and "http:" not in page and "https:" not in page


def test_same_inputs_same_bytes(repository: Path) -> None:
    assert write_report().read_bytes() == write_report().read_bytes()


def test_what_was_not_run_yet_is_named(repository: Path) -> None:
    assert "Not run yet:" not in write_report().read_text()
    for path in ("figures/eta_grid.png", "metrics/joint-cosine.json"):
        Path(path).unlink()
    shutil.rmtree("samples/joint-cosine")
    page = write_report().read_text()
    assert "<code>figures/eta_grid.png</code> (<code>dvc repro eta_grid</code>)" in page
    assert "<code>metrics/joint-cosine.json</code> (<code>dvc repro evaluate@joint-cosine</code>)" in page
    assert "the geometry is followed, the colours are not (not run here yet)" in page
    assert "joint-cosine, mnistm, digit 4" not in page and "mnistm-linear, mnistm, digit 4" in page


def test_strips_show_the_same_noises_in_the_same_place(repository: Path) -> None:
    page = write_report().read_text()
    assert "joint-cosine, mnistm, digit 4" in page and "mnistm-linear, mnistm, digit 4" in page
    assert "The seeds of the recipes differ" not in page


def test_outside_git(repository: Path) -> None:
    shutil.rmtree(".git")
    Path(".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    assert "Nothing is committed yet." in write_report().read_text()


def test_the_verdict_names_what_does_not_hold(repository: Path) -> None:
    assert "2 files hold,\n0 do not" in write_report().read_text()
    path = Path("metrics/joint-cosine.json")
    path.write_text(json.dumps(metrics(0.99)))
    page = write_report().read_text()
    assert "1 files hold,\n1 do not" in page and "mnistm.accuracy: committed 0.9, here 0.99" in page
