"""The reference page of the stages: the entries of dvc.yaml, with the docstrings of their scripts."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from difflab.config.load import parse_yaml

PIPELINE = Path("dvc.yaml")
COMMANDS = Path("src/difflab/cli.py")  # for stages that are commands of difflab
OUTS = ("outs", "metrics")
PATH = re.compile(r"(?<![\w`])(?=[^\s`]*[/_{])[\w…./{},*-]*[\w/}*](?![\w`])")  # paths in a docstring without backticks
Node = dict[str, Any]


def stages_text() -> str:
    """Markdown with a heading for each group of stages, by folder of their scripts, and a table for each stage."""
    stages: Node = parse_yaml(PIPELINE.read_bytes(), str(PIPELINE))["stages"]
    groups: dict[str, list[str]] = {}
    for name, stage in stages.items():
        each = stage.get("foreach") or stage.get("matrix")
        body: Node = stage.get("do", stage)
        groups.setdefault(_group(body["cmd"]), []).append(_stage(name, body, each))
    return "\n" + "\n".join(f"## {group}\n\n" + "\n".join(texts) for group, texts in groups.items()) + "\n"


def _group(command: str) -> str:
    """The group of a stage, such as "Text to image" for a script in stages/text_to_image/."""
    folder = Path(command.split()[1]).parent.name
    return folder.replace("_", " ").capitalize() if folder not in ("", "stages") else "Whole pipeline"


def _stage(name: str, stage: Node, each: str | Node | None) -> str:
    rows: dict[str, list[str]] = {
        "one for each": _entries(each),
        "command": [stage["cmd"]],
        "parameters": [key if isinstance(key, str) else next(iter(key)) for key in stage.get("params", [])],
        "inputs": stage.get("deps", []),
        "outputs": [out if isinstance(out, str) else next(iter(out)) for key in OUTS for out in stage.get(key, [])],
        "resources": [f"{key}: {value}" for key, value in stage.get("meta", {}).items()],
    }
    lines = [f"| {key} | {', '.join(f'`{value}`' for value in values)} |" for key, values in rows.items() if values]
    return "\n".join([f"### {name}", "", _docstring(stage["cmd"]), "", "| | |", "|---|---|", *lines, ""])


def _entries(each: str | Node | None) -> list[str]:
    """The entries of `foreach`, such as ${recipes}, or of `matrix`, by name."""
    if not isinstance(each, dict):
        return [each] if each else []
    return [f"{name}: {of if isinstance(of, str) else ' '.join(of)}" for name, of in each.items()]


def _docstring(command: str) -> str:
    """The docstring of the script, of the function named by its first argument, or of a command of difflab."""
    program, *words = command.split()
    file = COMMANDS if program == "difflab" else Path(words.pop(0))
    module = ast.parse(file.read_text(encoding="utf-8"))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    node = functions.get(words[0] if words else "", module)
    return PATH.sub(r"`\g<0>`", ast.get_docstring(node) or "")
