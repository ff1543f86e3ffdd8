"""The drawing of the DAG: whatever the DAG, nothing lies on anything else."""

import itertools
import re

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from difflab.report.graph import HEIGHT, WIDTH, layered


@st.composite
def dags(draw: st.DrawFn) -> nx.DiGraph:
    number = draw(st.integers(1, 12))
    graph = nx.DiGraph()
    graph.add_nodes_from(map(str, range(number)))
    pairs = list(itertools.combinations(range(number), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    graph.add_edges_from((str(a), str(b)) for a, b in chosen)
    return graph


@given(dags())
def test_nodes_are_apart_and_edges_go_right(graph: nx.DiGraph) -> None:
    drawing = layered(graph)
    assert set(drawing.nodes) == set(graph) and len(drawing.edges) == graph.number_of_edges()
    for (ax, ay), (bx, by) in itertools.combinations(drawing.nodes.values(), 2):
        assert abs(ax - bx) >= WIDTH or abs(ay - by) >= HEIGHT
    for a, b in graph.edges:
        assert drawing.nodes[a][0] + WIDTH < drawing.nodes[b][0]
    for x, y in drawing.nodes.values():
        assert 0 <= x <= drawing.width - WIDTH and -0.1 <= y <= drawing.height - HEIGHT + 0.1


@given(dags())
def test_edges_pass_between_nodes(graph: nx.DiGraph) -> None:
    """An edge is level only where it passes a layer; no node is there."""
    drawing = layered(graph)
    for path in drawing.edges:
        for y, right in re.findall(r" ([\d.-]+)H([\d.]+)", path):
            beside = [top for x, top in drawing.nodes.values() if x + WIDTH == float(right)]
            assert not any(top < float(y) < top + HEIGHT for top in beside)
