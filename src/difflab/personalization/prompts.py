"""The prompts that name concepts."""

from __future__ import annotations

from pathlib import Path

from difflab.errors import UserError
from difflab.params import Concepts, MultiConceptParams
from difflab.personalization.course_input import read_course_input
from difflab.personalization.tokens import tokens_of


def prompts_of(params: MultiConceptParams, concepts: Concepts, course_input: str | None) -> list[str]:
    """Those of `params`, or of the course's file. Raises UserError where that names a token that is no concept's."""
    if course_input is None:
        return params.prompts
    prompts = read_course_input(Path(course_input)).prompts
    tokens = [concept.token for concept in concepts.values()]
    for prompt in prompts:
        if unknown := set(tokens_of(prompt)) - set(tokens):
            allowed = f"tokens of personalization.concepts: {', '.join(tokens)}"
            raise UserError(f"{course_input}: found {min(unknown)!r} in {prompt!r}, allowed: {allowed}")
    return prompts


def in_words(prompt: str, concepts: Concepts) -> str:
    """The prompt with the initializer of each concept in place of its token."""
    for concept in concepts.values():
        prompt = prompt.replace(concept.token, concept.initializer)
    return prompt
