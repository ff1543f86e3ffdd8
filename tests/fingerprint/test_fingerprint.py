"""Fingerprints of code ignore what cannot change a result, see everything else, and agree between Python versions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from difflab.errors import UserError
from difflab.pipeline.files import HOST
from difflab.pipeline.fingerprint import as_text, fingerprint, parse, running_code, write_fingerprints

ROOT = Path(__file__).parents[2]
MODULE = '''"""Docs."""
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from difflab.hidden import Name
import difflab.b


def double(x: int, *, scale=2.0) -> int:
    """Twice."""
    # a comment
    return f"{x!r:>{scale}}" + "a" "b" + 'it\\u00e9' + str(x[1:None, ...] ** -2)
'''
SAME = {
    "comment": ("# a comment", "# another"),
    "docstring": ('"""Twice."""', '"""2 x, as a\n    sentence."""'),
    "no docstring": ('    """Twice."""\n', ""),
    "layout": ("x: int, *, scale=2.0", "\n    x: int,\n    *,\n    scale=2.0,\n"),
    "quotes": ("'it\\u00e9'", '"it\\u00e9"'),
    "escape": ("\\u00e9", "é"),
    "parentheses": ("** -2", "** (-2)"),
    "concatenation": ('"a" "b"', '"ab"'),
    "type checker's imports": ("hidden import Name", "hidden import Other"),
}
OTHER = {
    "a number": ("2.0", "2.5"),
    "a name": ("def double", "def twice"),
    "an operator": ("** -2", "* -2"),
    "None in place of nothing": ("x[1:None, ...]", "x[1:, ...]"),
    "a type": ("-> int", "-> float"),
    "an import": ("import difflab.b", "import difflab.c"),
    "text": ('"a" "b"', '"a" "c"'),
    "format": (":>", ":<"),
}
TREE = {
    "stages/s.py": "from difflab.a import x\n",
    "src/difflab/__init__.py": "",
    "src/difflab/a.py": MODULE,
    "src/difflab/b.py": "def late():\n    from difflab import p\n    import numpy\n",
    "src/difflab/c.py": "",
    "src/difflab/p/__init__.py": "import importlib\nmodule = importlib.import_module('difflab.p.q')\n",
    "src/difflab/p/q.py": "from difflab.errors import UserError\n",
    "src/difflab/errors.py": "from difflab.c import never\n",
    "src/difflab/hidden.py": "",
}


def of(tree: dict[str, str], root: str = "stages/s.py") -> dict[str, str]:
    return fingerprint(root, read=tree.get)


def test_closure_follows_imports_in_functions_packages_and_constant_names() -> None:
    """And neither the type checker's imports nor modules outside."""
    names = ["__init__", "a", "b", "p/__init__", "p/q"]
    assert list(of(TREE)) == [*(f"src/difflab/{name}.py" for name in names), "stages/s.py"]


@pytest.mark.parametrize("edit", SAME)
def test_same_meaning(edit: str) -> None:
    old, new = SAME[edit]
    assert old in MODULE
    assert of(TREE | {"src/difflab/a.py": MODULE.replace(old, new)}) == of(TREE)


@pytest.mark.parametrize("edit", OTHER)
def test_other_meaning(edit: str) -> None:
    old, new = OTHER[edit]
    assert old in MODULE
    before, after = of(TREE), of(TREE | {"src/difflab/a.py": MODULE.replace(old, new)})
    assert {path for path in before if before[path] != after.get(path)} >= {"src/difflab/a.py"}
    assert before["src/difflab/__init__.py"] == after["src/difflab/__init__.py"]


CONFIG = """from pydantic import Field
from difflab.config.base import Base, Width
class Part(Base):
    \"\"\"Docs.\"\"\"
    size: Width = Field(3, ge=1, description="of it")
    other: int
class Kind(Base):
    parts: list[Part]
class Other(Base):
    size: int = 5
Union = Kind | None
def check(): pass
"""
BASE = "Width = int\nclass Base:\n    depth: int = 2\n"
WITH_CONFIG = {
    "stages/s.py": "from difflab.config.a import Union\n",
    "src/difflab/__init__.py": "",
    "src/difflab/config/__init__.py": "",
    "src/difflab/config/a.py": CONFIG,
    "src/difflab/config/base.py": BASE,
}


def test_defaults_of_imported_sections_are_part_of_the_fingerprint() -> None:
    """Also of the sections within them, of their bases and of the kinds of a union; of no others."""
    names = {path.rpartition("/")[2] for path in of(WITH_CONFIG)}
    assert names == {"__init__.py", "s.py", "a.py:Part", "base.py:Base"}


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("Field(3", "Field(4", {"a.py:Part"}),
        ("Field(3", "Field(default=4", {"a.py:Part"}),
        ("other: int\n", "other: int = 1\n", {"a.py:Part"}),
        ("size: Width = Field(3,", "size: Width = Field(", {"a.py:Part"}),
        ("size: int = 5", "size: int = 6", set()),
        ("ge=1", "ge=2", set()),
        ("of it", "of that", set()),
        ("size: Width", "size: int", set()),
        ("Docs.", "Words.", set()),
        ("def check(): pass", "def check(): return 1", set()),
    ],
)
def test_only_another_default_changes_it(old: str, new: str, changes: set[str]) -> None:
    assert old in CONFIG
    before, after = of(WITH_CONFIG), of(WITH_CONFIG | {"src/difflab/config/a.py": CONFIG.replace(old, new)})
    differing = {path for path in before | after if before.get(path) != after.get(path)}
    assert {path.rpartition("/")[2] for path in differing} == changes


