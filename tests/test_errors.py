"""Errors of libraries, DVC and terminals about a user's files are one line; our own bugs keep their traceback."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from ruamel.yaml import YAML
from safetensors.torch import load_file, save_file
from torch import nn

from difflab.config.load import validate
from difflab.config.params import Params
from difflab.errors import UserError, call, parse_json, read_json, reading
from difflab.history.dvc_lock import DamagedLock

READERS: dict[str, Callable[[Path], object]] = {
    "json": read_json,
    "pyyaml": lambda path: yaml.safe_load(path.read_text("utf-8")),
    "ruamel": lambda path: YAML(typ="safe").load(path),
    "safetensors": load_file,
    "torch": lambda path: torch.load(path, weights_only=True),
    "weights": lambda path: nn.Linear(2, 2).load_state_dict(load_file(path)),
}
DAMAGES: dict[str, tuple[str, bytes | None, str]] = {
    "no file": ("json", None, "not found"),
    "json cut off": ("json", b'{"a": ', "not JSON, line 1: Expecting value"),
    "json is a list": ("json", b"[1]", "found a list, allowed: a JSON object"),
    "json key twice": ("json", b'{"a": 1, "a": 2}', "found the key 'a' twice in one object, allowed: once"),
    "json latin-1": ("json", b'{"a": "caf\xe9"}', "not UTF-8: byte 0xe9 at position 10"),
    "json too deep": ("json", b'{"a": ' + 100_000 * b"[", "cannot be read (RecursionError: "),
    "yaml tab": ("pyyaml", b"a:\n\tb: 1\n", "not YAML, line 2: found character '\\t'"),
    "yaml control": ("pyyaml", b"a: \x00\n", "not YAML: "),
    "yaml latin-1": ("pyyaml", b"a: \xe9\n", "not UTF-8: byte 0xe9 at position 3"),
    "yaml key twice": ("ruamel", b"a: 1\na: 2\n", "not YAML, line 2: found duplicate key"),
    "safetensors empty": ("safetensors", b"", "cannot be read (SafetensorError: "),
    "safetensors cut off": ("safetensors", b"\x10" + 7 * b"\x00" + b'{"a"', "cannot be read (SafetensorError: "),
    "torch empty": ("torch", b"", "cannot be read (EOFError: "),
    "torch text": ("torch", b"hello", "cannot be read (KeyError: "),
    "torch zip cut off": ("torch", b"PK\x03\x04" + 90 * b"\x00", "cannot be read (RuntimeError: "),
}


@pytest.mark.parametrize(("reader", "content", "found"), DAMAGES.values(), ids=DAMAGES)
def test_what_a_library_raises_is_one_line(tmp_path: Path, reader: str, content: bytes | None, found: str) -> None:
    path = tmp_path / "mine"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as error, reading(path):
        READERS[reader](path)
    assert str(error.value).startswith(f"{path}: {found}") and len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("reader", READERS)
def test_a_folder_is_no_file(tmp_path: Path, reader: str) -> None:
    with pytest.raises(UserError, match=f"^{tmp_path}: ") as error, reading(tmp_path):
        READERS[reader](tmp_path)
    assert len(str(error.value).splitlines()) == 1


def test_weights_of_another_network_are_one_line(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3, 2)}, tmp_path / "mine")
    path = tmp_path / "mine"
    found = r"mine: cannot be read \(RuntimeError: Error.* size mismatch"
    with pytest.raises(UserError, match=found) as error, reading(path):
        READERS["weights"](path)
    assert len(str(error.value).splitlines()) == 1


def test_the_kind_of_error_is_the_readers() -> None:
    with pytest.raises(DamagedLock, match=r"^x: not found$"), reading("x", kind=DamagedLock):
        Path("x").read_text()


OWN_FAULT = """
from difflab.errors import call, reading

def main():
    with reading("mine"):
        {fault}

