"""Generate example data: letters in DIR/letters, black on white, and in DIR/photos, blended with photographs.

Both have one folder for each class, with images rendered in Matplotlib's fonts. docs/your-data.md trains on them.
"""

import argparse
from importlib.resources import files
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

FONTS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSerif-Bold.ttf", "STIXGeneralBol.ttf", "cmss10.ttf")
PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
SIDE = 28  # pixels


def letter(name: str, generator: np.random.Generator) -> Image.Image:
    """A letter, white on black, with random font, size, position and a small rotation."""
    path = Path(matplotlib.get_data_path(), "fonts/ttf", str(generator.choice(FONTS)))
    font = ImageFont.truetype(path, int(generator.integers(20, 27)))
    image = Image.new("L", (SIDE, SIDE))
    place = tuple(SIDE / 2 + generator.uniform(-2, 2, size=2))
    ImageDraw.Draw(image).text(place, name, fill=255, font=font, anchor="mm")
    return image.rotate(float(generator.uniform(-12, 12)), Image.Resampling.BICUBIC)


def patch(photos: list[Image.Image], generator: np.random.Generator) -> Image.Image:
    """A random square of SIDE pixels from a random photograph."""
    photo = photos[generator.integers(len(photos))]
    left, top = (int(generator.integers(side - SIDE + 1)) for side in photo.size)
    return photo.crop((left, top, left + SIDE, top + SIDE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--classes", default="ABEKSX", help="letters, each a class (default: ABEKSX)")
    parser.add_argument("--images", type=int, default=200, help="of each class (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    opened = [Image.open(str(files("skimage.data") / name)).convert("RGB") for name in PHOTOS]
    photos = [photo.resize((photo.width // 8, photo.height // 8)) for photo in opened]
    for name in options.classes:
        for kind in ("letters", "photos"):
            (options.folder / kind / name).mkdir(parents=True, exist_ok=True)
        for number in range(options.images):
            ink, other = letter(name, generator), letter(name, generator).convert("RGB")
            ImageChops.invert(ink).save(options.folder / f"letters/{name}/{number:03d}.png")
            blended = ImageChops.difference(patch(photos, generator), other)
            blended.save(options.folder / f"photos/{name}/{number:03d}.png")


if __name__ == "__main__":
    main()
