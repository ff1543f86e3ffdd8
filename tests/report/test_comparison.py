"""Two revisions side by side."""

import base64
import json
import re
import shutil
from pathlib import Path

import pytest
from two_commits import metrics, write_image

from difflab.errors import UserError
from difflab.evaluation.intervals import Estimate
from difflab.history.compare import compare_revisions
from difflab.report.comparison import read_pairs, write_comparison


def test_what_changed_between_two_commits(repository: Path) -> None:
    found = compare_revisions("HEAD~1", "HEAD")
    assert found.params == ["recipes.joint-cosine.sampling.guidance_scale: 3.0 → 5.0"]
    [metrics_of_joint, metrics_of_linear] = found.metrics
    [difference] = metrics_of_joint.differences
    assert difference.b.path == ("mnistm", "accuracy") and difference.outside == "yes"
    assert isinstance(difference.change, Estimate) and difference.change.value == pytest.approx(0.2)
    assert metrics_of_joint.num_equal == 2
    assert "extractor: found 'judge-mnistm' in A and 'another' in B" in metrics_of_linear.refused
    [pair] = read_pairs(found)
    assert pair.path == "figures/grid_joint-cosine.png" and pair.slides
    assert pair.causes == ["sample@joint-cosine: recipes.joint-cosine.sampling.guidance_scale: 3.0 → 5.0"]
    assert sorted(found.same) == ["figures/eta_grid.png", "figures/grid_mnistm-linear.png"]


def test_the_page_holds_both_images_and_the_text_all_numbers(repository: Path) -> None:
    old = base64.b64encode(Path("figures/grid_mnistm-linear.png").read_bytes()).decode()
    found = compare_revisions("HEAD~1", "HEAD")
    path = write_comparison(found)
    page = path.read_text()
    assert path == Path("report/HEAD~1..HEAD.html")
    [pair] = read_pairs(found)
    assert pair.a.data in page and pair.b.data in page and old not in page
    assert all(link.startswith(("data:", "#")) for link in re.findall(r'(?:src|href)="([^"]{0,40})', page))
    [line] = [line for line in str(found).splitlines() if line.startswith("mnistm.accuracy")]
    assert "+0.2 [0.1293, 0.2707]" in line and line.endswith("yes")  # MOVER: 0.2 ± 0.05 √2


def test_the_working_folder_against_a_commit(repository: Path) -> None:
    Path("metrics/joint-cosine.json").write_text(json.dumps(metrics(0.91)))
    [difference] = compare_revisions("HEAD", None).metrics[0].differences
    assert difference.outside == "no"


def test_figures_of_unlike_size_do_not_slide(repository: Path) -> None:
    Path("figures/grid_joint-cosine.png").unlink()
    write_image(Path("figures/grid_joint-cosine.png"), (1, 2, 3), (80, 20))
    [pair] = read_pairs(compare_revisions("HEAD", None))
    assert not pair.slides


def test_a_figure_that_did_not_change_need_not_be_there(repository: Path) -> None:
    """Such as that of a removed recipe, which dvc.lock still names."""
    Path("figures/eta_grid.png").unlink()
    shutil.rmtree(".dvc/cache")
    assert "figures/eta_grid.png" in compare_revisions("HEAD", None).same


def test_an_unknown_revision_is_one_line(repository: Path) -> None:
    with pytest.raises(UserError) as error:
        compare_revisions("nosuch", "HEAD")
    assert len(str(error.value).splitlines()) == 1


def test_the_cache_may_be_elsewhere(repository: Path) -> None:
    """As after `dvc cache dir`, on a machine whose users share one."""
    shutil.move(".dvc/cache", repository.parent / "shared")
    Path(".dvc/config.local").write_text("[cache]\n    dir = ../../shared\n")
    assert len(read_pairs(compare_revisions("HEAD~1", "HEAD"))) == 1
