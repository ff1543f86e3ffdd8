"""`difflab check`: everything that parameters name is checked before any work; errors give the full key."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from difflab.config.load import validate
from difflab.config.params import Params, load_params
from difflab.errors import UserError
from difflab.models.hub import is_hub_id
from difflab.setup.check import check_params
from tests.config.changed_params import PARAMS, changed
from tests.data.captioned_folder import write_captioned
from tests.systems.controlnet.pair_folder import write_pairs

SIZE = 32  # of PARAMS' faces


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one right thing of each kind."""
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "images", "noises", "reference", "unet", "clip", "data/svhn", "labelled/val"):
        Path(name).mkdir(parents=True)
    for k in range(PARAMS["faces"]["sampling"]["num_noises"]):
        save_image(f"reference/{k:02d}.png")
        torch.save(torch.zeros(1, 3, SIZE, SIZE), f"noises/{k:02d}.pt")
    save_image("images/a.png")
    save_image("labelled/val/0_000.png")
    Path("labelled/id2label.json").write_text('{"0": "cat"}')
    write_pairs(Path("pairs"), ["a red circle"] * 20, size=8)
    write_pairs(Path("words"), ["a red house"] * 20, size=8)
    write_captioned(Path("captioned"), ["a red circle"] * 20, size=8)
    write_captioned(Path("captions"), ["a red house"] * 20, size=8)
    Path("unet/model_index.json").write_text("{}")
    Path("clip/config.json").write_text("{}")
    Path("UNet.pth").touch()
    Path("damaged.pt").write_bytes(b"nothing")
    torch.save({"state_dict": {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(1)}}, "sd.ckpt")
    for name in ("train", "val"):
        Path(f"data/svhn/{name}.csv").touch()
    entry = {"src_image": "images", "token_name": "<new1>", "prompt": "a <new1>"}
    Path("input.json").write_text(json.dumps({"0": entry}))
    Path("other.json").write_text(json.dumps({"0": entry | {"token_name": "<new2>", "prompt": "a <new2>"}}))
    return tmp_path


def test_too_few_pairs_are_named() -> None:
    write_pairs(Path("few"), ["a red circle"] * 5, size=8)
    params = changed("controlnet/training/batch_size", 4, params_of("controlnet/pairs/folder", "few").model_dump())
    with pytest.raises(
        UserError, match=r"^params\.yaml: controlnet\.training\.batch_size: found 4, allowed: at most 3"
    ):
        check_params(validate(Params, params))
    params = changed("controlnet/pairs/num_validation", 5, params)
    with pytest.raises(UserError, match=r"^params\.yaml: controlnet\.pairs\.num_validation: found 5 of 5 pairs"):
        check_params(validate(Params, params))


def save_image(name: str) -> None:
    Image.fromarray(np.full((8, 8, 3), 90, dtype=np.uint8)).save(name)


IMAGES = "personalization/concepts/mine/images"
CAPTIONED = "text_to_image/images/folder"


