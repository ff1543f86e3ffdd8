import pytest
import torch
from diffusers import DDPMPipeline, DDPMScheduler

from difflab.diffusion.unet import load_pretrained_unet, make_unet
from difflab.errors import UserError
from tests.factories import network

NETWORK = network(add_attention=True)


def test_a_folder_of_diffusers_gives_its_unet(tmp_path):
    unet = make_unet(NETWORK, 8, conditional=False).eval()
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path)
    noise, t = torch.randn(1, 3, 8, 8), torch.tensor(5)
    loaded = load_pretrained_unet(str(tmp_path)).eval()
    torch.testing.assert_close(loaded(noise, t).sample, unet(noise, t).sample)


def test_no_such_folder_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match=r"faces\.checkpoint: found 'nobody/nothing', allowed: ") as error:
        load_pretrained_unet("nobody/nothing")
    assert "\n" not in str(error.value)
