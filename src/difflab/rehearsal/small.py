"""The parameters of a rehearsal: networks and image sizes of the active profile, with few steps and images."""

from __future__ import annotations

import json
import math
from typing import Any

from difflab.config.load import validate
from difflab.config.params import PROCESS_STEPS, Params
from difflab.rehearsal.work import Numbers, latents_of, named, size_of, tree_of

PIXELS = 2**16  # maximum for a batch on a CPU: 83 images of 28×28, one of 256×256
LEAST_OF_DIGIT = 10  # smallest number of images that params.yaml allows
VALIDATION, TEST = 20, 100  # images of each digit data set
COLORS = 8
PHOTOGRAPHS = "photographs"  # folder of the concepts' images
CAPTIONED = "captioned"  # folder of images with captions
Tree = dict[str, Any]


def small(
    params: Params, steps: int, on_gpu: bool, threads: int, classes: dict[str, tuple[str, ...]]
) -> tuple[Params, Numbers]:
    """`params` for `steps` training steps or images of each stage, and the required numbers of images.

    On a GPU, batches have their full size. On a CPU, a batch is the largest part with at most `PIXELS` pixels, as with
    `gradient_accumulation_steps`. Images are sampled in one denoising step, and schedules are short; neither changes a
    network. `classes`: class names by data set.

    `runtime.gpus` is at most 1, because torchrun would replace the measuring process.
    """
    tree = tree_of(params)
    tree["runtime"]["gpus"] = min(tree["runtime"]["gpus"], 1)
    tree["compute"]["threads"] = min(tree["compute"]["threads"], threads)
    sizes = {name: size_of(params, name) for name in params.data.sets}
    prompted_size = latents_of(params.text_to_image).image_size if params.text_to_image else 0
    cut = _Cut(tree, steps, on_gpu, prompted_size, classes, sizes)
    cut.batches()
    numbers = cut.numbers()
    cut.digits(numbers)
    cut.studies()
    if "faces" in tree:
        cut.faces(numbers)
    if "clip" in tree:
        cut.circles(numbers)
    if "text_to_image" in tree:
        cut.prompts(numbers)
    if "personalization" in tree:
        cut.concepts(numbers)
    return validate(Params, tree), numbers


