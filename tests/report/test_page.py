"""report/index.html: complete, self-contained, and correct."""

import base64
import json
import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from two_commits import ROOT, metrics

from difflab.history.reference import FileReference, Reference
from difflab.history.revisions import Revision
from difflab.pipeline.run_records import RunRecord
from difflab.report.page import write_report


def test_one_file_has_every_figure_with_alt_text_and_its_command(repository: Path) -> None:
    page = write_report().read_text()
    for figure in Path("figures").glob("*.png"):
        assert base64.b64encode(figure.read_bytes()).decode() in page
        assert f"snakemake --cores all {figure}" in page and f"difflab why {figure}" in page
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 3 + 2 + 8  # figures, the slider, its strips: five recipes, of which three have two domains
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in images)
    assert "Samples of joint-cosine" in page and "0.850 – 0.950" in page
    assert "joint-cosine, mnistm, digit 4" in page and "have different seeds" not in page
    links = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert links and all(link.startswith(("data:", "#")) for link in links)
    assert "url(" not in page and "http:" not in page and "https:" not in page  # the page needs no network
    assert write_report().read_text() == page


def test_what_was_not_run_yet_is_named(repository: Path) -> None:
    assert "Not run yet:" not in write_report().read_text()
    for path in ("figures/eta_grid.png", "metrics/joint-cosine.json"):
        Path(path).unlink()
    shutil.rmtree("samples/joint-cosine")
    page = write_report().read_text()
    assert "<code>figures/eta_grid.png</code> (<code>dvc repro eta_grid</code>)" in page
    assert "<code>metrics/joint-cosine.json</code> (<code>dvc repro evaluate@joint-cosine</code>)" in page
    assert "(not part of this run)" in page
    assert "joint-cosine, mnistm, digit 4" not in page and "mnistm-linear, mnistm, digit 4" in page


def test_the_runs_of_the_reference_are_named(repository: Path) -> None:
    assert "There is no reference yet" in write_report().read_text()
    files = {
        name: FileReference(experiment="", commit=commit * 40, machine="some", numbers={"accuracy": [0.9, 0.8]})
        for name, commit in (("joint-cosine", "a"), ("adapt", "b"))
    }
    Path("reference.json").write_text(Reference(seeds=[0, 100], files=files).model_dump_json())
    page = write_report().read_text()
    assert all(f"<code>{commit * 10}</code>" in page for commit in "ab") and "There is no reference yet" not in page


def test_outside_git(repository: Path) -> None:
    shutil.rmtree(".git")
    Path(".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    assert "git checkout" not in write_report().read_text()


def record_run(item: str) -> None:
    """As if evaluate@ITEM had run here."""
    stage = Revision(None).lock[f"evaluate@{item}"]
    RunRecord(
        command=stage.command, started=1.0, commit=None, edited=False, experiment=None, params_sha256="",
        params=stage.params, status="finished", ended=2.0,
    ).write()  # fmt: skip


def claim_of(page: str, name: str) -> str:
    found = re.search(f'<tr id="claim-{name}">.*?</tr>', page, re.DOTALL)
    assert found
    return found[0]


@pytest.mark.parametrize(("accuracy", "state"), [(0.95, "✓ holds"), (0.85, "✗ does not hold")])
def test_claims_come_first_and_are_evaluated_for_what_ran_here(repository: Path, accuracy: float, state: str) -> None:
    Path("metrics/joint-cosine.json").write_text(json.dumps(metrics(0.9) | {"accuracy": {"value": accuracy}}))
    assert "not measured here" in claim_of(write_report().read_text(), "joint-cosine-accuracy")
    record_run("joint-cosine")
    page = write_report().read_text()
    assert state in claim_of(page, "joint-cosine-accuracy")
    assert "not measured here" in claim_of(page, "controlnet-raises-iou")
    places = [page.index(f'<section id="{name}">') for name in ("findings", "digits", "faces", "reported", "reproduce")]
    assert places == sorted(places)


def test_what_params_yaml_leaves_out_is_no_part_of_the_page(repository: Path) -> None:
    """Its entry stays in dvc.lock."""
    assert "not measured here" in claim_of(write_report().read_text(), "lerp-washes-out")
    entry = """  evaluate_faces@faces:
    cmd: 'true'
    params: {params.yaml: {faces.sampling: 1}}
    outs: [{path: metrics/faces.json, hash: md5, md5: d41d8cd98f00b204e9800998ecf8427e, size: 0}]
"""
    Path("dvc.lock").write_text(Path("dvc.lock").read_text() + entry)
    params = YAML().load(Path("params.yaml"))
    del params["faces"]
    YAML().dump(params, Path("params.yaml"))
    claim = claim_of(write_report().read_text(), "lerp-washes-out")
    assert "not part of this run" in claim


def test_reported_values_name_their_sources_and_are_not_judged_on_stand_ins(repository: Path) -> None:
    page = write_report().read_text()
    section = page[
        page.index('<section id="reported">') : page.index("</section>", page.index('<section id="reported">'))
    ]
    assert "<code>docs/systems.md</code>" in section
    assert section.count('class="other">other data<small>') == 1 and section.count(">not part of this run") == 11
    assert not any(f'class="{judged}"' in section for judged in ("met", "missed", "within"))


def test_the_reported_fids_are_next_to_the_measured_ones(repository: Path) -> None:
    shutil.copy(ROOT / "metrics/fid_study.json", "metrics")
    with Path("dvc.yaml").open("a") as pipeline:
        pipeline.write("  fid_study: {cmd: 'true', metrics: [metrics/fid_study.json: {cache: false}]}\n")
    page = write_report().read_text()
    table = page[page.index('<table id="fid">') :].partition("</table>")[0]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    assert rows[4][:3] == ["800", "1.532 · 1.688 · 1.470", "1.563"] and rows[1][3:] == ["–", "–", "–"]
    measured = json.loads(Path("metrics/fid_study.json").read_text())["lengths"]["80"]
    assert rows[4][3:] == ["80", " · ".join(f"{run:.2f}" for run in measured["frechet"]), f"{measured['mean']:.2f}"]
