"""The course's face U-Net with the course's names of its parameters, written from its description alone."""

import math

import torch
from torch import nn
from torch.nn import functional as F

CHANNELS = [128, 128, 256, 256, 512, 512]
ATTENTION_LEVEL = 4


class TimeEmbedding(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.register_buffer("inv_freq", torch.exp(-math.log(10000) * torch.arange(0, dim, 2) / dim))

    def forward(self, t):
        phase = t[:, None].float() * self.get_buffer("inv_freq")
        return torch.cat([phase.sin(), phase.cos()], 1)


class ResBlock(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(32, channels_in), nn.Conv2d(channels_in, channels, 3, padding=1)
        self.time = nn.Sequential(nn.SiLU(), nn.Linear(512, channels))
        self.norm2, self.conv2 = nn.GroupNorm(32, channels), nn.Conv2d(channels, channels, 3, padding=1)
        self.skip = nn.Identity() if channels_in == channels else nn.Conv2d(channels_in, channels, 1)

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
        return self.conv2(F.silu(self.norm2(h))) + self.skip(x)


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels)
        self.qkv, self.out = nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, 1)
        weights = torch.softmax(torch.einsum("bci,bcj->bij", q, k) / math.sqrt(x.shape[1]), -1)
        return x + self.out(torch.einsum("bij,bcj->bci", weights, v).view_as(x))


class Block(nn.Module):
    def __init__(self, channels_in, channels, attention):
        super().__init__()
        self.resblocks = ResBlock(channels_in, channels)
        self.attention = Attention(channels) if attention else nn.Identity()

    def forward(self, x, time):
        return self.attention(self.resblocks(x, time))


class CourseUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = nn.Sequential(TimeEmbedding(128), nn.Linear(128, 512), nn.SiLU(), nn.Linear(512, 512))
        down: list[nn.Module] = [nn.Conv2d(3, 128, 3, padding=1)]
        skips = [128]
        for level, channels in enumerate(CHANNELS):
            for _ in range(2):
                down.append(Block(skips[-1], channels, level == ATTENTION_LEVEL))
                skips.append(channels)
            if level < 5:
                down.append(nn.Sequential(nn.Conv2d(channels, channels, 3, stride=2, padding=1)))
                skips.append(channels)
        self.mid1, self.mid2 = Block(512, 512, True), Block(512, 512, False)
        up: list[nn.Module] = []
        width = 512
        for level in reversed(range(6)):
            for _ in range(3):
                up.append(Block(width + skips.pop(), CHANNELS[level], level == ATTENTION_LEVEL))
                width = CHANNELS[level]
            if level:
                up.append(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1)))
        self.out = nn.Sequential(nn.GroupNorm(32, 128), nn.SiLU(), nn.Conv2d(128, 3, 3, padding=1))
        self.down_names = [f"down{number}" for number in range(1, len(down) + 1)]
        self.up_names = [f"up{number}" for number in range(1, len(up) + 1)]
        for name, module in zip(self.down_names + self.up_names, down + up, strict=True):
            self.add_module(name, module)

    def forward(self, x, t):
        time = self.time(t)
        skips = []
        for module in map(self.get_submodule, self.down_names):
            x = module(x, time) if isinstance(module, Block) else module(x)
            skips.append(x)
        x = self.mid2(self.mid1(x, time), time)
        for module in map(self.get_submodule, self.up_names):
            x = module(torch.cat([x, skips.pop()], 1), time) if isinstance(module, Block) else module(x)
        return self.out(x)