class _Cut:
    """Changes `tree`, section by section."""

    def __init__(
        self,
        tree: Tree,
        steps: int,
        on_gpu: bool,
        prompted_size: int,
        classes: dict[str, tuple[str, ...]],
        sizes: dict[str, int],
    ):
        self.tree, self.steps, self.on_gpu = tree, steps, on_gpu
        self.classes, self.sizes = classes, sizes  # by data set: names of classes, pixels per side
        self.prompted_size = prompted_size  # pixels per side of the text-to-image model's images

    def batches(self) -> None:
        tree, prompted = self.tree, self.prompted_size
        graded = tree["judge"]["sets"]
        for recipe in tree["recipes"].values():
            self.cut_batch(recipe["training"], self.sizes[next(iter(recipe["data"]))])
        self.cut_batch(tree["judge"]["training"], max(self.sizes[name] for name in graded))
        if adaptation := tree.get("adaptation"):
            source = next(iter(adaptation["scenarios"])).partition("-")[0]
            self.cut_batch(adaptation["training"], self.sizes[source])
        if faces := tree.get("faces"):
            self.cut_batch(faces["training"], self.sizes[next(iter(faces["data"]))])
        if clip := tree.get("clip"):
            self.cut_batch(clip["training"], clip["network"]["image_size"], 2)  # its loss compares images
        if text_to_image := tree.get("text_to_image"):
            autoencoder = text_to_image["autoencoder"]
            self.cut_batch(autoencoder["training"], autoencoder["network"]["image_size"])
            self.cut_batch(text_to_image["training"], prompted)
        if controlnet := tree.get("controlnet"):
            self.cut_batch(controlnet["training"], prompted)
        if personalization := tree.get("personalization"):
            self.custom_batch = personalization["custom_diffusion"]["training"]["batch_size"]
            self.cut_batch(personalization["inversion"], prompted)
            self.cut_batch(personalization["custom_diffusion"]["training"], prompted)

    def cut_batch(self, training: Tree, size: int, least: int = 1) -> None:
        if not self.on_gpu:
            batch = training["batch_size"] // training["gradient_accumulation_steps"]
            most = min(batch, max(PIXELS // size**2, least))
            training["batch_size"] = next(part for part in range(most, 0, -1) if batch % part == 0)
            training["gradient_accumulation_steps"] = 1

    def numbers(self) -> Numbers:
        """The numbers of images: one batch for each training."""
        tree = self.tree
        needed = [tree[name]["training"]["batch_size"] for name in ("judge", "adaptation") if name in tree]
        for recipe in tree["recipes"].values():
            needed.append(math.ceil(recipe["training"]["batch_size"] / self.share(recipe)))
        images = max(needed)
        train = {name: len(known) * math.ceil(images / len(known)) for name, known in self.classes.items()}
        faces, personalization = tree.get("faces"), tree.get("personalization")
        of_faces = faces["training"]["batch_size"] if faces else 1
        train |= {name: of_faces for name in self.sizes if name not in self.classes}
        inverted = personalization["inversion"]["batch_size"] if personalization else 1
        photographs = math.ceil(inverted / 2)  # each is also flipped
        validation = {name: max(VALIDATION, 2 * len(known)) for name, known in self.classes.items()}
        text_to_image = tree.get("text_to_image")
        captioned = text_to_image["training"]["batch_size"] if text_to_image else 0
        return Numbers(train, validation, photographs, self.classes, captioned)

    def share(self, recipe: Tree) -> float:
        """The images that a recipe uses from all its data sets, relative to the images of one data set."""
        used = {name: len(named(names, self.classes[name])) for name, names in recipe["data"].items()}
        return sum(count / len(self.classes[name]) for name, count in used.items())

    def cut_epochs(self, training: Tree, examples: int) -> None:
        training["num_epochs"] = math.ceil(self.steps / (examples // training["batch_size"]))
        training["num_snapshots"] = min(training["num_snapshots"], self.steps)

    def images(self, batch_size: int, least: int = 1) -> int:
        """Number of images: `steps`, on a GPU at least a whole batch to measure memory; a multiple of `least`."""
        images = max(self.steps, batch_size) if self.on_gpu else self.steps
        return least * math.ceil(images / least)

    def digits(self, numbers: Numbers) -> None:
        tree, train = self.tree, min(numbers.train[name] for name in self.classes)
        for recipe in tree["recipes"].values():
            seen = train + (0 if recipe["hold_out_validation"] else min(numbers.validation.values()))
            self.cut_epochs(recipe["training"], int(seen * self.share(recipe)))
            recipe["schedule"]["num_train_timesteps"] = PROCESS_STEPS
            sampling = recipe["sampling"]
            groups = sum(len(named(names, self.classes[name])) for name, names in recipe["data"].items())
            images = self.images(sampling["batch_size"], groups) // groups
            sampling["images_per_digit"] = max(LEAST_OF_DIGIT, images)
            sampling |= {"num_inference_steps": 1, "trace_steps": 2, "steps_offset": 0}
        self.cut_epochs(tree["judge"]["training"], train)
        if adaptation := tree.get("adaptation"):
            self.cut_epochs(adaptation["training"], train)
            first = next(iter(adaptation["scenarios"]))
            adaptation |= {"scenarios": {first: "all"}, "num_runs": 2}

    def studies(self) -> None:
        studies = self.tree["studies"]
        studies["fid"]["lengths"] = [PROCESS_STEPS]
        studies["fid"]["drawing"]["seeds"] = studies["fid"]["drawing"]["seeds"][:2]
        of_recipe = [(name, studies["guidance"]) for name in studies["guidance"]["recipes"]]
        of_recipe += studies["few_steps"].items()
        for recipe, study in [(None, studies["fid"]["drawing"]), *of_recipe]:
            study["num_images"] = self.images(study["batch_size"], self.least(recipe))
        for study in studies["few_steps"].values():
            study["num_inference_steps"] = [1]
        studies["guidance"]["num_inference_steps"] = studies["training_gif"]["num_inference_steps"] = 1

    def least(self, recipe: str | None) -> int:
        """The smallest number of images for a study, equally many of each class."""
        if recipe is None:
            return LEAST_OF_DIGIT
        [(name, names)] = self.tree["recipes"][recipe]["data"].items()
        count = len(named(names, self.classes[name]))
        return count * math.ceil(LEAST_OF_DIGIT / count)

    def faces(self, numbers: Numbers) -> None:
        faces = self.tree["faces"]
        sampling = faces["sampling"]
        self.cut_epochs(faces["training"], numbers.train[next(iter(faces["data"]))])
        sampling["etas"] = [0.0, *[eta for eta in sampling["etas"] if eta][-1:]]
        sampling["step_seeds"] = sampling["step_seeds"][:1]
        sampling |= {"num_inference_steps": 1, "num_noises": max(2, self.images(sampling["batch_size"]))}
        faces["interpolation"] = {"noises": [0, 1], "num_images": 3}
        faces["reference"] = None

    def circles(self, numbers: Numbers) -> None:
        """Enough scenes of one circle for a batch of each training, in the colors of the prompts and some others."""
        tree, circles = self.tree, self.tree["circles"]
        clip, text_to_image, controlnet = tree["clip"]["training"], tree.get("text_to_image"), tree.get("controlnet")
        trainings = [controlnet["training"]] if controlnet else []
        if text_to_image and text_to_image["pretrained"] is None:
            trainings += [text_to_image["autoencoder"]["training"], text_to_image["training"]]
        needed = [training["batch_size"] for training in trainings]
        digits = numbers.train["mnist"]  # CLIP is also trained on digits
        if tree["clip"]["pretrained"] is None:
            needed.append(clip["batch_size"] - digits)  # the digits alone can be enough
        circles |= {"num_train": max([1, *needed]), "num_validation": 1, "two_circles": 0.0}
        for training in trainings:
            self.cut_epochs(training, circles["num_train"])
        self.cut_epochs(clip, max(circles["num_train"] + digits, clip["batch_size"]))
        if controlnet:
            controlnet["training"]["num_snapshots"] = 1
            controlnet["pairs"]["folder"] = None
        text = json.dumps([controlnet and controlnet["samples"], tree.get("personalization")])
        others = [color for color in circles["colors"] if color not in text][:COLORS]
        circles["colors"] = [color for color in circles["colors"] if color in text or color in others]
        tree["zero_shot"]["unseen"]["images_per_class"] = 1
        tree["zero_shot"]["images"] = None

    def prompts(self, numbers: Numbers) -> None:
        tree = self.tree
        text_to_image = tree["text_to_image"]
        for name in ("text_to_image", "controlnet", "personalization"):
            if name in tree:
                tree[name]["sampling"]["num_inference_steps"] = 1
        text_to_image["num_images"] = self.images(text_to_image["sampling"]["batch_size"])
        if text_to_image["images"]["folder"] is not None:
            text_to_image["images"] = {"folder": CAPTIONED, "num_validation": text_to_image["num_images"]}
            self.cut_epochs(text_to_image["training"], numbers.captioned)
        tree["circles"]["num_validation"] = text_to_image["num_images"]
        if "controlnet" in tree:
            self.control_samples(tree["controlnet"])

    def control_samples(self, controlnet: Tree) -> None:
        samples, circles = controlnet["samples"], self.tree["circles"]
        samples["num_one_circle"] = self.images(controlnet["sampling"]["batch_size"]) if self.on_gpu else 1
        samples |= {"num_two_circles": 1, "num_compared": 1, "two_circles": samples["two_circles"][:1]}
        samples["conditioning_scales"] = samples["conditioning_scales"][-1:]
        circles["num_validation"] = max(circles["num_validation"], samples["num_one_circle"])

    def concepts(self, numbers: Numbers) -> None:
        """Reduce to two concepts, and one template for the captions of their images."""
        section = self.tree["personalization"]
        section |= {"input": None, "num_runs": 1, "templates": section["templates"][:1]}
        section["concepts"] = dict(list(section["concepts"].items())[:2])
        for name, concept in section["concepts"].items():
            concept["images"] = None if concept["color"] else f"{PHOTOGRAPHS}/{name}"
        section["circles"]["num_images"] = numbers.photographs
        samples = self.images(section["sampling"]["batch_size"]) if self.on_gpu else 1
        section["multi_concept"] |= {"prompts": section["multi_concept"]["prompts"][:1], "num_images": samples}
        rows = 2 * numbers.photographs
        self.cut_epochs(section["inversion"], rows)
        custom = section["custom_diffusion"]
        training, joined = custom["training"], rows * len(section["concepts"])
        batch = training["batch_size"]
        if not self.on_gpu:  # few steps per epoch
            batch = training["batch_size"] = max(batch, min(self.custom_batch, math.ceil(joined / self.steps)))
        custom["prior"] |= {"prompts": custom["prior"]["prompts"][:1], "num_images": max(1, batch - joined)}
        self.cut_epochs(training, joined + custom["prior"]["num_images"])
