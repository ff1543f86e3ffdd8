"""The prompts that name concepts, and the groups of concepts that they name together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from difflab.config.language import Concepts
from difflab.errors import UserError
from difflab.systems.personalization.prompts import read_course_input, tokens_of


@dataclass(frozen=True)
class Group:
    """Concepts that Custom Diffusion trains together, most often a pair, and the prompts that are sampled with them."""

    concepts: tuple[str, ...]  # in the order of params.yaml
    prompts: tuple[int, ...]  # their places in the list of all prompts

    @property
    def name(self) -> str:
        return group_name(self.concepts)


def group_name(concepts: Sequence[str]) -> str:
    return "_and_".join(concepts)


def prompts_of(prompts: Sequence[str], concepts: Concepts, course_input: str | None) -> list[str]:
    """Those of params.yaml, templates once for each pair of concepts, or those of the course's file.

    Raises UserError where that names a token that is no concept's.
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
    """The concepts whose tokens a prompt has, in the order of `concepts`."""
    return tuple(name for name, concept in concepts.items() if concept.token in tokens_of(prompt))


def groups_of(prompts: Sequence[str], concepts: Concepts) -> list[Group]:
    """The largest sets of concepts that one prompt names; each prompt is of the first such group with its own."""
    named = [named_in(prompt, concepts) for prompt in prompts]
    largest = [names for names in dict.fromkeys(named) if not any(set(names) < set(others) for others in named)]
    first = [next(group for group in largest if set(names) <= set(group)) for names in named]
    return [Group(group, tuple(i for i, of_prompt in enumerate(first) if of_prompt == group)) for group in largest]


def in_words(prompt: str, concepts: Concepts) -> str:
    """The prompt with the initializer of each concept in place of its token."""
    for concept in concepts.values():
        prompt = prompt.replace(concept.token, concept.initializer)
    return prompt
