"""Fingerprints of code: a hash of each module that a stage can import, without comments, docstrings and formatting.

Of the sections of params.yaml, only default values count: the fingerprint has a hash of the defaults of each section
that a stage imports, but not of the types, bounds and descriptions of its parameters.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from difflab.errors import UserError
from difflab.pipeline.files import atomic_write, is_being_written, remove

PACKAGE = "difflab"
ROOT = Path(__file__).parents[3]  # of the repository
SOURCE = "src"
FOLDER = Path("code")  # where the stage `code` writes
# Excluded from every fingerprint, with the reason, which tests/pipeline/test_exempt.py checks.
CANNOT_CHANGE_A_RESULT = {
    "src/difflab/config/": "types and checks of params.yaml; the defaults of each section have a hash of their own",
    "src/difflab/pipeline/": "locks, atomic files, resume, run records, progress bars, fingerprints",
    "src/difflab/setup/": "writes and checks params.yaml before any stage runs",
    "src/difflab/errors.py": "how a stage ends with an error",
}
OUTSIDE = tuple(CANNOT_CHANGE_A_RESULT)
CONFIG = "difflab.config."
Read = Callable[[str], str | None]  # the text of a file by its path in the repository; None: no such file


def fingerprint(*roots: str, read: Read | None = None, outside: tuple[str, ...] = OUTSIDE) -> dict[str, str]:
    """Hash of each script or module in `roots`, and of each module of this package that they can import, by path.

    Paths are relative to the repository, with "/"; a section of params.yaml has the key `PATH:CLASS`. Imports of files
    whose path begins with one of `outside` are not followed. `read` returns the text of a path, by default from this
    package's repository. The hashes are equal for all supported versions of Python. Imports inside functions and
    `import_module("a.constant")` are followed, those under `if TYPE_CHECKING` are not. Raises UserError for a file that
    is missing or cannot be parsed, and for an import that cannot be followed.
    """
    read = read or _read
    seen: dict[str, str] = {}
    sections: set[str] = set()
    front = set(roots)
    while front:
        found: set[str] = set()
        for name in sorted(front):
            text = read(name)
            if text is None:
                raise UserError(f"{name}: not found, allowed: a file of {SOURCE}/ or stages/")
            digest, imports = _analyzed(name, text)
            seen[name] = digest
            sections |= {module for module in imports if module.startswith(CONFIG)}
            found |= {file for module in imports for file in _files(module, read)}
        front = {name for name in found - seen.keys() if not name.startswith(outside)}
    return dict(sorted((seen | _defaults(sections, read)).items()))


def running_code() -> dict[str, str]:
    """The fingerprint of this process: of its script and of the modules that it has imported."""
    loaded = [module.__file__ for name, module in list(sys.modules.items()) if name.split(".")[0] == PACKAGE]
    files = [Path(file) for file in [sys.argv[0], *filter(None, loaded)] if file.endswith(".py")]
    named = [file.resolve().relative_to(ROOT).as_posix() for file in files if file.resolve().is_relative_to(ROOT)]
    return fingerprint(*(name for name in named if not name.startswith(OUTSIDE)))


def write_fingerprints(folder: Path = FOLDER) -> None:
    """Write the fingerprint of each script of stages/ to `folder`/NAME.txt, and the report's to report.txt.

    Files that are up to date are not rewritten; files without a script and leftovers of killed processes are removed.
    """
    roots = {"report": "src/difflab/report/page.py"}
    scripts = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "stages").rglob("*.py"))
    roots |= {Path(script).stem: script for script in scripts}
    read = cache(_read)  # several scripts import the same modules
    texts = {f"{name}.txt": as_text(fingerprint(root, read=read)) for name, root in roots.items()}
    folder.mkdir(exist_ok=True)
    for path in set(folder.iterdir()) - {folder / name for name in texts}:
        if not is_being_written(path):
            remove(path)
    for name, text in texts.items():
        file = folder / name
        if not file.exists() or file.read_text() != text:
            with atomic_write(file) as partial:
                partial.write_text(text)


def as_text(hashes: dict[str, str]) -> str:
    """One line for each module."""
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
    tree = _parsed(path, text)
    return _digest(_canonical(tree)), frozenset(_imports(tree, path))


def _parsed(path: str, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}") from None


def _digest(canonical: str) -> str:
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _defaults(names: set[str], read: Read) -> dict[str, str]:
    """A hash of each class with defaults on which the definitions `names` (difflab.config.MODULE.NAME) depend."""
    seen: dict[str, str] = {}
    front, done = sorted(names), set(names)
    for name in front:  # grows in the loop
        module, _, last = name.rpartition(".")
        path = f"{SOURCE}/{module.replace('.', '/')}.py"
        node = _definitions(path, read(path) or "").get(last)
        if isinstance(node, ast.ImportFrom):
            found = {f"{node.module}.{last}"}
        elif isinstance(node, ast.ClassDef):
            fields = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            if defaults := "".join(map(_default, fields)):
                seen[f"{path}:{last}"] = _digest(defaults)
            found = {f"{module}.{used}" for part in [*node.bases, *fields] for used in _names(part)}
        else:
            found = {f"{module}.{used}" for used in _names(node)}
        front += sorted(found - done)
        done |= found
    return seen


@cache
def _definitions(path: str, text: str) -> dict[str, ast.AST]:
    """The classes, type aliases and imports from config of a module, by name."""
    found: dict[str, ast.AST] = {}
    for node in _parsed(path, text).body:
        match node:
            case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = node
            case ast.ImportFrom(module=str(module)) if f"{module}.".startswith(CONFIG):
                found |= {alias.name: node for alias in node.names}
    return found


def _names(node: ast.AST | None) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if node else set()


def _default(field: ast.AnnAssign) -> str:
    """NAME = DEFAULT of a pydantic field, also in `Field(…)`; "" if there is none."""
    match field.value:
        case ast.Call(func=ast.Name(id="Field"), args=args, keywords=keywords):
            given = [*args, *(word.value for word in keywords if word.arg in ("default", "default_factory"))]
        case value:
            given = [value] if value else []
    return f"{ast.unparse(field.target)}={_canonical(given)}" if given else ""


def _canonical(node: Any) -> str:
    """The syntax tree as text. The output of `ast.dump` depends on the version of Python."""
    words: list[str] = []
    _write_canonical(node, words.append)
    return "".join(words)


def _write_canonical(node: Any, write: Callable[[str], None]) -> None:
    if isinstance(node, ast.AST):
        write(f"{type(node).__name__}(")
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(node, ast.JoinedStr):  # Python 3.12 adds empty texts to f-strings
                value = [part for part in node.values if not (isinstance(part, ast.Constant) and part.value == "")]
            # "kind" is the u of u""; another version may not have the empty fields.
            if field not in ("kind", "type_comment") and value is not None and value != []:
                write(f"{field}=")
                _write_canonical(value, write)
        write(")")
    elif isinstance(node, list):
        write("[")
        for item in node:
            if not _has_no_effect(item):
                _write_canonical(item, write)
                write(",")
        write("]")
    else:
        write(ascii(node))


def _has_no_effect(node: Any) -> bool:
    """Whether it is a docstring, or imports for type checkers only."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=[]):
            return True
    return False


def _imports(node: ast.AST, path: str) -> Iterator[str]:
    """Names of imported modules of this package; a name imported `from` a module may be a module too."""
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
    """The files that run when `module` is imported: its own and those of its parent packages."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return
    for end in range(1, len(parts) + 1):
        base = "/".join([SOURCE, *parts[:end]])
        yield from (file for file in (f"{base}/__init__.py", f"{base}.py") if read(file) is not None)
