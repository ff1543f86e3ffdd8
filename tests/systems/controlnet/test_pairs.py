"""Folders in Fill50k's layout: what is read from them, and each fault in a line of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from difflab.data.captioned_images import read_rgb
from difflab.data.circles import render_images
from difflab.data.pixels import to_pil
from difflab.errors import UserError
from difflab.systems.controlnet.pairs import read_pairs, require_images, split_pairs
from difflab.systems.text_to_image.autoencoder import encode_scenes
from difflab.systems.text_to_image.own_images import encode_files
from tests.systems.controlnet.pair_folder import write_index, write_pairs
from tests.systems.text_to_image.tiny import SIZE, make_pipeline, make_scenes

PROMPTS = ["a red circle", "a blue circle", "a green circle", "a red square"]
LINE = {"source": "source/0.png", "target": "target/0.png", "prompt": "a red circle"}


@pytest.fixture
def folder(tmp_path) -> Path:
    write_pairs(tmp_path / "fill", PROMPTS, size=24)
    return tmp_path / "fill"


def test_pairs_are_in_the_order_of_their_lines(folder):
    index = folder / "prompt.json"
    index.write_text("\ufeff" + index.read_text().replace("\n", "\n\n"), encoding="utf-8")  # a mark, empty lines
    pairs = read_pairs(folder)
    assert pairs.prompts == PROMPTS
    assert pairs.sources[1] == folder / "source/1.png" and pairs.targets[3] == folder / "target/3.png"
    train, held_out = split_pairs(pairs, 1)
    assert (train.prompts, held_out.prompts) == (PROMPTS[:3], PROMPTS[3:])
    require_images(pairs)


def test_conditioning_images_are_the_files_pixels(folder):
    pairs = read_pairs(folder)
    expected = np.stack([np.asarray(Image.open(file)) for file in pairs.sources]) / 255
    assert torch.equal(pairs.hints(24), torch.tensor(expected, dtype=torch.float32).permute(0, 3, 1, 2))
    assert torch.equal(pairs.hints_of([2, 0], 24), pairs.hints(24)[[2, 0]])
    assert torch.equal(pairs.part(range(1, 3)).hints(24), pairs.hints(24)[1:3])


def test_the_central_square_is_used(tmp_path):
    pixels = np.zeros((8, 16, 3), dtype=np.uint8)
    pixels[:, 4:12] = (10, 20, 30)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert read_rgb([tmp_path / "wide.png"], 8).unique(dim=0).flatten(2)[0].T.unique(dim=0).tolist() == [[10, 20, 30]]


def test_latents_are_those_of_rendered_scenes(tmp_path):
    """Through files of the very pixels, to half a gray level."""
    scenes, autoencoder = make_scenes(), make_pipeline().vae
    files = []
    for number, image in enumerate(to_pil(render_images(scenes.geometry, scenes.colors, SIZE))):
        files.append(tmp_path / f"{number}.png")
        image.save(files[-1])
    found = encode_files(autoencoder, files, SIZE)
    torch.testing.assert_close(found, encode_scenes(autoencoder, scenes, SIZE), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", r"prompt\.json: line 2: found '\[1\]', allowed: a JSON object"),
        ("{source", r"line 2: found '\{source', allowed: a JSON object"),
        ({k: v for k, v in LINE.items() if k != "target"}, "line 2: found no target, allowed"),
        (LINE | {"prompt": " "}, 'line 2: found prompt " ", allowed'),
        (LINE | {"prompt": 3}, "line 2: found prompt 3, allowed"),
        (LINE | {"source": ""}, 'line 2: found source "", allowed'),
        (LINE | {"source": "../0.png"}, r"line 2: found source '\.\./0\.png', allowed: a path inside the folder"),
        (LINE | {"target": "/0.png"}, r"line 2: found target '/0\.png', allowed: a path inside the folder"),
    ],
)
def test_a_bad_line_is_named(folder, line, message):
    write_index(folder, [LINE, line])
    with pytest.raises(UserError, match=message):
        read_pairs(folder)


def test_a_folder_without_lines_is_named(tmp_path):
    with pytest.raises(UserError, match=r"prompt\.json: not found"):
        read_pairs(tmp_path)
    write_index(tmp_path, [])
    with pytest.raises(UserError, match=r"prompt\.json: found no line"):
        read_pairs(tmp_path)
    (tmp_path / "prompt.json").write_bytes(b"\xff\xff")
    with pytest.raises(UserError, match=r"prompt\.json: cannot be read"):
        read_pairs(tmp_path)


def test_some_pairs_must_be_left_to_train_with(folder):
    with pytest.raises(UserError, match=r"^controlnet\.pairs\.num_validation: found 4 of 4 pairs, allowed: fewer"):
        split_pairs(read_pairs(folder), 4)


def test_images_are_checked_before_any_work(folder):
    pairs = read_pairs(folder)
    Image.new("L", (24, 23)).save(folder / "source/1.png")
    with pytest.raises(UserError, match=r"source/1\.png: found 24×23 pixels, allowed: 24×24, as .*target/1\.png has"):
        require_images(pairs)
    (folder / "source/1.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"source/1\.png: cannot be read as an image"):
        require_images(pairs)
    (folder / "source/1.png").unlink()
    with pytest.raises(UserError, match=r"source/1\.png: not found"):
        require_images(pairs)


def test_a_turned_photograph_has_its_upright_size(folder):
    pairs = read_pairs(folder).part(range(1))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16, 24)).save(pairs.targets[0], exif=exif)
    Image.new("RGB", (24, 16)).save(pairs.sources[0])
    require_images(pairs)
