"""The stages of dvc.yaml and their order."""

# DVC is untyped.
# pyright: reportMissingTypeStubs=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import networkx as nx
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from dvc.stage import Stage as DvcStage

IMAGES = (".png", ".gif")


@dataclass(frozen=True)
class Stage:
    name: str  # such as train@joint-cosine
    command: str
    deps: list[str]
    params: list[str]  # dotted keys; if empty, a dependency on params.yaml means all of it
    outs: list[str]
    metrics: list[str]
    upstream: list[str]  # the stages that produce the deps
    persists: bool  # all outs are `persist: true`, as for check_params: they never change

    @property
    def kind(self) -> str:
        return self.name.partition("@")[0]

    @property
    def item(self) -> str:
        return self.name.partition("@")[2]

    @property
    def figures(self) -> list[str]:
        return [out for out in self.outs if PurePath(out).suffix in IMAGES]


def read_stages(repo: Repo) -> list[Stage]:
    """All stages in topological order, otherwise in the order of dvc.yaml."""
    stages = {stage.addressing: stage for stage in repo.index.stages}
    graph: nx.DiGraph[str] = nx.DiGraph((made.addressing, user.addressing) for user, made in repo.index.graph.edges)
    graph.add_nodes_from(stages)
    place = {name: number for number, name in enumerate(stages)}
    order = nx.lexicographical_topological_sort(graph, key=place.__getitem__)
    return [_stage(stages[name], sorted(graph.predecessors(name), key=place.__getitem__)) for name in order]


def _stage(stage: DvcStage, upstream: list[str]) -> Stage:
    params: list[str] = [key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params]
    return Stage(
        stage.addressing,
        str(stage.cmd or f"dvc repro {stage.addressing}"),
        [dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)],
        params,
        [out.def_path for out in stage.outs],
        [out.def_path for out in stage.outs if out.metric],
        upstream,
        all(out.persist for out in stage.outs),
    )
