"""Imports at the start of each stage: unnecessary libraries cost seconds in every job.

The scripts and modules are read, not run.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from difflab.stage import WITHOUT_TEXT

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "stages").rglob("*.py"))
DRAWING = {"grid", "eta_grid", "same_noise", "recipe_data", "code"}  # copy or arrange image files
WITHOUT_DIFFUSERS = {
    *("adapt", "circles", "concept", "clip", "evaluate", "evaluate_adaptation", "evaluate_controlnet"),
    *("evaluate_faces", "fetch", "judge", "prepare", "scenario", "study_results", "successes_failures", "tsne"),
    *("zero_shot", *DRAWING),
}


def imports(node: ast.AST, in_functions: bool) -> Iterator[str]:
    """Names of the modules that `node` imports, and of what comes `from` them, but for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.FunctionDef() if not in_functions:
                continue
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (module, *(f"{module}.{alias.name}" for alias in names))
        yield from imports(child, in_functions)


def libraries(script: Path) -> set[str]:
    """The packages that the functions of `script` import at their start, and the modules of difflab with them."""
    found, seen, front = set(), {script}, [(script, True)]
    for file, in_functions in front:  # which grows
        for name in imports(ast.parse(file.read_text(encoding="utf-8")), in_functions):
            parts = name.split(".")
            found.add(parts[0])
            for end in range(1, len(parts) + 1):
                base = ROOT.joinpath("src", *parts[:end])
                new = {base / "__init__.py", base.with_suffix(".py")} - seen
                front += [(path, False) for path in new if path.is_file()]
                seen |= new
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_stage_imports_no_library_that_it_does_not_need(script: Path):
    used = libraries(script)
    assert ("torch" in used) == (script.stem not in DRAWING)
    assert ("diffusers" in used) == (script.stem not in WITHOUT_DIFFUSERS)
    excluded = "without=WITHOUT_TEXT" in script.read_text(encoding="utf-8")
    assert excluded == ("diffusers" in used and "transformers" not in used)
    assert not (excluded and used & set(WITHOUT_TEXT))
