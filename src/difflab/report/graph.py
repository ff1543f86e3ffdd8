"""A DAG in layers, as Sugiyama et al. 1981 draw it: every edge goes down, long ones around what lies between."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import networkx as nx

WIDTH, HEIGHT, GAP, RISE = 148, 44, 18, 40  # pixels: a node, between two nodes, between two layers
BEND = 14  # the width of an edge that passes a layer
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
    x = _placed(bent, rows)
    left = min(x[node] - _half(node) for node in x)
    width = max(x[node] + _half(node) for node in x) - left
    down = HEIGHT + RISE

    def point(node: Hashable) -> tuple[float, float]:
        return round(x[node] - left, 1), layer[node] * down

    nodes = {node: (point(node)[0] - WIDTH / 2, point(node)[1]) for node in graph}
    edges = [_path([point(node) for node in chain]) for chain in _chains(graph, layer)]
    return Drawing(nodes, edges, round(width, 1), (len(rows) - 1) * down + HEIGHT)


def _chains(graph: nx.DiGraph, layer: dict[Hashable, int]) -> list[list[Hashable]]:
    """Each edge as its nodes with a bend in every layer between them."""
    return [[a, *((a, b, depth) for depth in range(layer[a] + 1, layer[b])), b] for a, b in graph.edges]


def _with_bends(graph: nx.DiGraph, layer: dict[Hashable, int]) -> nx.DiGraph:
    bent = nx.DiGraph()
    bent.add_nodes_from(graph)
    for chain in _chains(graph, layer):
        nx.add_path(bent, chain)
        layer |= {bend: bend[2] for bend in chain[1:-1] if isinstance(bend, tuple)}
    return bent


def _ordered(bent: nx.DiGraph, layer: dict[Hashable, int]) -> list[list[Hashable]]:
    """The layers, each in an order with few crossings: by the mean place of its neighbours, down and up in turns."""
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
    x: dict[Hashable, float] = {}
    for row in rows:
        x |= dict(zip(row, _apart(row, [0.0] * len(row)), strict=True))
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [_mean([x[other] for other in nx.all_neighbors(bent, node)], x[node]) for node in row]
            x |= dict(zip(row, _apart(row, wanted), strict=True))
    return x


def _apart(row: list[Hashable], wanted: list[float]) -> list[float]:
    """Places near `wanted`, in that order, with room for each node: the mean of packing left and right."""
    room = [_half(a) + GAP + _half(b) for a, b in pairwise(row)]
    right, left = list(wanted), list(wanted)
    for i, need in enumerate(room, start=1):
        right[i] = max(right[i], right[i - 1] + need)
    for i, need in reversed(list(enumerate(room))):
        left[i] = min(left[i], left[i + 1] - need)
    return [(a + b) / 2 for a, b in zip(right, left, strict=True)]


def _half(node: Hashable) -> float:
    return (WIDTH if isinstance(node, str) else BEND) / 2


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _path(points: list[tuple[float, float]]) -> str:
    """From below the first node to above the last one, vertical at each point."""
    (x, y), *others = points
    path, y = f"M{x} {y + HEIGHT}", y + HEIGHT
    for number, (next_x, top) in enumerate(others, start=1):
        middle = (y + top) / 2
        path += f" C{x} {middle} {next_x} {middle} {next_x} {top}"
        x, y = next_x, top
        if number < len(others):
            y += HEIGHT
            path += f" V{y}"
    return path
