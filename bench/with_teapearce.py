"""A conditional DDPM in the style of Conditional_Diffusion_MNIST (T. Pearce, 2022), with classifier-free guidance.

Written from its published description and Ho & Salimans (2022): a U-Net with two levels whose decoder is scaled by an
embedding of the class and shifted by one of the time, a one-hot class that is set to zero for ∅, and ε-prediction.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.contender import Begun, Contender, Requests
from difflab.config.diffusion import RecipeParams
from difflab.data.dataset import load_digits, training_splits
from difflab.data.pixels import to_signed, to_uint8

NUM_CLASSES = 10
NUM_TIMESTEPS = 400
WEIGHTS = (0.5, 2.0)  # w of (1 + w) ε(x,c) − w ε(x,∅); also published: 0, no guidance
DROP_PROBABILITY = 0.1


def embedding(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width))


class Convolutions(nn.Module):
    """Two 3×3 convolutions with batch norm and GELU, optionally with a residual connection around the second."""

    def __init__(self, inputs: int, width: int, residual: bool = False):
        super().__init__()
        self.residual = residual
        self.first, self.second = (
            nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.GELU())
            for channels in (inputs, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        first = self.first(x)
        return (first + self.second(first)) / 2**0.5 if self.residual else self.second(first)


class Up(nn.Module):
    """Concatenation with encoder features, upsampling by 2, then convolutions."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(inputs, width, 2, 2), Convolutions(width, width), Convolutions(width, width)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.layers(torch.cat([x, skip], 1))


class ContextUnet(nn.Module):
    """ε of images (N, 3, S, S) at times (N,) in [0, 1], given one-hot classes (N, 10), or zeros for ∅."""

    def __init__(self, width: int, image_size: int):
        super().__init__()
        smallest = image_size // 4
        self.start = Convolutions(3, width, residual=True)
        self.down1 = nn.Sequential(Convolutions(width, width), nn.MaxPool2d(2))
        self.down2 = nn.Sequential(Convolutions(width, 2 * width), nn.MaxPool2d(2))
        self.to_vector = nn.Sequential(nn.AvgPool2d(smallest), nn.GELU())
        self.from_vector = nn.Sequential(
            nn.ConvTranspose2d(2 * width, 2 * width, smallest, smallest), nn.GroupNorm(8, 2 * width), nn.ReLU()
        )
        self.times = nn.ModuleList(embedding(1, size) for size in (2 * width, width))
        self.contexts = nn.ModuleList(embedding(NUM_CLASSES, size) for size in (2 * width, width))
        self.ups = nn.ModuleList([Up(4 * width, width), Up(2 * width, width)])
        self.end = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.ReLU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def forward(self, x: Tensor, time: Tensor, context: Tensor) -> Tensor:
        start = self.start(x)
        half = self.down1(start)
        quarter = self.down2(half)
        features = self.from_vector(self.to_vector(quarter))
        for up, of_time, of_context, skip in zip(self.ups, self.times, self.contexts, (quarter, half), strict=True):
            scale, shift = of_context(context)[..., None, None], of_time(time[:, None])[..., None, None]
            features = up(scale * features + shift, skip)
        return self.end(torch.cat([features, start], 1))


def linear_schedule() -> tuple[Tensor, Tensor]:
    """β and ᾱ of steps 1 … T, (T,) float32."""
    betas = torch.linspace(1e-4, 0.02, NUM_TIMESTEPS)
    return betas, torch.cumprod(1 - betas, 0)


def train(
    network: ContextUnet, images: Tensor, digits: Tensor, batch_size: int, num_steps: int, learning_rate: float
) -> None:
    """Train with Adam and a learning rate falling linearly to 0. `images` (N, 3, S, S) uint8, `digits` (N,) int64."""
    _, alphas_cumprod = linear_schedule()
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    network.train()
    order = torch.randperm(0)
    for step in range(num_steps):
        optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / num_steps)
        if len(order) < batch_size:
            order = torch.randperm(len(images))
        rows, order = order[:batch_size], order[batch_size:]
        clean = to_signed(images[rows])
        noise, t = torch.randn_like(clean), torch.randint(NUM_TIMESTEPS, (batch_size,))
        alpha = alphas_cumprod[t, None, None, None]
        kept = torch.rand(batch_size, 1) >= DROP_PROBABILITY
        context = F.one_hot(digits[rows], NUM_CLASSES) * kept
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        loss = F.mse_loss(network(noisy, (t + 1) / NUM_TIMESTEPS, context.float()), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def guided(network: nn.Module, x: Tensor, time: float, context: Tensor, weight: float) -> Tensor:
    """(1 + w) ε(x,c) − w ε(x,∅)."""
    times = torch.full((2 * len(x),), time)
    conditional, unconditional = network(x.repeat(2, 1, 1, 1), times, torch.cat([context, 0 * context])).chunk(2)
    return (1 + weight) * conditional - weight * unconditional


@torch.inference_mode()
def sample(network: nn.Module, digits: list[int], image_size: int, weight: float) -> Tensor:
    """Images (N, 3, S, S) uint8 from all T steps of DDPM with σ² = β (Ho et al. 2020, algorithm 2)."""
    betas, alphas_cumprod = linear_schedule()
    context = F.one_hot(torch.tensor(digits), NUM_CLASSES).float()
    generator = torch.Generator().manual_seed(0)
    shape = (len(digits), 3, image_size, image_size)
    x = torch.randn(shape, generator=generator)
    network.eval()
    for t in reversed(range(NUM_TIMESTEPS)):
        noise = guided(network, x, (t + 1) / NUM_TIMESTEPS, context, weight)
        x = (x - betas[t] / (1 - alphas_cumprod[t]).sqrt() * noise) / (1 - betas[t]).sqrt()
        if t:
            x += betas[t].sqrt() * torch.randn(shape, generator=generator)
    return to_uint8(x)


def conditional_ddpm(params: RecipeParams, prepared: Path) -> Contender:
    """This network on the images of a recipe of one domain.

    Published: width 128, batches of 256, learning rate 1e-4, images in [0, 1] with one channel, 28×28. Here, width,
    batch size and learning rate are chosen so that minutes on one thread are thousands of steps instead of tens.
    """
    data = load_digits(params.data, training_splits(params.hold_out_validation), prepared)
    image_size, batch_size, width = data["images"].shape[-1], 32, 32

    def begin(num_steps: int) -> Begun:
        torch.manual_seed(0)
        network = ContextUnet(width, image_size)

        def sample_all(requests: Requests) -> dict[str, Tensor]:
            return {f"w = {w:g}": sample(network, requests.digits, image_size, w) for w in WEIGHTS}

        def train_for_steps() -> None:
            train(network, data["images"], data["digits"], batch_size, num_steps, learning_rate=1e-3)

        return Begun(network, train_for_steps, sample_all)

    return Contender("TeaPearce-style DDPM", batch_size, True, begin)
