"""A drawing of the pipeline: one box for each kind of stage, in layers (Sugiyama et al. 1981), laid out by grandalf."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
from grandalf.graphs import Edge, Vertex, graph_core
from grandalf.layouts import SugiyamaLayout

from difflab.history.dag import Stage

WIDTH, HEIGHT, GAP = 148, 38, (32, 8)  # pixels: of a box, and between boxes


@dataclass(frozen=True)
class Drawing:
    """Top left corners of the boxes by name, edges as points of a polyline, and the total size."""

    boxes: dict[str, tuple[float, float]]
    edges: list[str]
    width: float
    height: float


class _View:
    """Attributes that grandalf reads (size) and sets (center, points); its layers run from top to bottom."""

    def __init__(self) -> None:
        self.w, self.h = HEIGHT, WIDTH
        self.xy = (0.0, 0.0)
        self.points: list[tuple[float, float]] = []

    def setpath(self, points: list[tuple[float, float]]) -> None:
        self.points = points


class _Vertex(Vertex):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.view = _View()


class _Edge(Edge):
    def __init__(self, a: Vertex, b: Vertex) -> None:
        super().__init__(a, b)
        self.view = _View()


def kinds(stages: list[Stage]) -> nx.DiGraph:
    """The DAG with one node for each kind of stage, reduced transitively."""
    graph = nx.DiGraph()
    graph.add_nodes_from(stage.kind for stage in stages)
    for stage in stages:
        graph.add_edges_from((name.partition("@")[0], stage.kind) for name in stage.upstream)
    return nx.transitive_reduction(graph)


def drawing(graph: nx.DiGraph) -> Drawing:
    """Lay out `graph` from left to right, with its connected components below each other."""
    boxes: dict[str, tuple[float, float]] = {}
    lines, bottom = [], 0.0
    for names in nx.weakly_connected_components(graph):
        vertices = {name: _Vertex(name) for name in graph if name in names}
        edges = [_Edge(vertices[a], vertices[b]) for a, b in sorted(graph.edges) if a in names]
        # Not grandalf's Graph: it stores edges in a set, whose order makes the layout differ between runs.
        layout = SugiyamaLayout(graph_core(vertices.values(), edges))
        layout.yspace, layout.xspace = GAP
        layout.init_all()
        layout.draw()
        centers = {name: vertex.view.xy for name, vertex in vertices.items()}
        heights = [x for x, _ in centers.values()] + [x for edge in edges for x, _ in edge.view.points]
        left, top = min(y for _, y in centers.values()) - WIDTH / 2, min(heights) - HEIGHT / 2 - bottom
        boxes |= {name: (y - left - WIDTH / 2, x - top - HEIGHT / 2) for name, (x, y) in centers.items()}
        lines += [" ".join(f"{y - left:g},{x - top:g}" for x, y in edge.view.points) for edge in edges]
        bottom = max(heights) + HEIGHT / 2 - top + GAP[1]
    return Drawing(boxes, lines, max(x for x, _ in boxes.values()) + WIDTH, bottom - GAP[1])
