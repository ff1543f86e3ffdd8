"""Modules outside the fingerprints (CANNOT_CHANGE_A_RESULT) contain nothing that could change a result.

Whether code is harmless cannot be decided in general. These rules exclude what went wrong before: values computed next
to the parameters, process-wide settings, and hooks in other modules.
"""

import ast
import subprocess
import sys
import types
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from test_declared import ROOT, STAGES, script

from difflab.pipeline.fingerprint import OUTSIDE, fingerprint

CONFIG = sorted({*(ROOT / "src/difflab/config").glob("*.py")} - {ROOT / "src/difflab/config/validation.py"})
SCRIPTS = {script(stage).relative_to(ROOT).as_posix() for stage in STAGES.values()}


def import_closure(*paths: str) -> set[str]:
    """All modules that they can import, but the files of packages."""
    return {path for path in fingerprint(*paths, outside=()) if path.endswith(".py") and "__init__" not in path}


CLOSURES = import_closure(*SCRIPTS)
IMPORTED = sorted({ROOT / path for path in CLOSURES if path.startswith(OUTSIDE)} | set(CONFIG))
DECLARED = sorted(CLOSURES - SCRIPTS - {"src/difflab/stage.py"} - {p for p in CLOSURES if p.startswith(OUTSIDE)})
USERS = sorted(ROOT / path for path in {*DECLARED, *SCRIPTS})

READERS = {"validate", "read_yaml", "parse_yaml", "load_runtime", "load_section", "read_section"}  # config/load.py
MESSAGES = {"explain"}  # config/validation.py
CONVERTERS = {"BeforeValidator", "PlainValidator", "WrapValidator", "computed_field", "field_validator"}
CONVERTERS |= {"property", "cached_property", "default_factory", "model_copy", "__setattr__"}
NUMERICAL = {"numpy", "np", "scipy", "torch", "random"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def root_name(node: ast.AST) -> str:
    """`a` of a.b[0].c."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def assigned(path: Path) -> Iterator[ast.expr]:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.Assign, ast.Delete)):
            yield from node.targets
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            yield node.target


@pytest.mark.parametrize("path", IMPORTED, ids=lambda path: path.stem)
def test_exempt_modules_set_nothing_outside_themselves(path: Path) -> None:
    """Neither the environment nor an attribute of another module, and they call no numerical library."""
    nodes = list(ast.walk(tree(path)))
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {alias.asname or alias.name.split(".")[0] for node in imports for alias in node.names}
    outside = [node for node in assigned(path) if isinstance(node, (ast.Attribute, ast.Subscript))]
    assert not {root_name(node) for node in outside} & names
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    assert not {root_name(call) for call in calls} & NUMERICAL
    environ = [node for node in calls if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os.environ"]
    assert {node.attr for node in environ} <= {"get"}
    assert "putenv" not in {node.attr for node in nodes if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("path", CONFIG, ids=lambda path: path.stem)
def test_config_holds_types_checks_and_constant_defaults_only(path: Path) -> None:
    """Methods return nothing, functions their argument or nothing; of a default, the fingerprint has the text."""
    nodes = list(ast.walk(tree(path)))
    words = {node.id for node in nodes if isinstance(node, ast.Name)}
    words |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    words |= {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
    assert not words & CONVERTERS
    for node in (node for node in nodes if isinstance(node, ast.ClassDef) and node.name != "Section"):
        for field in (item for item in node.body if isinstance(item, ast.AnnAssign)):
            for default in defaults(field.value):
                ast.literal_eval(default)
        methods = [item for item in node.body if isinstance(item, FUNCTIONS)]
        assert {method.name for method in methods} <= {"check"} and not any(method.decorator_list for method in methods)
    functions = [node for node in nodes if isinstance(node, FUNCTIONS)]
    if path.stem == "load":
        assert {function.name for function in functions} == READERS
        return
    for function in functions:
        argument = next(each.arg for each in function.args.args if each.arg != "cls")
        returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
        assert {ast.unparse(value) for value in returns if value} <= {argument} or function.name == "load_params"
        stored = [node for node in assigned(path) if isinstance(node, (ast.Attribute, ast.Subscript))]
        assert argument not in {root_name(node) for node in stored}


def defaults(value: ast.expr | None) -> Iterator[ast.expr]:
    if isinstance(value, ast.Call):
        assert root_name(value) == "Field"
        yield from value.args
        yield from (word.value for word in value.keywords if word.arg == "default")
    elif value:
        yield value


@pytest.mark.parametrize("path", USERS, ids=lambda path: path.stem)
def test_only_types_and_readers_are_taken_from_config(path: Path) -> None:
    """No value; and not the order of the choices of a type either."""
    taken = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("difflab.config"):
            module = import_module(str(node.module))
            taken |= {alias.asname or alias.name: getattr(module, alias.name) for alias in node.names}
    for name, value in taken.items():
        assert not isinstance(value, (str, int, float, tuple, list, dict, set)), name
        assert not isinstance(value, types.FunctionType) or name in READERS | MESSAGES, name
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call) and root_name(node.func) == "get_args"]
    assert not {root_name(argument) for call in calls for argument in call.args} & taken.keys()


def test_exempt_modules_import_no_declared_one() -> None:
    """Fingerprints do not look into them."""
    for path in IMPORTED:
        assert all(module.startswith(OUTSIDE) for module in import_closure(path.relative_to(ROOT).as_posix()))


@pytest.mark.parametrize("path", DECLARED)
def test_results_do_not_depend_on_the_stage_runner(path: str) -> None:
    assert not {module for module in import_closure(path) if module.startswith("src/difflab/tracking/")}


def test_threads_are_set_before_numpy_reads_them() -> None:
    """`run` sets them; a stage script must not import NumPy or torch before."""
    code = """
import runpy, sys
from pathlib import Path
for path in sorted(Path("stages").rglob("*.py")):
    runpy.run_path(str(path))
    assert not {"numpy", "torch"} & sys.modules.keys(), path
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
