"""Fingerprints of code: a hash for each module that a stage can import, blind to comments, docstrings and layout."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from difflab.errors import UserError
from difflab.pipeline.files import atomic_write

PACKAGE = "difflab"
ROOT = Path(__file__).parents[3]  # of the repository
SOURCE = "src"
FOLDER = Path("code")  # where the stage `code` writes
# Outside every fingerprint, each for its reason, to which tests/pipeline/test_exempt.py holds it.
CANNOT_CHANGE_A_RESULT = {
    "src/difflab/config/": "types and checks of params.yaml, whose values are declared; no defaults, nothing computed",
    "src/difflab/pipeline/": "fingerprints of code",
    "src/difflab/validation.py": "texts of errors",
    "src/difflab/pipeline/declared_outputs.py": "refuses outputs that cannot be written",
    "src/difflab/errors.py": "how a stage ends with an error",
    "src/difflab/pipeline/locks.py": "lets one process of a stage work at a time",
    "src/difflab/pipeline/files.py": "writes under a temporary name, then renames",
    "src/difflab/pipeline/progress.py": "progress bars",
    "src/difflab/pipeline/resume.py": "folders of interrupted runs, and hashes of the files in them",
    "src/difflab/pipeline/run_records.py": "when a stage ran",
    "src/difflab/tracking/": "sends training logs to MLflow",
    "src/difflab/pipeline/work_folders.py": "where those of interrupted runs are; removes them",
}
OUTSIDE = tuple(CANNOT_CHANGE_A_RESULT)
Read = Callable[[str], str | None]  # the text of a file by its path in the repository; None: no such file


def fingerprint(*roots: str, read: Read | None = None, outside: tuple[str, ...] = OUTSIDE) -> dict[str, str]:
    """Hash by path of the scripts or modules `roots` and of every module of this package that they can import.

    Imports of modules that begin with one of `outside` are not followed.
    Paths are relative to the repository, with "/"; `read` gets texts, by default those of this package's repository.
    Equal under all supported versions of Python. Imports inside functions and `import_module("a.constant")` are
    followed, those under `if TYPE_CHECKING` are not. Raises UserError for a file that is missing or cannot be parsed,
    and for an import that cannot be followed.
    """
    read = read or _read
    seen: dict[str, str] = {}
    front = set(roots)
    while front:
        found: set[str] = set()
        for name in sorted(front):
            text = read(name)
            if text is None:
                raise UserError(f"{name}: not found, allowed: a file of {SOURCE}/ or stages/")
            digest, imports = _analyzed(name, text)
            seen[name] = digest
            found |= {file for module in imports for file in _files(module, read)}
        front = {name for name in found - seen.keys() if not name.startswith(outside)}
    return dict(sorted(seen.items()))


def running_code() -> dict[str, str]:
    """The fingerprint of this process: of its script and of the modules that it has imported."""
    loaded = [module.__file__ for name, module in list(sys.modules.items()) if name.split(".")[0] == PACKAGE]
    files = [Path(file) for file in [sys.argv[0], *filter(None, loaded)] if file.endswith(".py")]
    named = [file.resolve().relative_to(ROOT).as_posix() for file in files if file.resolve().is_relative_to(ROOT)]
    return fingerprint(*(name for name in named if not name.startswith(OUTSIDE)))


def write_fingerprints(folder: Path = FOLDER) -> None:
    """Write the fingerprint of each script of stages/ to `folder`/NAME.txt, and the report's to report.txt.

    A file that is right already is left alone, one of no script is removed.
    """
    roots = {"report": "src/difflab/report/page.py"}
    scripts = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "stages").rglob("*.py"))
    roots |= {Path(script).stem: script for script in scripts}
    texts = {f"{name}.txt": as_text(fingerprint(root)) for name, root in roots.items()}
    folder.mkdir(exist_ok=True)
    for file in set(folder.iterdir()) - {folder / name for name in texts}:
        file.unlink()
    for name, text in texts.items():
        file = folder / name
        if not file.exists() or file.read_text() != text:
            with atomic_write(file) as partial:
                partial.write_text(text)


def as_text(hashes: dict[str, str]) -> str:
    """A line for each module."""
    return "".join(f"{digest}  {path}\n" for path, digest in hashes.items())


def parse(text: str) -> dict[str, str]:
    """The inverse of `as_text`."""
    return {path: digest for digest, path in (line.split("  ", 1) for line in text.splitlines())}


def _read(path: str) -> str | None:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.is_file() else None


@cache
def _analyzed(path: str, text: str) -> tuple[str, frozenset[str]]:
    """The hash of a module and the names of the modules that it imports."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None
    canonical = "".join(_canonical(tree))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16], frozenset(_imports(tree, path))


def _canonical(node: Any) -> Iterator[str]:
    """The syntax tree as text. `ast.dump` is not the same under all versions of Python."""
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(node, ast.JoinedStr):  # Python 3.12 adds empty texts to f-strings
                value = [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
            # "kind" is the u of u""; a field that is empty may be unknown to another version.
            if field not in ("kind", "type_comment") and value is not None and value != []:
                yield f"{field}="
                yield from _canonical(value)
        yield ")"
    elif isinstance(node, list):
        yield "["
        for item in node:
            if not _has_no_effect(item):
                yield from _canonical(item)
                yield ","
        yield "]"
    else:
        yield ascii(node)


def _has_no_effect(node: Any) -> bool:
    """A docstring, or imports for the type checker alone."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=[]):
            return True
    return False


def _imports(node: ast.AST, path: str) -> Iterator[str]:
    """Names of imported modules of this package; what comes `from` a module may be a module too."""
    for child in ast.iter_child_nodes(node):
        if _has_no_effect(child):
            continue
        match child:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(level=0, module=str(module), names=names):
                yield from (module, *(f"{module}.{alias.name}" for alias in names))
            case ast.ImportFrom():
                raise UserError(f"{path}, line {child.lineno}: found a relative import, allowed: absolute ones")
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in ("import_module", "__import__"):
                match child.args:
                    case [ast.Constant(value=str(module)), *_]:
                        yield module
                    case _:
                        found = ast.unparse(child)
                        raise UserError(f"{path}, line {child.lineno}: found {found}, allowed: the name as a constant")
        yield from _imports(child, path)


def _files(module: str, read: Read) -> Iterator[str]:
    """The files that are run when `module` is imported: its own and those of the packages it lies in."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return
    for end in range(1, len(parts) + 1):
        base = "/".join([SOURCE, *parts[:end]])
        yield from (file for file in (f"{base}/__init__.py", f"{base}.py") if read(file) is not None)