def test_a_default_concerns_the_stages_that_load_its_section() -> None:
    scripts = {
        path.stem: " ".join(fingerprint(str(path.relative_to(ROOT)))) for path in (ROOT / "stages").rglob("*.py")
    }
    stages = lambda section: {name for name, seen in scripts.items() if f":{section}" in seen}  # noqa: E731
    faces = {"sample_faces", "eta_grid", "interpolate_faces", "evaluate_faces"}
    assert stages("FaceSamplingParams") == faces
    assert stages("MethodParams") == {"adapt"}
    assert stages("RuntimeParams") == set()


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("importlib.import_module(name)", "import_module(name)"),
        ("__import__(f'difflab.{name}')", "__import__"),
        ("from . import b", "relative"),
        ("def broken(:", "line 1"),
    ],
)
def test_what_cannot_be_followed_is_an_error(line: str, found: str) -> None:
    with pytest.raises(UserError) as error:
        of(TREE | {"src/difflab/b.py": line})
    assert "src/difflab/b.py, line 1" in str(error.value) and found in str(error.value)


def test_missing_script() -> None:
    with pytest.raises(UserError, match=r"stages/none\.py"):
        of(TREE, "stages/none.py")


def python(version: str) -> str | None:
    """An interpreter of that version, also one of pyenv's that its shims do not offer."""
    for path in [f"python{version}", *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))]:
        try:
            shown = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        except FileNotFoundError:
            continue
        if shown.startswith(f"Python {version}."):
            return path
    return None


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_hash_is_the_same_under_every_python(version: str, tmp_path: Path) -> None:
    """A stored hash, so that another version, or an edit of `_canonical`, cannot retrain everything unnoticed."""
    interpreter = python(version) or pytest.skip(f"no Python {version} on this machine")
    program = """
import ast, hashlib, importlib.util, sys, types
for name in ("difflab", "difflab.errors", "difflab.pipeline.files"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["difflab.errors"].UserError = ValueError
for name in ("atomic_write", "is_being_written", "remove"):
    setattr(sys.modules["difflab.pipeline.files"], name, None)
spec = importlib.util.spec_from_file_location("fingerprint", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module.as_text(module.fingerprint("a.py", read={"a.py": open(sys.argv[2], encoding="utf-8").read()}.get)))
print(module.as_text(module.fingerprint("stages/digits/train.py", "src/difflab/report/page.py")))
"""
    module = tmp_path / "a.py"
    module.write_text(MODULE, encoding="utf-8")
    source = Path(__file__).parents[2] / "src/difflab/pipeline/fingerprint.py"
    done = subprocess.run([interpreter, "-c", program, source, module], capture_output=True, text=True, check=True)
    own = as_text(fingerprint("stages/digits/train.py", "src/difflab/report/page.py"))
    assert done.stdout == f"{STORED}  a.py\n\n{own}\n"


STORED = "5dd048231cb90cd5"


def test_text_and_back() -> None:
    assert parse(as_text(of(TREE))) == of(TREE)


def test_writing_touches_only_what_has_changed(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    write_fingerprints(folder)
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert {"train.txt", "report.txt"} <= before.keys()
    (folder / "train.txt").write_text("old")
    (folder / "gone.txt").write_text("of no script")
    write_fingerprints(folder)
    after = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"train.txt"}
    assert after.keys() == before.keys()


def test_what_a_killed_process_left_is_removed_and_what_another_one_writes_stays(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    write_fingerprints(folder)
    names = {file.name for file in folder.iterdir()}
    written = f"train.txt.{HOST}-{os.getppid()}.partial"
    for partial in (f"train.txt.{HOST}-{2**22 + 1}.partial", written):  # above Linux's largest number of a process
        (folder / partial).mkdir()
        (folder / partial / "train.txt").touch()
    write_fingerprints(folder)
    assert {path.name for path in folder.iterdir()} == names | {written}


def test_running_code_is_that_of_the_script() -> None:
    """Of a stage that has imported only a part so far."""
    program = """
import json, sys
import difflab.stage
from difflab.pipeline.fingerprint import running_code
sys.argv = ["stages/digits/train.py", "joint-cosine"]
print(json.dumps(running_code()))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == fingerprint("stages/digits/train.py")
    assert "src/difflab/pipeline/fingerprint.py" not in running_code()
