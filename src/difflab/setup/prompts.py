"""Checks that the prompts of params.yaml contain only words that the models know."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from difflab.config.language import ControlNetParams, TextToImageParams
from difflab.config.load import ParamsError
from difflab.config.params import Params
from difflab.config.personalization import PersonalizationParams
from difflab.data.captions import vocabulary, words_of
from difflab.errors import read_json, reading
from difflab.systems.personalization.prompts import tokens_of


class Words(NamedTuple):
    """The vocabulary of a tokenizer with one token per word, and the maximum length of a prompt in words."""

    known: set[str]
    longest: int


def check_prompts(params: Params) -> None:
    """Raises ParamsError if a prompt is too long or has a word that the model does not know.

    A subword tokenizer, as in models of the hub, knows any word; then only the tokens of concepts are checked.
    """
    clip, circles, zero_shot = params.clip, params.circles, params.zero_shot
    if clip is None or circles is None or zero_shot is None:  # no section has prompts then
        return
    if params.personalization is not None:
        _check_tokens(params.personalization)
    of_captions = Words(set(vocabulary(circles.colors)), clip.network.text_length - 2)
    of_clip = of_captions if clip.pretrained is None else _words_of(Path(clip.pretrained))
    _check_words([("zero_shot.template", zero_shot.template.replace("{object}", "circle"))], of_clip)
    captions = _captions(params.text_to_image)
    _check_words(captions, of_clip)  # CLIP measures the images
    model = params.text_to_image and params.text_to_image.pretrained
    of_model = of_clip if model is None else _words_of(Path(model, "tokenizer"))
    _check_words([*captions, *_drawn_prompts(params)], of_model)


def _words_of(folder: Path) -> Words | None:
    """The words of a tokenizer's folder; None if it is missing or has a subword tokenizer."""
    file, settings = folder / "tokenizer.json", folder / "tokenizer_config.json"
    if not (file.is_file() and settings.is_file()):
        return None
    with reading(folder, KeyError, TypeError, kind=ParamsError):
        model = read_json(file)["model"]
        if model["type"] != "WordLevel":
            return None
        return Words(set(model["vocab"]), read_json(settings)["model_max_length"] - 2)


def _check_words(prompts: Iterable[tuple[str, str]], words: Words | None) -> None:
    if words is None:
        return
    for key, prompt in prompts:
        found = _words_and_tokens(prompt)
        if len(found) > words.longest:
            allowed = f"{words.longest} at most"
            raise ParamsError(f"params.yaml: {key}: found {len(found)} words in {prompt!r}, allowed: {allowed}")
        for word in found:
            if word not in words.known and not tokens_of(word):
                allowed = f"words of captions: {' '.join(sorted(words.known))}"
                raise ParamsError(f"params.yaml: {key}: found {word!r} in {prompt!r}, allowed: {allowed}")


def _check_tokens(personalization: PersonalizationParams) -> None:
    """Check that each prompt names at least one concept and no other tokens, or is a template for pairs of concepts."""
    tokens = [concept.token for concept in personalization.concepts.values()]
    pair = {"{first}", "{second}"} if len(tokens) > 1 else set()
    allowed = f"prompts with tokens of {', '.join(tokens)}" + (", or with {first} and {second}" if pair else "")
    for prompt in personalization.multi_concept.prompts:
        named, fields = tokens_of(prompt), re.findall(r"\{[^{}]*\}|[{}]", prompt)
        complete = set(fields) == pair if fields else bool(named)
        if not complete or not set(named) <= set(tokens):
            raise ParamsError(
                f"params.yaml: personalization.multi_concept.prompts: found {json.dumps(prompt)}, allowed: {allowed}"
            )


def _words_and_tokens(prompt: str) -> list[str]:
    """The words of a prompt; a token such as <new1> is one word."""
    plain, tokens = prompt, tokens_of(prompt)
    for token in tokens:
        plain = plain.replace(token, " ")
    return words_of(plain) + tokens


def _captions(text_to_image: TextToImageParams | None) -> list[tuple[str, str]]:
    """The captions of the user's images."""
    if text_to_image is None or (folder := text_to_image.images.folder) is None:
        return []
    from difflab.data.captioned_images import read_captioned_images

    return [("text_to_image.images.folder", caption) for caption in read_captioned_images(folder).captions]


def _controlled_prompts(controlnet: ControlNetParams) -> Iterator[tuple[str, str]]:
    if controlnet.pairs.folder is None:
        for number, pair in enumerate(controlnet.samples.two_circles):
            yield f"controlnet.samples.two_circles.{number}.prompt", pair.prompt
    else:
        from difflab.systems.controlnet.pairs import read_pairs

        for prompt in read_pairs(controlnet.pairs.folder).prompts:
            yield "controlnet.pairs.folder", prompt


def _drawn_prompts(params: Params) -> Iterator[tuple[str, str]]:
    """The prompts for the text-to-image model, each with its key."""
    if controlnet := params.controlnet:
        yield from _controlled_prompts(controlnet)
    if (personalization := params.personalization) is None:
        return
    for name, concept in personalization.concepts.items():
        yield f"personalization.concepts.{name}.initializer", concept.initializer
    for prompt in personalization.custom_diffusion.prior.prompts:
        yield "personalization.custom_diffusion.prior.prompts", prompt
    for prompt in personalization.multi_concept.prompts:
        words = prompt.replace("{first}", "<new1>").replace("{second}", "<new2>")
        yield "personalization.multi_concept.prompts", words
    for template in personalization.templates:
        yield "personalization.templates", template.replace("{token}", "<new>")
