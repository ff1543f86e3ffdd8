"""Models of the hub by their revision, from a cache such as the hub's library leaves."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel
from safetensors.torch import load_file

from difflab.diffusion.pretrained import load_pretrained
from difflab.errors import UserError
from difflab.models.hub import record_commit, split_revision

COMMITS = {"main": "a" * 40, "v1": "b" * 40}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """somebody/faces with two revisions, which differ in a weight."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("diffusers.pipelines.pipeline_utils.HF_HUB_OFFLINE", True, raising=False)
    folder = tmp_path / "models--somebody--faces"
    (folder / "refs").mkdir(parents=True)
    for value, (revision, commit) in enumerate(COMMITS.items()):
        unet = UNet2DModel(
            sample_size=8,
            block_out_channels=(32,),
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            layers_per_block=1,
        )
        torch.nn.init.constant_(unet.get_parameter("conv_out.bias"), float(value))
        DDPMPipeline(unet, DDPMScheduler()).save_pretrained(folder / "snapshots" / commit)
        (folder / "refs" / revision).write_text(commit)
    return tmp_path


def flatten(snapshot: Path) -> None:
    """As google/ddpm-celebahq-256 is: all files in one folder, and weights of torch.save."""
    weights = load_file(snapshot / "unet/diffusion_pytorch_model.safetensors")
    torch.save(weights, snapshot / "diffusion_pytorch_model.bin")
    (snapshot / "unet/config.json").rename(snapshot / "config.json")
    (snapshot / "scheduler/scheduler_config.json").rename(snapshot / "scheduler_config.json")
    for name in ("unet", "scheduler"):
        shutil.rmtree(snapshot / name)


def test_a_flat_folder_of_torch_weights_is_loaded(cache: Path) -> None:
    for commit in COMMITS.values():
        flatten(cache / "models--somebody--faces/snapshots" / commit)
    unet = load_pretrained("somebody/faces@v1").unet
    assert unet.get_parameter("conv_out.bias").tolist() == [1.0] * 3


@pytest.mark.parametrize("name", ["somebody/other", "somebody/faces@v2"])
def test_without_a_network_a_line_says_how_to_bring_a_model(cache: Path, name: str) -> None:
    model, _, revision = name.partition("@")
    with pytest.raises(UserError, match=f"^faces.checkpoint: found '{name}', ") as error:
        load_pretrained(name)
    assert f"`hf download {model} --revision {revision or 'main'} --local-dir FOLDER`" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "revision", "value"), [("", "main", 0.0), ("@v1", "v1", 1.0), (f"@{'b' * 40}", "v1", 1.0)]
)
def test_a_revision_is_loaded_and_its_commit_recorded(
    cache: Path, tmp_path: Path, name: str, revision: str, value: float
):
    unet = load_pretrained(f"somebody/faces{name}").unet
    assert unet.get_parameter("conv_out.bias").tolist() == [value] * 3
    record_commit(tmp_path, f"somebody/faces{name}", "model_index.json")
    source = json.loads((tmp_path / "source.json").read_text())
    assert source == {"model": "somebody/faces", "revision": name[1:] or "main", "commit": COMMITS[revision]}


def test_a_folder_has_no_revision_and_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("somebody/faces@v1").mkdir(parents=True)
    assert split_revision("somebody/faces@v1") == ("somebody/faces@v1", "main")
    record_commit(tmp_path, "somebody/faces@v1", "model_index.json")
    assert not Path("source.json").exists()
    shutil.rmtree("somebody")
    assert split_revision("somebody/faces@v1") == ("somebody/faces", "v1")