def params_of(key: str, value: str, checkpoint: str | None = None) -> Params:
    """PARAMS with `value` at `key` and this face model, and with what that asks of other values."""
    params = changed("faces/checkpoint", checkpoint, PARAMS)
    if key == "judge/checkpoint":
        params["prepare"]["digit_size"] = 28
        for recipe in params["recipes"].values():
            recipe["network"] |= {"patch_size": 1, "block_out_channels": [16, 16]}
    if key.startswith("controlnet"):
        params["controlnet"]["pairs"]["num_validation"] = params["controlnet"]["samples"]["num_compared"] = 2
    if key == CAPTIONED:
        params["text_to_image"] |= {"pretrained": "unet", "images": {"folder": None, "num_validation": 2}}
    if key.startswith("personalization"):
        concept = {"token": "<new1>", "initializer": "red", "color": None, "images": None}
        params["personalization"]["concepts"] = {"mine": concept}
        params["personalization"]["multi_concept"]["prompts"] = ["a <new1>"]
    return validate(Params, changed(key, value, params))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("faces/checkpoint", "UNet.pth"),
        ("faces/checkpoint", "unet"),
        ("faces/checkpoint", "google/ddpm-celebahq-256"),
        ("faces/sampling/noises", "noises"),
        ("faces/reference", "reference"),
        ("clip/pretrained", "clip"),
        ("clip/pretrained", "openai/clip-vit-base-patch32"),
        ("text_to_image/pretrained", "unet"),
        ("text_to_image/pretrained", "CompVis/stable-diffusion-v1-4"),
        ("zero_shot/images", "labelled"),
        ("controlnet/pairs/folder", "pairs"),
        (CAPTIONED, "captioned"),
        ("personalization/input", "input.json"),
        (IMAGES, "images"),
        ("data/root", "data"),
        ("data/root", "empty"),
    ],
)
def test_what_is_there_passes(key: str, value: str) -> None:
    check_params(params_of(key, value))


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("judge/checkpoint", "/nope/judge.pth", "found '/nope/judge.pth', which does not exist"),
        ("judge/checkpoint", "empty", "found 'empty', which is a folder"),
        ("judge/checkpoint", "damaged.pt", "damaged.pt: found "),
        ("evaluation/inception_weights", "nope.pt", "found 'nope.pt', which does not exist"),
        ("evaluation/inception_weights", "UNet.pth", "found 'UNet.pth', no such file or of another name"),
        ("faces/checkpoint", "/nope/UNet.pt", "found '/nope/UNet.pt', which does not exist"),
        ("faces/checkpoint", "nope/UNet.safetensors", "found 'nope/UNet.safetensors', which does not exist"),
        ("faces/checkpoint", "./nope", "found './nope', which does not exist"),
        ("faces/checkpoint", "~/unet", "found '~/unet', which does not exist"),
        ("faces/checkpoint", "empty", "found 'empty' without model_index.json in it"),
        ("clip/pretrained", "/nope/clip", "found '/nope/clip', which does not exist"),
        ("clip/pretrained", "empty", "found 'empty' without config.json in it"),
        ("clip/pretrained", "UNet.pth", "found 'UNet.pth', a file, allowed: null, a folder with config.json"),
        ("text_to_image/pretrained", "sd.ckpt", "found 'sd.ckpt', Stable Diffusion in one file, allowed: "),
        ("text_to_image/pretrained", "clip", "found 'clip' without model_index.json in it"),
        ("faces/sampling/noises", "nope", "found 'nope', which does not exist"),
        ("faces/sampling/noises", "empty", "found no empty/00.pt"),
        ("faces/reference", "images", "images: found no image 00"),
        ("zero_shot/images", "nope", "found 'nope', which does not exist"),
        ("zero_shot/images", "empty", "empty/id2label.json: found no such file"),
        ("controlnet/pairs/folder", "nope", "found 'nope', which does not exist"),
        ("controlnet/pairs/folder", "empty", "empty/prompt.json: not found"),
        ("controlnet/pairs/folder", "words", "found 'house' in 'a red house', allowed: words of captions: "),
        (CAPTIONED, "nope", "found 'nope', which does not exist"),
        (CAPTIONED, "empty", "empty/metadata.jsonl: not found"),
        (CAPTIONED, "captions", "found 'house' in 'a red house', allowed: words of captions: "),
        ("personalization/input", "nope.json", "nope.json: not found"),
        ("personalization/input", "other.json", "other.json: found '<new2>'"),
        (IMAGES, "nope", "nope: "),
        (IMAGES, "empty", "empty: "),
        ("data/root", "nope", "found 'nope', which is no folder"),
    ],
)
def test_what_is_not_there_is_named(key: str, value: str, found: str) -> None:
    with pytest.raises(UserError) as error:
        check_params(params_of(key, value))
    assert str(error.value).startswith(f"params.yaml: {key.replace('/', '.')}: {found}"), error.value
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("faces/sampling/noises", "noises"),
        ("text_to_image/pretrained", "unet"),
        ("controlnet/pairs/folder", "pairs"),
        (CAPTIONED, "captioned"),
        ("personalization/input", "input.json"),
    ],
)
def test_several_processes_reach_no_path_that_leads_out(folder: Path, key: str, value: str) -> None:
    """All but the first work in a folder elsewhere."""
    above = params_of(key, f"../{folder.name}/{value}").model_dump()
    with pytest.raises(UserError, match=rf"^params\.yaml: {key.replace('/', '.')}: found '.*' with runtime\.gpus 2"):
        check_params(validate(Params, changed("runtime/gpus", 2, above)))
    check_params(validate(Params, changed("runtime/gpus", 1, above)))
    check_params(validate(Params, changed("runtime/gpus", 2, params_of(key, str(folder / value)).model_dump())))


