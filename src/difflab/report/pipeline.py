"""The stages of dvc.yaml as the report needs them: of the working folder, or of any revision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import networkx as nx
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import Stage as DvcStage

IMAGES = {".png", ".gif"}


@dataclass(frozen=True)
class Stage:
    name: str  # such as train@joint-cosine
    command: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]
    metrics: tuple[str, ...]
    upstream: tuple[str, ...]  # the stages whose outs are deps of this one

    @property
    def kind(self) -> str:
        return self.name.partition("@")[0]

    @property
    def item(self) -> str:
        return self.name.partition("@")[2]

    @property
    def figures(self) -> list[str]:
        return [out for out in self.outs if PurePath(out).suffix in IMAGES]


def read_pipeline(repo: Repo) -> list[Stage]:
    """Every stage, those that make what another needs before it, in the order of dvc.yaml otherwise."""
    stages = {stage.addressing: stage for stage in repo.index.stages}
    graph = nx.DiGraph()
    graph.add_nodes_from(stages)
    graph.add_edges_from((made.addressing, user.addressing) for user, made in repo.index.graph.edges)
    place = {name: number for number, name in enumerate(stages)}
    order = nx.lexicographical_topological_sort(graph, key=place.__getitem__)
    return [_stage(stages[name], tuple(sorted(graph.predecessors(name), key=place.__getitem__))) for name in order]


def _stage(stage: DvcStage, upstream: tuple[str, ...]) -> Stage:
    params = [key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params]
    deps = [dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    metrics = [out.def_path for out in stage.outs if out.metric]
    outs = [out.def_path for out in stage.outs]
    command = str(stage.cmd or f"dvc repro {stage.addressing}")
    return Stage(stage.addressing, command, tuple(deps), tuple(params), tuple(outs), tuple(metrics), upstream)


def kinds(stages: list[Stage]) -> nx.DiGraph:
    """The DAG with one node for each kind of stage, without the edges that a path implies."""
    graph = nx.DiGraph()
    graph.add_nodes_from(stage.kind for stage in stages)
    kind_of = {stage.name: stage.kind for stage in stages}
    graph.add_edges_from((kind_of[above], stage.kind) for stage in stages for above in stage.upstream)
    return nx.transitive_reduction(graph)