call(main)
"""


@pytest.mark.parametrize("fault", ["{}['a']", "None.name", "1 / 0", "len(3)", "[][0]", "int('x')"])
def test_a_fault_of_our_own_is_no_fault_of_the_file(fault: str) -> None:
    """It ends in a traceback, which says where."""
    code = OWN_FAULT.format(fault=fault)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" in done.stderr


def test_what_a_reader_expects_of_its_file_is_the_files_fault() -> None:
    with pytest.raises(UserError, match=r"^mine: cannot be read \(KeyError: 'a'\)$"), reading("mine", KeyError):
        exec("{}['a']", {"__name__": "difflab.reader"})
    with pytest.raises(KeyError), reading("mine"):
        exec("{}['a']", {"__name__": "difflab.reader"})


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}', "mine") == {"a": 1}


def ends(main: Callable[[], Any]) -> str:
    with pytest.raises(SystemExit) as end:
        call(main)
    return str(end.value.code)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    Repo.init().close()
    (tmp_path / "dvc.yaml").write_text("stages: {a: {cmd: 'true', params: [x], outs: [b]}}\n")
    (tmp_path / "params.yaml").write_text("x: 1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("dvc.yaml", "stages:\n\ta: 1\n", "error: dvc: unable to read: 'dvc.yaml', .* \\(not YAML, line 2: "),
        ("dvc.yaml", "stages: {a: {c: 'true'}}\n", "error: dvc: './dvc.yaml' validation failed"),
        ("dvc.lock", "<<<<<<< HEAD\nschema: '2.0'\n", "error: dvc: unable to read: 'dvc.lock', "),
        ("params.yaml", "x:\n\ty: 1\n", "error: dvc: unable to read: 'params.yaml', .* \\(not YAML, line 2: "),
        (".dvc/config", "[core\n", "error: dvc: config file error: Invalid line"),
    ],
)
def test_what_dvc_finds_is_one_line(repository: Path, file: str, content: str, line: str) -> None:
    (repository / file).write_text(content)
    message = ends(lambda: Repo().status())
    assert re.match(line, message) and len(message.splitlines()) == 1


def test_folder_without_git_is_told_to_be_made_a_repository(repository: Path) -> None:
    (repository / ".git").rename(repository / "elsewhere")
    assert ends(Repo).endswith("is not a git repository; `git init` makes it one")


def test_lock_of_dvc_is_one_line() -> None:
    def main() -> None:
        raise LockError("Unable to acquire lock.\nSee there.")

    assert ends(main) == "error: dvc: Unable to acquire lock. See there."
    assert issubclass(LockError, DvcException)


PRINTS = """
import sys
from difflab.errors import UserError, call
print(sys.stdout.encoding, file=sys.stderr)
def main():
    print("η = 0 → é")
    raise UserError("x: found 'é', allowed: ≥ 1")
call(main)
"""


@pytest.mark.parametrize(
    ("environment", "printed"),
    [
        ({"PYTHONIOENCODING": "ascii"}, b"? = 0 ? ?\n"),
        ({"PYTHONIOENCODING": "latin-1"}, b"? = 0 ? \xe9\n"),
        ({"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, b"? = 0 ? ?\n"),
        ({"LC_ALL": "C"}, "η = 0 → é\n".encode()),
    ],
)
def test_a_terminal_gets_what_its_encoding_has(environment: dict[str, str], printed: bytes, tmp_path: Path) -> None:
    (tmp_path / "prints.py").write_text(PRINTS, "utf-8")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHONIO"))}
    done = subprocess.run([sys.executable, tmp_path / "prints.py"], env=clean | environment, capture_output=True)
    assert done.stdout == printed and done.returncode == 1
    *_, line = done.stderr.splitlines()
    assert line.startswith(b"error: x: found '") and line.endswith(b" 1") and b"Traceback" not in done.stderr


def test_values_that_json_cannot_show_are_one_line() -> None:
    endless: list = []
    endless.append(endless)
    with pytest.raises(UserError) as error:
        validate(Params, json.loads("{}") | {"compute": endless})
    assert len(str(error.value).splitlines()) == 1
