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
from difflab.report.comparison import compare_revisions, text_of, write_comparison


def test_what_changed_between_two_commits(repository: Path) -> None:
    found = compare_revisions("HEAD~1", "HEAD")
    assert found.params == ["recipes.joint-cosine.sampling.guidance_scale: 3.0 → 5.0"]
    [metrics_of_joint, metrics_of_linear] = found.metrics
    [difference] = metrics_of_joint.differences
    assert difference.b.path == ("mnistm", "accuracy") and difference.outside == "yes"
    assert isinstance(difference.difference, Estimate)
    assert difference.difference.value == pytest.approx(0.2)
    assert difference.difference.low == pytest.approx(0.2 - 0.05 * 2**0.5)  # MOVER of two symmetric intervals
    assert metrics_of_joint.num_equal == 2
    assert "extractor: found 'judge-mnistm' in A and 'another' in B" in metrics_of_linear.refused
    assert [pair.path for pair in found.pairs] == ["figures/grid_joint-cosine.png"]
    assert found.pairs[0].slides
    assert found.pairs[0].causes == ["sample@joint-cosine: recipes.joint-cosine.sampling.guidance_scale: 3.0 → 5.0"]
    assert sorted(found.same) == ["figures/eta_grid.png", "figures/grid_mnistm-linear.png"]


def test_the_page_holds_both_images_and_the_text_all_numbers(repository: Path) -> None:
    old = base64.b64encode(Path("figures/grid_mnistm-linear.png").read_bytes()).decode()
    found = compare_revisions("HEAD~1", "HEAD")
    path = write_comparison(found)
    page = path.read_text()
    assert path == Path("report/HEAD~1..HEAD.html")
    assert found.pairs[0].a.data in page and found.pairs[0].b.data in page and old not in page
    assert all(link.startswith(("data:", "#")) for link in re.findall(r'(?:src|href)="([^"]{0,40})', page))
    assert "* mnistm · accuracy: 0.700 → 0.900, +0.2 [0.129, 0.271]" in text_of(found)


def test_the_working_folder_against_a_commit(repository: Path) -> None:
    Path("metrics/joint-cosine.json").write_text(json.dumps(metrics(0.91)))
    [difference] = compare_revisions("HEAD", None).metrics[0].differences
    assert difference.outside == "no"


def test_figures_of_unlike_size_do_not_slide(repository: Path) -> None:
    Path("figures/grid_joint-cosine.png").unlink()
    write_image(Path("figures/grid_joint-cosine.png"), (1, 2, 3), (80, 20))
    [pair] = compare_revisions("HEAD", None).pairs
    assert not pair.slides


def test_a_figure_that_did_not_change_need_not_be_there(repository: Path) -> None:
    """As that of a recipe which is gone: dvc.lock names it still."""
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
    assert [pair.path for pair in compare_revisions("HEAD~1", "HEAD").pairs] == ["figures/grid_joint-cosine.png"]