def test_half_of_what_is_asked_for_is_not_enough() -> None:
    Path("reference/02.png").unlink()
    with pytest.raises(
        UserError, match=r"^params\.yaml: faces\.reference: reference: found no image 02, allowed: one of "
    ):
        check_params(params_of("faces/reference", "reference"))
    torch.save(torch.zeros(1, 3, 8, 8), "noises/01.pt")
    with pytest.raises(
        UserError, match=r"^params\.yaml: faces\.sampling\.noises: noises/01\.pt: found shape \(1, 3, 8, 8\)"
    ):
        check_params(params_of("faces/sampling/noises", "noises"))
    Path("model/unet").mkdir(parents=True)
    Path("model/model_index.json").write_text('{"patch_size": 2}')
    Path("model/unet/config.json").write_text('{"sample_size": 4}')
    with pytest.raises(UserError, match=r"noises/00\.pt: found shape .*, allowed: .*\(1, 3, 8, 8\)"):
        check_params(params_of("faces/sampling/noises", "noises", checkpoint="model"))
    Path("labelled/val/0_000.png").unlink()
    with pytest.raises(UserError, match=r"^params\.yaml: zero_shot\.images: labelled/val: "):
        check_params(params_of("zero_shot/images", "labelled"))
    Path("images/a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"^params\.yaml: personalization\.concepts\.mine\.images: images/a\.png: "):
        check_params(params_of(IMAGES, "images"))


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("images/num_validation", 20, "images.num_validation: found 20 of 20 images, allowed: fewer"),
        ("training/batch_size", 19, "training.batch_size: found 19, allowed: at most 18, the images of captioned"),
        ("pretrained", None, 'images.folder: found "captioned", allowed: null, because pretrained is null'),
    ],
)
def test_captioned_images_are_enough_for_a_pretrained_model(key: str, value: int | None, found: str) -> None:
    params = changed(f"text_to_image/{key}", value, params_of(CAPTIONED, "captioned").model_dump())
    with pytest.raises(UserError) as error:
        check_params(validate(Params, params))
    assert str(error.value).startswith(f"params.yaml: text_to_image.{found}")


def test_every_captioned_image_is_looked_at() -> None:
    for spoil, found in (
        (lambda file: file.write_bytes(b"no image"), "cannot be read as an image"),
        (lambda file: file.unlink(), "not found"),
    ):
        spoil(Path("captioned/images/19.png"))
        with pytest.raises(UserError) as error:
            check_params(params_of(CAPTIONED, "captioned"))
        assert str(error.value).startswith(
            f"params.yaml: text_to_image.images.folder: captioned/images/19.png: {found}"
        )


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        (
            "mnist",
            "torchvision/MNIST",
            r"torchvision/MNIST: data/torchvision/MNIST/raw/train-images-idx3-ubyte: not found",
        ),
        ("usps", "torchvision/USPS", r"torchvision/USPS: data/torchvision/usps.bz2: not found"),
        ("usps", "folder", r"folder: data/usps: no such folder"),
        ("faces", "folder", r"folder: data/faces: "),
        ("mnistm", "blended/MNIST", r"blended/MNIST: data/torchvision/MNIST/raw/train-images-idx3-ubyte: not found"),
    ],
)
def test_data_sets_of_the_user_are_looked_at(name: str, source: str, found: str) -> None:
    params = changed(f"data/sets/{name}/source", source, changed("data/root", "data", PARAMS))
    with pytest.raises(UserError) as error:
        check_params(validate(Params, params))
    assert str(error.value).startswith(f"params.yaml: data.sets.{name}: {found}")


def test_downloads_are_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("difflab.data.torchvision_files.download", lambda *_: pytest.fail("downloads in a check"))
    check_params(validate(Params, changed("data/sets/mnist/source", "torchvision/MNIST", PARAMS)))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("google/ddpm-celebahq-256", True),
        ("CompVis/stable-diffusion-v1-4", True),
        ("a.b/c_d.e", True),
        ("a/b@v1.0", True),
        ("a/b@refs/pr/1", True),
        ("a/b@", False),
        ("a@b/c", False),
        ("a/b/c", False),
        ("/a/b", False),
        ("./a", False),
        ("../a", False),
        ("~/a", False),
        ("a", False),
        ("a/", False),
        ("a/b.pt", False),
        ("a/b.safetensors", False),
        ("a b/c", False),
        ("a\\b", False),
        ("", False),
    ],
)
def test_what_is_a_hub_id(name: str, is_one: bool) -> None:
    assert is_hub_id(name) == is_one


def test_the_committed_file_passes() -> None:
    check_params(load_params(Path(__file__).parents[2] / "params.yaml"))
