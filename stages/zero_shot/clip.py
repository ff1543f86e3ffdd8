"""CLIP, trained on captioned circles and digits, or taken from `clip.pretrained` → models/clip/."""

import argparse
import shutil
from pathlib import Path

from difflab.config.language import ClipNetworkParams, ColouredDigitsParams
from difflab.config.load import load_section

from difflab.config.training import ComputeParams, TrainingParams
from difflab.stage import run

OUTPUT = Path("models/clip")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    compute = load_section(ComputeParams, "compute")
    colours = load_section(list[str], "circles.colours")
    pretrained = load_section(str | None, "clip.pretrained")
    digits = load_section(ColouredDigitsParams, "clip.digits")
    network = load_section(ClipNetworkParams, "clip.network")
    training = load_section(TrainingParams, "clip.training")
    if pretrained is None:
        train(compute, colours, digits, network, training)
    else:
        adopt(pretrained)


def train(
    compute: ComputeParams,
    colours: list[str],
    digits: ColouredDigitsParams,
    network: ClipNetworkParams,
    training: TrainingParams,
) -> None:
    """Train the small model of `clip.network` on the training scenes and on the digits that `clip.digits` leaves."""
    from accelerate.utils import set_seed

    from difflab.data.captions import split_colored_digits, vocabulary
    from difflab.data.circles import load_scenes
    from difflab.data.dataset import ImageDataset
    from difflab.pipeline.files import atomic_write
    from difflab.systems.zero_shot.clip import (
        Clip,
        build_tokenizer,
        make_clip,
        make_image_processor,
        save_clip,
        tokenize,
    )
    from difflab.systems.zero_shot.training import ContrastiveTask, captioned_circles, captioned_digits
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    accelerator = make_accelerator(compute)
    inputs = [Path("prepared/circles.safetensors"), Path("prepared/mnist.safetensors")]
    scenes, real_digits = load_scenes(inputs[0]).part("train"), ImageDataset.load(inputs[1], ["train"]).part("train")
    seen_inks, _ = split_colored_digits(colours, digits.unseen_pairs, digits.seed)
    size = network.image_size
    data = captioned_circles(scenes, size) + captioned_digits(real_digits, seen_inks, size, digits.seed)
    tokenizer = build_tokenizer(vocabulary(colours), network.text_length)
    tokens = tokenize(tokenizer, data.captions)
    tensors = {"images": data.images, "tokens": tokens, "shown": data.shown, "said": data.said}

    set_seed(training.seed)
    clip = make_clip(network, tokenizer)
    with rolling_checkpoint("clip", [compute, colours, digits, network, training], inputs) as checkpoint:
        fit(ContrastiveTask(clip), tensors, training, accelerator, checkpoint)
        with atomic_write(OUTPUT) as folder:
            save_clip(folder, Clip(clip, tokenizer, make_image_processor(network)))
            shutil.copy(checkpoint.log, folder)


def adopt(pretrained: str) -> None:
    """Take the CLIP of a folder or hub id."""
    from difflab.pipeline.files import atomic_write
    from difflab.systems.zero_shot.clip import load_clip, save_clip

    clip = load_clip(pretrained, "clip.pretrained")
    with atomic_write(OUTPUT) as folder:
        save_clip(folder, clip)


if __name__ == "__main__":
    run(main)
