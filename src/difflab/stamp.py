"""What figures and files of metrics say of their own making: stage, and hashes of its parameters and inputs.

All of it is the same wherever the file is made again. Commit, time and MLflow run are not, and are found by the file's
content instead (provenance.py); in the file they would make equal results differ from one commit to the next.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shlex
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

import yaml

IEND = 12  # bytes of the last chunk of a PNG file
STAMPED = {("figures", ".png"), ("metrics", ".json")}
TELLING = (".png", ".gif", ".json")
TOLD = ("stage", "params_sha256", "inputs_sha256")


def stamp(partial: Path, path: Path, stage: str, command: str, params: dict[str, Any]) -> None:
    """Tell in `partial`, a figure or file of metrics which is to become `path`, what `stage` made it from.

    `command` is the stage's in dvc.yaml; `params`: what it has read of params.yaml. Other files stay as they are.
    """
    if (path.parts[0], path.suffix) not in STAMPED:
        return
    content = partial.read_bytes()
    if path.suffix == ".png":  # which names its stage and inputs already
        chunk = _text_chunk("Params", f"sha256:{params_hash(params)}")
        partial.write_bytes(content[:-IEND] + chunk + content[-IEND:])
        return
    inputs = _hash(file.read_bytes() for dep in declared_inputs(command) for file in _files(dep))
    # Not nested: `difflab compare` takes what is for measured.
    told = dict(zip(TOLD, (stage, params_hash(params), inputs), strict=True))
    partial.write_text(json.dumps(json.loads(content) | told, indent=2) + "\n")


def read_stamp(suffix: str, content: bytes) -> dict[str, str]:
    """What a PNG, GIF or JSON file says of its making, by name; {} when it says nothing."""
    if suffix == ".json":
        return {name: text for name, text in json.loads(content).items() if name in TOLD}
    from PIL import Image

    image = Image.open(io.BytesIO(content))
    if image.format == "GIF":
        return dict(line.split(": ", 1) for line in image.info.get("comment", b"").decode().splitlines())
    return {name: str(text) for name, text in getattr(image, "text", {}).items()}


def params_hash(params: dict[str, Any]) -> str:
    """`params`: by the dotted keys of dvc.yaml, as dvc.lock has them too."""
    return _hash([json.dumps(params, sort_keys=True).encode()])


def declared_inputs(command: str) -> list[Path]:
    """What the stage with this command reads but code, by dvc.yaml; `${…}` is an argument or a value of params.yaml."""
    stages = yaml.load(Path("dvc.yaml").read_text(), yaml.CSafeLoader)["stages"]
    entry = stages[PurePath(shlex.split(command)[1]).stem]
    entry = entry.get("do", entry)
    arguments = dict(zip(shlex.split(entry["cmd"]), shlex.split(command), strict=True))
    deps = [
        re.sub(r"\$\{.+?\}", lambda found: arguments.get(found[0]) or _value(found[0]), dep) for dep in entry["deps"]
    ]
    return [Path(dep) for dep in deps if not dep.startswith(("src/", "stages/"))]


def _value(reference: str) -> str:
    value = yaml.load(Path("params.yaml").read_text(), yaml.CSafeLoader)
    for part in reference.strip("${}").split("."):
        value = value[part]
    return value


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _hash(contents: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def _text_chunk(key: str, text: str) -> bytes:
    """PNG (ISO/IEC 15948), 11.3.4.3: tEXt."""
    data = b"tEXt" + f"{key}\0{text}".encode("latin-1")
    return struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
