"""The table of systems and the pipeline of dvc.yaml name the same figures and metrics."""

from itertools import combinations
from pathlib import Path

import pytest
from dvc.repo import Repo

from difflab.errors import UserError
from difflab.history.dag import read_stages
from difflab.report.graph import HEIGHT, WIDTH, drawing, kinds
from difflab.report.systems import load_systems

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def stages():
    with Repo(str(ROOT)) as repo:
        return read_stages(repo)


def test_every_figure_has_an_entry_and_every_entry_a_figure(stages) -> None:
    systems = load_systems()
    used = {systems.place_of(figure) for stage in stages for figure in stage.figures}
    assert used == {(name, key) for name, system in systems.systems.items() for key in system.figures}


def test_every_stage_with_metrics_has_an_entry_and_every_entry_one(stages) -> None:
    systems = load_systems()
    used = {(systems.system_measured_by(stage.kind), stage.kind) for stage in stages if stage.metrics}
    assert used == {(name, kind) for name, system in systems.systems.items() for kind in system.metrics}
    columns = {
        column for system in systems.systems.values() for table in system.metrics.values() for column in table.columns
    }
    assert columns == set(systems.measures)


def test_captions_are_sentences_and_differ_from_the_alternative_texts() -> None:
    texts = [text for system in load_systems().systems.values() for text in system.figures.values()]
    assert all(text.caption.endswith(".") and text.caption != text.alt != text.title for text in texts)


def test_texts_of_a_figure_name_its_item() -> None:
    text = load_systems().text_of("figures/grid_joint-cosine.png", "joint-cosine")
    assert "joint-cosine" in text.title and "joint-cosine" in text.alt
    assert "{" not in text.title + text.alt + text.caption


def test_a_figure_without_an_entry_is_named() -> None:
    with pytest.raises(UserError, match=r"^systems.yaml: figures/new.png: found none, allowed: "):
        load_systems().text_of("figures/new.png", "")


def test_kinds_of_stages_are_a_graph_without_detours(stages) -> None:
    graph = kinds(stages)
    assert set(graph) == {stage.kind for stage in stages}
    assert graph.has_edge("train", "sample") and graph.has_edge("sample", "evaluate")
    assert not graph.has_edge("prepare", "evaluate")  # by way of the judge


def test_boxes_are_apart_and_edges_go_right(stages) -> None:
    graph = kinds(stages)
    found = drawing(graph)
    assert set(found.boxes) == set(graph) and len(found.edges) == graph.number_of_edges()
    for (ax, ay), (bx, by) in combinations(found.boxes.values(), 2):
        assert abs(ax - bx) >= WIDTH or abs(ay - by) >= HEIGHT
    assert all(found.boxes[a][0] + WIDTH < found.boxes[b][0] for a, b in graph.edges)
