"""Metrics of personalized images by group of concepts, method and prompt, and their figure."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from difflab.config.personalization import Concepts, PresenceParams
from difflab.data.pixels import to_pil
from difflab.evaluation.circle_metrics import shows_color
from difflab.evaluation.classifier_metrics import share_of
from difflab.evaluation.intervals import over_runs
from difflab.evaluation.samples import sample_files
from difflab.figures.image_grid import Panel
from difflab.systems.personalization.paths import METHODS, Method, sample_folder
from difflab.systems.personalization.prompts import Group, in_words, named_in
from difflab.systems.zero_shot.classification import embed_images, embed_texts
from difflab.systems.zero_shot.clip import Clip

OURS, THEIRS = "custom_diffusion", "textual_inversion"
MEASURES = {
    "words": "the model before training on concepts, with initializers in place of tokens: what is found by chance",
    "both": "share of images that show every concept of their prompt; prompts: by prompt",
    "shows": "share of images of prompts with the concept that have enough pixels near its color, CIEDE2000",
    "clip_image": "mean cosine of CLIP's embeddings of an image and of each image of the concept",
    "clip_text": "mean cosine of CLIP's embeddings of an image and of its prompt, initializers in place of tokens",
    "difference": "both of custom_diffusion minus both of textual_inversion, for equal prompts, noises and runs",
    "interval": "95 %, Student's t, cut to possible values; pairs: over training runs, which share their noises; "
    "overall: over the means of the pairs; difference_over_runs: over runs, each the mean of all pairs",
}
TITLES: dict[Method, str] = {"textual_inversion": "textual inversion", "custom_diffusion": "Custom Diffusion"}
NUM_NOISES = 4  # in the figure


def summary(values: Sequence[float], least: float) -> dict[str, float]:
    """The mean of independent values in [`least`, 1] with its Student's t interval; a single value has no interval.

    `least` is 0 for shares, −1 for differences and cosines.
    """
    if len(values) == 1:
        return {"value": float(values[0])}
    return asdict(over_runs(values, (least, 1.0)))


def with_runs(values: Sequence[float], least: float) -> dict[str, Any]:
    """`summary` of `values`, and the value of each run."""
    return summary(values, least) | {"runs": list(values)}


def compare_shares(shares: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """Compare the `shares` of images with all concepts, by group, method and run: for each group and overall.

    Differences are Custom Diffusion minus textual inversion, paired by run number. The overall intervals use the means
    of the groups as the sample, even if there are few; that of `difference_over_runs` uses the means of the runs.
    """
    both = {method: np.array([of_group[method] for of_group in shares.values()]) for method in (OURS, THEIRS)}
    differences = both[OURS] - both[THEIRS]  # (groups, runs)
    overall: dict[str, Any] = {method: {"both": summary(both[method].mean(1), 0.0)} for method in (THEIRS, OURS)}
    overall["difference"] = summary(differences.mean(1), -1.0)
    overall["difference_over_runs"] = with_runs(differences.mean(0).tolist(), -1.0)
    by_group = dict(zip(shares, differences.tolist(), strict=True))
    return {"overall": overall, "differences": {group: with_runs(runs, -1.0) for group, runs in by_group.items()}}


Images = Tensor  # (N, 3, H, W) uint8


@dataclass(frozen=True)
class Grader:
    """Computes metrics of images sampled for prompts; `true_images` are the concepts' training images by name."""

    concepts: Concepts
    true_images: Mapping[str, Images]
    clip: Clip
    presence: PresenceParams

    def found(self, images: Images, prompt: str) -> dict[str, Tensor]:
        """Whether each image shows each color concept of the prompt: (N,) bool by name. Other concepts are skipped."""
        colors = {name: self.concepts[name].color for name in named_in(prompt, self.concepts)}
        return {name: shows_color(images, color, self.presence) for name, color in colors.items() if color}

    def grade(self, images: Images, prompt: str) -> dict[str, Any]:
        """Metrics of the images of one prompt, in total (`both`, `clip_text`) or for each of its concepts.

        `both` is the share of images with all concepts; None if a concept is not a color. Raises UserError when CLIP's
        tokenizer does not know a word of the prompt.
        """
        found, names = self.found(images, prompt), named_in(prompt, self.concepts)
        all_found = torch.stack(list(found.values())).all(0) if len(found) == len(names) else None
        embeddings = embed_images(self.clip, images)
        (words,) = embed_texts(self.clip, [in_words(prompt, self.concepts)])
        truths = {name: embed_images(self.clip, self.true_images[name]) for name in names}
        return {
            "both": None if all_found is None else _mean(all_found),
            "shows": {name: _mean(shown) for name, shown in found.items()},
            "clip_image": {name: _mean(embeddings @ truth.T) for name, truth in truths.items()},
            "clip_text": _mean(embeddings @ words),
        }

    def control(self) -> dict[str, Any]:
        """Control of the color detector: its detection rate in each concept's own images and in those of the others."""
        control: dict[str, Any] = {}
        for name, concept in self.concepts.items():
            if concept.color:
                shown = {of: shows_color(truth, concept.color, self.presence) for of, truth in self.true_images.items()}
                control[name] = {"own_images": share_of(shown.pop(name))}
                if shown:
                    control[name]["images_of_others"] = share_of(torch.cat(list(shown.values())))
        return control


