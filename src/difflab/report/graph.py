"""A DAG in layers, as Sugiyama et al. 1981 draw it: every edge goes right, long ones between what lies on the way."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

WIDTH, HEIGHT, GAP, STRIDE = 148, 38, 8, 180  # pixels: a node, between two of a layer, from one layer to the next
BEND = 4  # the height of an edge that passes a layer
SWEEPS = 24


@dataclass(frozen=True)
class Drawing:
    """Corners of the nodes by name, the edges as SVG paths, and the size of it all."""

    nodes: Mapping[str, tuple[float, float]]
    edges: list[str]
    width: float
    height: float


def layered(graph: nx.DiGraph) -> Drawing:
    """Places for the nodes of a directed acyclic graph, whose names are strings."""
    layer = {node: depth for depth, generation in enumerate(nx.topological_generations(graph)) for node in generation}
    bent = _with_bends(graph, layer)
    rows = _ordered(bent, layer)
    y = _placed(bent, rows)
    top = min(y[node] - _half(node) for node in y)
    height = max(y[node] + _half(node) for node in y) - top

    def point(node: Hashable) -> tuple[float, float]:
        return layer[node] * STRIDE, round(y[node] - top, 1)

    nodes = {node: (point(node)[0], point(node)[1] - HEIGHT / 2) for node in graph}
    edges = [_path([point(node) for node in chain]) for chain in _chains(graph, layer)]
    return Drawing(nodes, edges, (len(rows) - 1) * STRIDE + WIDTH, round(height, 1))


def _chains(graph: nx.DiGraph, layer: dict[Hashable, int]) -> list[list[Hashable]]:
    """Each edge as its nodes, with a bend in every layer between them that all edges of its first node share."""
    return [[a, *((a, depth) for depth in range(layer[a] + 1, layer[b])), b] for a, b in graph.edges]


def _with_bends(graph: nx.DiGraph, layer: dict[Hashable, int]) -> nx.DiGraph:
    bent = nx.DiGraph()
    bent.add_nodes_from(graph)
    for chain in _chains(graph, layer):
        nx.add_path(bent, chain)
        layer |= {bend: bend[1] for bend in chain[1:-1] if isinstance(bend, tuple)}
    return bent


def _ordered(bent: nx.DiGraph, layer: dict[Hashable, int]) -> list[list[Hashable]]:
    """The layers, each in an order with few crossings: by the mean place of its neighbours, there and back in turns."""
    rows: list[list[Hashable]] = [[] for _ in range(max(layer.values()) + 1)]
    for node in bent:
        rows[layer[node]].append(node)
    for sweep in range(SWEEPS):
        neighbours = bent.predecessors if sweep % 2 == 0 else bent.successors
        place = {node: i / max(1, len(row) - 1) for row in rows for i, node in enumerate(row)}
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            mean = {node: _mean([place[other] for other in neighbours(node)], place[node]) for node in row}
            row.sort(key=mean.__getitem__)
            place |= {node: i / max(1, len(row) - 1) for i, node in enumerate(row)}
    return rows


def _placed(bent: nx.DiGraph, rows: list[list[Hashable]]) -> dict[Hashable, float]:
    """The middle of every node: near those of its neighbours, and apart from those beside it."""
    y: dict[Hashable, float] = {}
    for row in rows:
        y |= dict(zip(row, _apart(row, [0.0] * len(row)), strict=True))
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [_mean([y[other] for other in nx.all_neighbors(bent, node)], y[node]) for node in row]
            y |= dict(zip(row, _apart(row, wanted), strict=True))
    return y


def _apart(row: list[Hashable], wanted: list[float]) -> list[float]:
    """Places near `wanted`, in that order, with room for each node: the mean of packing from either end."""
    room = [_half(a) + GAP + _half(b) for a, b in pairwise(row)]
    down, up = list(wanted), list(wanted)
    for i, need in enumerate(room, start=1):
        down[i] = max(down[i], down[i - 1] + need)
    for i, need in reversed(list(enumerate(room))):
        up[i] = min(up[i], up[i + 1] - need)
    return [(a + b) / 2 for a, b in zip(down, up, strict=True)]


def _half(node: Hashable) -> float:
    return (HEIGHT if isinstance(node, str) else BEND) / 2


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _path(points: list[tuple[float, float]]) -> str:
    """From the right side of the first node to the left side of the last one, level at each point."""
    (x, y), *others = points
    x += WIDTH
    path = f"M{x} {y}"
    for number, (left, next_y) in enumerate(others, start=1):
        middle = (x + left) / 2
        path += f"C{middle} {y} {middle} {next_y} {left} {next_y}"
        x, y = left, next_y
        if number < len(others):
            x += WIDTH
            path += f"H{x}"
    return path
