"""The course's input.json: concepts by their tokens, their folders of images, and prompts.

    {"0": {"src_image": "cat2", "token_name": "<new1>", "prompt": ["a <new1> on a beach"]},
     "1": {"src_image": ["cat2", "dog6"], "token_name": ["<new1>", "<new2>"], "prompt": ["a <new1> next to a <new2>"]}}

`src_image` are folders beside the file or absolute ones, one for each token; other keys are not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from difflab.config.language import Token
from difflab.data.image_files import find_images
from difflab.errors import UserError, read_json
from difflab.systems.personalization.prompts import tokens_of
from difflab.validation import explain


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    src_image: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    token_name: Annotated[list[Token], BeforeValidator(_listed), Field(min_length=1)]
    prompt: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]


Entries = Annotated[dict[str, Entry], Field(min_length=1)]


@dataclass(frozen=True)
class CourseInput:
    """`folders` of images by token, and all `prompts`, each once and in the file's order."""

    folders: dict[str, Path]
    prompts: list[str]


def read_course_input(path: str | Path) -> CourseInput:
    """Raises UserError, one line with the file and the key: where a token has no folder or two, a folder no image,
    a prompt none of its entry's tokens or one that no entry names."""
    path = Path(path)
    try:
        entries = TypeAdapter(Entries).validate_python(read_json(path))
    except ValidationError as error:
        raise UserError(f"{path}: {explain(error, read_json(path), '')}") from None
    folders: dict[str, Path] = {}
    for index, entry in entries.items():
        if len(entry.src_image) != len(entry.token_name):
            allowed = f"{len(entry.token_name)}, one for each of token_name"
            raise UserError(f"{path}: {index}.src_image: found {len(entry.src_image)} folders, allowed: {allowed}")
        for token, folder in zip(entry.token_name, entry.src_image, strict=True):
            images = path.parent / folder
            if folders.setdefault(token, images) != images:
                raise UserError(f"{path}: {index}.src_image: found {folder!r}, allowed: {folders[token]} as before")
            find_images(images)
    prompts = [prompt for index, entry in entries.items() for prompt in _prompts(path, index, entry, folders)]
    return CourseInput(folders, list(dict.fromkeys(prompts)))


def _prompts(path: Path, index: str, entry: Entry, folders: dict[str, Path]) -> list[str]:
    for prompt in entry.prompt:
        named = set(tokens_of(prompt))
        if not named & set(entry.token_name):
            allowed = f"prompts that name {' or '.join(entry.token_name)}"
            raise UserError(f"{path}: {index}.prompt: found {prompt!r}, allowed: {allowed}")
        if unknown := named - folders.keys():
            allowed = f"tokens of {', '.join(folders)}"
            raise UserError(f"{path}: {index}.prompt: found {min(unknown)!r} in {prompt!r}, allowed: {allowed}")
    return entry.prompt