def grade_group(
    grader: Grader, group: Group, prompts: Sequence[str], runs: Sequence[Sequence[Images]]
) -> dict[str, Any]:
    """Metrics of one method on one group: means over prompts, then over runs.

    `prompts`: all prompts. `runs`: the images of each run, in the order of `prompts`.
    """
    texts = [prompts[i] for i in group.prompts]
    graded = [[grader.grade(images[i], prompts[i]) for i in group.prompts] for images in runs]

    def over(values: Callable[[dict[str, Any]], float | None], least: float) -> dict[str, Any]:
        of_runs = [[value for grades in run if (value := values(grades)) is not None] for run in graded]
        return summary([sum(of_run) / len(of_run) for of_run in of_runs], least)

    metrics: dict[str, Any] = {}
    if all(grades["both"] is not None for grades in graded[0]):
        shares = [[grades["both"] for grades in run] for run in graded]
        metrics["both"] = with_runs([sum(share) / len(share) for share in shares], 0.0)
        metrics["prompts"] = {text: summary(share, 0.0) for text, *share in zip(texts, *shares, strict=True)}
    for measure, least in (("shows", 0.0), ("clip_image", -1.0)):
        names = [name for name in group.concepts if any(name in grades[measure] for grades in graded[0])]
        metrics[measure] = {name: over(lambda grades, m=measure, n=name: grades[m].get(n), least) for name in names}
    return metrics | {"clip_text": over(lambda grades: grades["clip_text"], -1.0)}


def compare_methods(
    grader: Grader, groups: Sequence[Group], prompts: Sequence[str], images: Mapping[Method, Sequence[Sequence[Images]]]
) -> dict[str, Any]:
    """Metrics of all methods by group, and the differences between them; `images` by method, run and prompt."""
    pairs: dict[str, dict[str, Any]] = {
        group.name: {method: grade_group(grader, group, prompts, images[method]) for method in METHODS}
        for group in groups
    }
    shares = {
        name: {method: graded[method]["both"]["runs"] for method in (OURS, THEIRS)}
        for name, graded in pairs.items()
        if "both" in graded[OURS]
    }
    if not shares:
        return {"pairs": pairs}
    compared = compare_shares(shares)
    for name, difference in compared["differences"].items():
        pairs[name]["difference"] = difference
    return {"overall": compared["overall"], "pairs": pairs}


def _mean(values: Tensor) -> float:
    return values.double().mean().item()


def method_panels(
    prompts: Mapping[int, str],
    concepts: Concepts,
    true_images: Mapping[str, Tensor],
    found: Mapping[tuple[str, int], Mapping[str, Tensor]],
) -> list[Panel]:
    """Panels with a row for each prompt: an image of each of its concepts, then samples of each method in run 0.

    `true_images`: (N, 3, S, S) uint8 by concept. `found`: by method and prompt, which samples show which concept, (N,)
    bool by name; these concepts are listed below each sample.
    """
    names = [named_in(prompt, concepts) for prompt in prompts.values()]
    pictures = [to_pil(torch.stack([true_images[name][0] for name in row])) for row in names]
    labels = [_with_names(prompt, concepts) for prompt in prompts.values()]
    panels = [Panel(pictures, labels, [], "concepts", names)]
    for method, title in TITLES.items():
        files = [sample_files(sample_folder(method, 0, i))[:NUM_NOISES] for i in prompts]
        captions = [
            [_caption(found[method, i], number) for number in range(len(row))]
            for i, row in zip(prompts, files, strict=True)
        ]
        columns = [f"noise {number:02d}" for number in range(max(map(len, files)))]
        panels.append(Panel(files, [], columns, title, captions))
    return panels


def _with_names(prompt: str, concepts: Concepts) -> str:
    """The prompt with tokens replaced by concept names, in lines of about two words."""
    for name, concept in concepts.items():
        prompt = prompt.replace(concept.token, name)
    return textwrap.fill(prompt, 18, break_on_hyphens=False)


def _caption(found: Mapping[str, Tensor], number: int) -> str:
    """The concepts found in a sample, or "both", because two names do not fit; empty if none can be detected."""
    if not found:
        return ""
    names = [name for name, shown in found.items() if shown[number]]
    return "both" if len(names) == len(found) == 2 else ", ".join(names) or "none"
