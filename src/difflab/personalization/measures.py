"""What is measured of images of several concepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from difflab.clip.embeddings import embed_images, embed_texts
from difflab.clip.model_folder import Clip
from difflab.evaluation.grades import share_of
from difflab.evaluation.intervals import bootstrapped
from difflab.params import Concepts, EvaluationParams, PresenceParams
from difflab.personalization.comparison import paired_comparison
from difflab.personalization.presence import shows_colour
from difflab.personalization.prompts import in_words
from difflab.personalization.tokens import tokens_of

MEASURES = {
    "words": "the model as it was, initializers in place of tokens: what is found there is found by chance",
    "shows": "share of images with enough pixels near the concept's colour, CIEDE2000; 95 % Wilson interval",
    "all_concepts": "share of images that show every concept of their prompt; 95 % Wilson interval",
    "clip_image": "mean cosine of CLIP's embeddings of an image and of each image of the concept",
    "clip_text": "mean cosine of CLIP's embeddings of an image and of its prompt, initializers in place of tokens",
    "difference": "custom_diffusion (ours) less textual_inversion (theirs) on equal prompts and noises; 95 % interval "
    "bootstrapped over noises, p_value McNemar's exact one",
}
Images = Tensor  # (N, 3, H, W) uint8


@dataclass(frozen=True)
class Grader:
    """Judges images of prompts by the concepts' own images, `true_images` by name."""

    concepts: Concepts
    true_images: Mapping[str, Images]
    clip: Clip
    presence: PresenceParams
    evaluation: EvaluationParams

    def named(self, prompt: str) -> list[str]:
        """The concepts whose tokens a prompt has."""
        return [name for name, concept in self.concepts.items() if concept.token in tokens_of(prompt)]

    def found(self, images: Images, prompt: str) -> dict[str, Tensor]:
        """(N,) bool by concept of the prompt: which images show it. Without those that are no colour."""
        colours = {name: self.concepts[name].colour for name in self.named(prompt)}
        return {name: shows_colour(images, colour, self.presence) for name, colour in colours.items() if colour}

    def grades(self, images: Images, prompt: str) -> dict[str, Any]:
        """What the metrics say of the images of one prompt. Raises UserError where CLIP does not know a word of it."""
        found, embeddings = self.found(images, prompt), embed_images(self.clip, images)
        (words,) = embed_texts(self.clip, [in_words(prompt, self.concepts)])
        truths = {name: embed_images(self.clip, self.true_images[name]) for name in self.named(prompt)}
        return {
            "shows": {name: share_of(shown) for name, shown in found.items()},
            "clip_image": {name: self.mean((embeddings @ truth.T).mean(1)) for name, truth in truths.items()},
            "clip_text": self.mean(embeddings @ words),
        }

    def all_found(self, images: Sequence[Images], prompts: Sequence[str]) -> Tensor | None:
        """(P, N) bool: which images show all concepts of their prompt; None where a concept is no colour."""
        found = [self.found(of_prompt, prompt) for of_prompt, prompt in zip(images, prompts, strict=True)]
        if any(len(shown) < len(self.named(prompt)) for shown, prompt in zip(found, prompts, strict=True)):
            return None
        return torch.stack([torch.stack(list(shown.values())).all(0) for shown in found])

    def control(self) -> dict[str, Any]:
        """What the detector of colours says of each concept's own images, and of those of the others."""
        control: dict[str, Any] = {}
        for name, concept in self.concepts.items():
            if concept.colour:
                shown = {
                    of: shows_colour(truth, concept.colour, self.presence) for of, truth in self.true_images.items()
                }
                control[name] = {"own_images": share_of(shown.pop(name))}
                if shown:
                    control[name]["images_of_others"] = share_of(torch.cat(list(shown.values())))
        return control

    def mean(self, values: Tensor) -> dict[str, float]:
        """Of (N,) images, with its bootstrapped interval."""
        numbers = values.double().numpy()
        mean, rng = float(numbers.mean()), np.random.default_rng(self.evaluation.seed)
        return asdict(bootstrapped(mean, numbers - mean, self.evaluation.num_resamples, rng))


def compare_methods(grader: Grader, images: Mapping[str, Sequence[Images]], prompts: Sequence[str]) -> dict[str, Any]:
    """Each method's grades, and what Custom Diffusion changes; `images` (N, 3, H, W) by method and prompt."""
    metrics: dict[str, Any] = {method: {} for method in images}
    both = {method: grader.all_found(of_method, prompts) for method, of_method in images.items()}
    for method, of_method in images.items():
        shown = both[method]
        if shown is not None:
            metrics[method] = {"all_concepts": share_of(shown.flatten())}
        metrics[method]["prompts"] = {
            prompt: ({} if shown is None else {"all_concepts": share_of(shown[i])}) | grader.grades(of_prompt, prompt)
            for i, (prompt, of_prompt) in enumerate(zip(prompts, of_method, strict=True))
        }
    ours, theirs = both["custom_diffusion"], both["textual_inversion"]
    if ours is not None and theirs is not None:
        metrics["difference"] = paired_comparison(ours, theirs, grader.evaluation)
    return metrics
