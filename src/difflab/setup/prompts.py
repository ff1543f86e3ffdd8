"""The prompts of params.yaml, which have to be of words that the small CLIP knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from difflab.config.load import ParamsError
from difflab.config.params import Params
from difflab.data.captions import vocabulary, words_of
from difflab.systems.personalization.prompts import tokens_of


def check_prompts(params: Params) -> None:
    """Raises ParamsError where a prompt is too long, or has a word that no caption has.

    A pretrained CLIP or text-to-image model knows any word, so only the tokens of concepts are checked for it.
    """
    _check_tokens(params)
    if params.clip.pretrained is not None:
        return
    known, longest = set(vocabulary(params.circles.colours)), params.clip.network.text_length - 2
    for key, prompt in _prompts(params):
        words = _words_and_tokens(prompt)
        if len(words) > longest:
            raise ParamsError(f"params.yaml: {key}: found {len(words)} words in {prompt!r}, allowed: {longest} at most")
        for word in words:
            if word not in known and not tokens_of(word):
                allowed = f"words of captions: {' '.join(sorted(known))}"
                raise ParamsError(f"params.yaml: {key}: found {word!r} in {prompt!r}, allowed: {allowed}")


def _check_tokens(params: Params) -> None:
    """Each prompt of several concepts names at least one and no other tokens, or is a template for pairs of them."""
    tokens = [concept.token for concept in params.personalization.concepts.values()]
    pair = {"{first}", "{second}"} if len(tokens) > 1 else set()
    allowed = f"prompts with tokens of {', '.join(tokens)}" + (", or with {first} and {second}" if pair else "")
    for prompt in params.personalization.multi_concept.prompts:
        named, fields = tokens_of(prompt), re.findall(r"\{[^{}]*\}|[{}]", prompt)
        complete = set(fields) == pair if fields else bool(named)
        if not complete or not set(named) <= set(tokens):
            raise ParamsError(
                f"params.yaml: personalization.multi_concept.prompts: found {json.dumps(prompt)}, allowed: {allowed}"
            )


def _words_and_tokens(prompt: str) -> list[str]:
    """A token such as <new1> is one word."""
    plain, tokens = prompt, tokens_of(prompt)
    for token in tokens:
        plain = plain.replace(token, " ")
    return words_of(plain) + tokens


def _prompts(params: Params) -> Iterator[tuple[str, str]]:
    """Each with its key."""
    yield "zero_shot.template", params.zero_shot.template.replace("{object}", "circle")
    if params.text_to_image.pretrained is not None:
        return
    personalization, samples = params.personalization, params.controlnet.samples
    for number, pair in enumerate(samples.two_circles):
        yield f"controlnet.samples.two_circles.{number}.prompt", pair.prompt
    for name, concept in personalization.concepts.items():
        yield f"personalization.concepts.{name}.initializer", concept.initializer
    for prompt in personalization.custom_diffusion.prior.prompts:
        yield "personalization.custom_diffusion.prior.prompts", prompt
    for prompt in personalization.multi_concept.prompts:
        words = prompt.replace("{first}", "<new1>").replace("{second}", "<new2>")
        yield "personalization.multi_concept.prompts", words
    for template in personalization.templates:
        yield "personalization.templates", template.replace("{token}", "<new>")
