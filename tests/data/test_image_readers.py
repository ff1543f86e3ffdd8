"""Every reader of a user's images takes the same files by the same rule, and skips and refuses the same others."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from difflab.config.data import SetParams
from difflab.data import folder, torchvision_files
from difflab.errors import UserError
from difflab.figures.image_grid import PRINT, Panel, plot_image_grid
from difflab.systems.faces.evaluation import errors_against
from difflab.systems.personalization.concepts import photographs
from difflab.systems.personalization.prompts import read_course_input
from difflab.systems.zero_shot import classification
from difflab.systems.zero_shot.labeled_folder import read_labeled_folder

INK = np.zeros((8, 8), dtype=bool)
INK[2:6, 3:5] = True
BLACK_ON_WHITE = np.where(INK, 0, 255).astype(np.uint8)


def transparent(mode: str) -> Image.Image:
    """Black ink on a transparent background that is black too."""
    image = Image.new("RGB" if mode in ("RGBA", "P") else "L", INK.shape)
    image.putalpha(Image.fromarray(255 * INK.astype(np.uint8)))
    return image.quantize(8) if mode == "P" else image


FILES = {  # an image, the suffix of its file, and options
    "RGBA": (transparent("RGBA"), "png", {}),
    "LA": (transparent("LA"), "PNG", {}),
    "P": (transparent("P"), "png", {}),
    "tRNS": (Image.fromarray(np.where(INK, 0, 7).astype(np.uint8)), "png", {"transparency": 7}),
    "16 bits": (Image.fromarray(257 * BLACK_ON_WHITE.astype(np.uint16)), "png", {}),
    "1 bit": (Image.fromarray(~INK), "tif", {}),
    "CMYK": (Image.fromarray(BLACK_ON_WHITE).convert("CMYK"), "TIFF", {}),
    "WebP": (transparent("RGBA"), "webp", {"lossless": True}),
    "GIF": (transparent("RGBA"), "GIF", {}),
    "BMP": (Image.fromarray(BLACK_ON_WHITE), "bmp", {}),
    "JPEG": (Image.fromarray(BLACK_ON_WHITE), "JPEG", {"quality": 100}),
    "odd EXIF": (Image.fromarray(BLACK_ON_WHITE), "png", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0"}),
}


def grey(images: Tensor) -> np.ndarray:
    """(N, 8, 8) of equal channels."""
    array = images.numpy()
    assert (array == array[:, :1]).all()
    return array[:, 0]


def read_digits(root: Path) -> np.ndarray:
    """Two classes of the same images."""
    (root / "digits").mkdir()
    for name in ("b", "a"):
        (root / f"digits/{name}").symlink_to(root / "images", target_is_directory=True)
    return grey(folder.read_classes(root / "digits", SetParams(source="folder"), np.random.default_rng(0)).images)[3:]


def read_faces(root: Path) -> np.ndarray:
    folder.check_persons(root / "faces", "file")
    return grey(folder.read_persons(root / "faces", "file", np.random.default_rng(0)).images)


def read_photographs(root: Path) -> np.ndarray:
    """As MNIST-M takes them: under black digits they are as they were."""
    for name in torchvision_files.files_of("MNIST"):
        (root / "torchvision" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "torchvision" / name).touch()
    torchvision_files.check_blended("MNIST", root)
    images = torch.zeros(9, 1, 8, 8, dtype=torch.uint8)
    splits = torch.tensor([0, 1, 2] * 3, dtype=torch.uint8)
    digits = folder.ImageDataset(images, torch.zeros(9, dtype=torch.int64), splits, "blank")
    return grey(torchvision_files._blend(digits, root / "photos", np.random.default_rng(0)).images)


def read_concept(root: Path) -> np.ndarray:
    return grey(photographs(root / "concept").images)


def read_course_concept(root: Path) -> np.ndarray:
    entry = {"src_image": "concept", "token_name": "<new1>", "prompt": "a <new1>"}
    (root / "input.json").write_text(json.dumps({"0": entry}))
    return grey(photographs(read_course_input(root / "input.json").folders["<new1>"]).images)


def read_zero_shot(root: Path) -> np.ndarray:
    """What CLIP is given."""
    (root / "id2label.json").write_text('{"0": "digit"}')
    images = read_labeled_folder(root)
    taken = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classification, "embed_texts", lambda *_: torch.ones(1, 1))
        patch.setattr(classification, "embed_images", lambda _, given: taken.extend(given) or torch.ones(len(taken), 1))
        classification.classify(None, images.files, images.labels, "{object}")  # pyright: ignore[reportArgumentType]
    return np.stack([np.asarray(image.convert("L")) for image in taken])


def read_reference(root: Path) -> np.ndarray:
    """Sampled images equal to it have an error of 0."""
    for number in range(3):
        Image.fromarray(BLACK_ON_WHITE).save(root / f"0_{number}.png")
    errors = errors_against(root / "reference", [root / f"0_{number}.png" for number in range(3)])
    assert errors.keys() == {"0_0", "0_1", "0_2", "sum"} and errors["sum"] < 100
    return np.stack([BLACK_ON_WHITE] * 3)


def read_figure(root: Path) -> np.ndarray:
    """The middles of the pixels that a grid shows."""
    figure = plot_image_grid([Panel([sorted((root / "figure").iterdir())], [], [])], "")
    canvas = np.asarray(figure.axes[0].images[0].get_array())[..., 0]
    side = PRINT.cell // 8
    return np.stack([canvas[side // 2 :: side, start:][:, side // 2 : PRINT.cell : side] for start in (0, 168, 336)])


@dataclass(frozen=True)
class Reader:
    place: str  # of the images below the user's folder
    read: Callable[[Path], np.ndarray]  # (N, 8, 8)


READERS = {
    "digits": Reader("images", read_digits),
    "faces": Reader("faces", read_faces),
    "photos": Reader("photos", read_photographs),
    "concept": Reader("concept", read_concept),
    "input.json": Reader("concept", read_course_concept),
    "zero-shot": Reader("val", read_zero_shot),
    "reference": Reader("reference", read_reference),
    "figure": Reader("figure", read_figure),
}
FINDERS = [name for name in READERS if name not in ("digits", "figure")]  # these are given their files


def fill(folder: Path, image: Image.Image, suffix: str, **options) -> Path:
    folder.mkdir(parents=True)
    for number in range(3):
        image.save(folder / f"0_{number}.{suffix}", **options)
    return folder


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("name", READERS)
def test_every_reader_takes_every_kind_of_image(tmp_path: Path, name: str, kind: str) -> None:
    image, suffix, options = FILES[kind]
    fill(tmp_path / READERS[name].place, image, suffix, **options)
    read = READERS[name].read(tmp_path)
    assert len(read) >= 3
    assert (abs(read.astype(int) - BLACK_ON_WHITE) < (4 if kind == "JPEG" else 1)).all()


@pytest.mark.parametrize("name", FINDERS)
def test_every_finder_skips_rubbish_and_says_so(tmp_path: Path, name: str, capsys) -> None:
    place = fill(tmp_path / READERS[name].place, *FILES["BMP"][:2])
    for rubbish in (".DS_Store", "._0_0.bmp", "Thumbs.db", "__MACOSX/0_0.bmp"):
        (place / rubbish).parent.mkdir(exist_ok=True)
        (place / rubbish).write_bytes(b"rubbish")
    READERS[name].read(tmp_path)
    assert f"{place}: skipped files that are no images: 1 .DS_Store, 1 ._*, 1 Thumbs.db, 1 __MACOSX/" in (
        capsys.readouterr().err.splitlines()
    )


@pytest.mark.parametrize("other", ["0_9.heic", "0_9.txt", "0_9"])
@pytest.mark.parametrize("name", FINDERS)
def test_every_finder_refuses_any_other_file(tmp_path: Path, name: str, other: str) -> None:
    place = fill(tmp_path / READERS[name].place, *FILES["BMP"][:2])
    (place / other).write_bytes(b"something")
    with pytest.raises(UserError, match=rf"/{other}: found no image that can be read, allowed: .*JPEG, PNG, WEBP"):
        READERS[name].read(tmp_path)


@pytest.mark.parametrize("content", ["empty", "truncated", "float"])
@pytest.mark.parametrize("name", READERS)
def test_every_reader_names_what_it_cannot_read(tmp_path: Path, name: str, content: str) -> None:
    place = fill(tmp_path / READERS[name].place, *FILES["CMYK"][:2])
    damaged = place / "0_1.TIFF"
    if content == "float":
        Image.new("F", INK.shape).save(damaged)
    else:
        damaged.write_bytes(b"" if content == "empty" else damaged.read_bytes()[:50])
    with pytest.raises(UserError, match=r"0_1\.TIFF: cannot be read as an image: [^\n]+$"):
        READERS[name].read(tmp_path)
