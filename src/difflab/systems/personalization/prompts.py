"""Prompts, the concept tokens in them, and groups of concepts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from difflab.config.personalization import Concepts, Token
from difflab.config.validation import explain
from difflab.data.image_files import find_images
from difflab.errors import UserError, read_json


def tokens_of(prompt: str) -> list[str]:
    """The tokens in a prompt: words in angle brackets."""
    return re.findall(r"<[^<>\s]*>", prompt)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Entry(BaseModel):
    """An entry of the course's file; src_image has a folder for each of token_name."""

    model_config = ConfigDict(frozen=True, strict=True)

    src_image: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]
    token_name: Annotated[list[Token], BeforeValidator(_listed), Field(min_length=1)]
    prompt: Annotated[list[str], BeforeValidator(_listed), Field(min_length=1)]


Entries = Annotated[dict[str, Entry], Field(min_length=1)]


@dataclass(frozen=True)
class CourseInput:
    """`folders` of images by token, and all `prompts` without duplicates, in the file's order."""

    folders: dict[str, Path]
    prompts: list[str]


def read_course_input(path: str | Path) -> CourseInput:
    """Read the course's file of concepts and prompts.

    Raises UserError, one line with file and key, when a token does not have exactly one folder, a folder has no
    images, or a prompt has none of its entry's tokens or a token that is in no entry.
    """
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


@dataclass(frozen=True)
class Group:
    """Concepts that Custom Diffusion trains together, usually a pair, and the prompts sampled with them."""

    concepts: tuple[str, ...]  # in the order of params.yaml
    prompts: tuple[int, ...]  # indices in the list of all prompts

    @property
    def name(self) -> str:
        return group_name(self.concepts)


def group_name(concepts: Sequence[str]) -> str:
    """The name of a group in paths and metrics, such as a_and_b."""
    return "_and_".join(concepts)


def prompts_of(prompts: Sequence[str], concepts: Concepts, course_input: str | None) -> list[str]:
    """All prompts: those of the course's file if given, else `prompts`, with templates for each pair of concepts.

    Raises UserError when the course's file cannot be read or has a token of no concept.
    """
    tokens = [concept.token for concept in concepts.values()]
    if course_input is None:
        return list(dict.fromkeys(prompt for template in prompts for prompt in _of_pairs(template, tokens)))
    found = read_course_input(Path(course_input)).prompts
    for prompt in found:
        if unknown := set(tokens_of(prompt)) - set(tokens):
            allowed = f"tokens of personalization.concepts: {', '.join(tokens)}"
            raise UserError(f"{course_input}: found {min(unknown)!r} in {prompt!r}, allowed: {allowed}")
    return found


def _of_pairs(template: str, tokens: Sequence[str]) -> list[str]:
    if "{first}" not in template:
        return [template]
    return [template.format(first=first, second=second) for first, second in combinations(tokens, 2)]


def named_in(prompt: str, concepts: Concepts) -> tuple[str, ...]:
    """The concepts whose tokens occur in a prompt, in the order of `concepts`."""
    return tuple(name for name, concept in concepts.items() if concept.token in tokens_of(prompt))


def groups_of(prompts: Sequence[str], concepts: Concepts) -> list[Group]:
    """Groups: the sets of concepts in one prompt that are not part of a larger one.

    Each prompt belongs to the first group that includes all its concepts.
    """
    named = [named_in(prompt, concepts) for prompt in prompts]
    largest = [names for names in dict.fromkeys(named) if not any(set(names) < set(others) for others in named)]
    first = [next(group for group in largest if set(names) <= set(group)) for names in named]
    return [Group(group, tuple(i for i, of_prompt in enumerate(first) if of_prompt == group)) for group in largest]


def in_words(prompt: str, concepts: Concepts) -> str:
    """The prompt with each token replaced by the concept's initializer word."""
    for concept in concepts.values():
        prompt = prompt.replace(concept.token, concept.initializer)
    return prompt
