"""CLIP, trained on captioned circles and colored digits or loaded from `clip.pretrained` → models/clip/."""

from pathlib import Path
from typing import Annotated

from difflab.config.language import ClipNetworkParams, ColoredDigitsParams
from difflab.config.training import TrainingParams
from difflab.stage import Compute, Section, run

OUTPUT = Path("models/clip")


def main(
    compute: Compute,
    colors: Annotated[list[str], Section("circles.colors")],
    pretrained: Annotated[str | None, Section("clip.pretrained")],
    digits: Annotated[ColoredDigitsParams, Section("clip.digits")],
    network: Annotated[ClipNetworkParams, Section("clip.network")],
    training: Annotated[TrainingParams, Section("clip.training")],
) -> None:
    from accelerate.utils import set_seed

    from difflab.data.captions import split_colored_digits, vocabulary
    from difflab.data.circles import load_scenes
    from difflab.data.dataset import ImageDataset
    from difflab.models.hub import record_commit
    from difflab.pipeline.files import atomic_write
    from difflab.systems.zero_shot.clip import (
        Clip,
        build_tokenizer,
        load_clip,
        make_clip,
        make_image_processor,
        save_clip,
        tokenize,
    )
    from difflab.systems.zero_shot.training import ContrastiveTask, captioned_circles, captioned_digits
    from difflab.training.checkpoint import rolling_checkpoint
    from difflab.training.device import make_accelerator
    from difflab.training.fit import fit

    if pretrained is not None:
        loaded = load_clip(pretrained, "clip.pretrained")
        with atomic_write(OUTPUT) as folder:
            save_clip(folder, loaded)
            record_commit(folder, pretrained, "config.json")
        return
    accelerator = make_accelerator(compute)
    inputs = [Path("prepared/circles.safetensors"), Path("prepared/sets/mnist.safetensors")]
    scenes, real_digits = load_scenes(inputs[0]).part("train"), ImageDataset.load(inputs[1], ["train"]).part("train")
    seen_inks, _ = split_colored_digits(colors, digits.unseen_pairs, digits.seed)
    size = network.image_size
    data = captioned_circles(scenes, size) + captioned_digits(real_digits, seen_inks, size, digits.seed)
    tokenizer = build_tokenizer(vocabulary(colors), network.text_length)
    tokens = tokenize(tokenizer, data.captions)
    tensors = {"images": data.images, "tokens": tokens, "shown": data.shown, "said": data.said}

    set_seed(training.seed)
    clip = make_clip(network, tokenizer)
    with rolling_checkpoint("clip", [compute, colors, digits, network, training], inputs) as checkpoint:
        fit(ContrastiveTask(clip), tensors, training, accelerator, checkpoint, compilation=compute.compile)
        with checkpoint.model_folder(OUTPUT) as folder:
            save_clip(folder, Clip(clip, tokenizer, make_image_processor(network)))
    from difflab.models.hub import record_commit
    from difflab.pipeline.files import atomic_write
    from difflab.systems.zero_shot.clip import load_clip, save_clip


if __name__ == "__main__":
    run(main)
