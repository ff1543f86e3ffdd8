"""Draw what the small CLIP never saw → samples/zero_shot/: id2label.json, val/{class}_{index}.png."""

import argparse
from pathlib import Path

from difflab.config.language import ColouredDigitsParams, UnseenImagesParams
from difflab.config.load import load_section

from difflab.config.data import CirclesParams
from difflab.stage import run


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    circles = load_section(CirclesParams, "circles")
    digits = load_section(ColouredDigitsParams, "clip.digits")
    size = load_section(int, "clip.network.image_size")
    params = load_section(UnseenImagesParams, "zero_shot.unseen")

    from difflab.data.captions import split_colored_digits
    from difflab.data.colors import make_color_pairs
    from difflab.data.dataset import ImageDataset
    from difflab.pipeline.files import atomic_write
    from difflab.systems.zero_shot.labeled_folder import unseen_circles, unseen_digits, write_labeled_folder

    _, unseen = make_color_pairs(circles)
    _, unseen_inks = split_colored_digits(circles.colours, digits.unseen_pairs, digits.seed)
    real_digits = ImageDataset.load(Path("prepared/mnist.safetensors"), ["test"]).part("test")
    drawings = unseen_circles(unseen.pairs, size) | unseen_digits(unseen_inks, real_digits, size)
    with atomic_write(Path("samples/zero_shot")) as folder:
        write_labeled_folder(folder, drawings, params)


if __name__ == "__main__":
    run(main)
