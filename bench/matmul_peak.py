"""Images per second of a digit-diffusion training step, and its share of the machine's fp32 matmul peak.

Each network is measured between two calibrations, so a machine that slows down meanwhile slows both sides of the ratio.
"""

import argparse
import time
from itertools import product

import difflab.torchvision_cure  # noqa: F401  (first: see there)

import torch
from torch.utils.flop_counter import FlopCounterMode

from difflab.models.conditioning import DigitDomainCondition
from difflab.models.schedules import cosine_betas
from difflab.models.unet import make_unet
from difflab.params import NetworkParams
from difflab.training.denoising import DenoisingTask

IMAGE_SIZE = 16
NETWORKS = [  # patch_size, block_out_channels
    (1, [32, 64]),
    (1, [64, 128]),
    (2, [64, 64]),
    (2, [64, 128]),
    (2, [96, 96]),
    (2, [128, 256]),
    (4, [128, 128]),
]


def matmul_rate(size: int = 2048, repeats: int = 6) -> float:
    """FLOP/s of fp32 matrix products, the peak that everything is held against."""
    a, b = torch.randn(2, size, size)
    torch.matmul(a, b)
    start = time.perf_counter()
    for _ in range(repeats):
        torch.matmul(a, b)
    return repeats * 2 * size**3 / (time.perf_counter() - start)


def make_task(patch_size: int, channels: list[int]) -> DenoisingTask:
    network = NetworkParams(
        prediction_type="v_prediction",
        patch_size=patch_size,  # pyright: ignore[reportArgumentType]
        block_out_channels=channels,
        layers_per_block=1,
        add_attention=True,
        time_embedding_dim=None,
        attention_head_dim=32,
        norm_num_groups=8,
    )
    unet = make_unet(network, IMAGE_SIZE, conditional=True)
    condition = DigitDomainCondition(["mnistm", "svhn"], 64, 16, 4 * channels[0])
    task = DenoisingTask(unet, cosine_betas(1000), "v_prediction", patch_size, condition, 0.15)
    return task.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def measure(task: DenoisingTask, batch_size: int, seconds: float) -> tuple[float, float, float]:
    """(images/s, FLOP per image, matmul FLOP/s around the measurement)."""
    generator = torch.Generator().manual_seed(0)
    batch = {
        "images": torch.randint(256, (batch_size, 3, IMAGE_SIZE, IMAGE_SIZE), dtype=torch.uint8, generator=generator),
        "digits": torch.randint(10, (batch_size,), generator=generator),
        "domains": torch.randint(2, (batch_size,), generator=generator),
    }
    optimizer = torch.optim.AdamW(task.parameters(), fused=True)

    def step() -> None:
        task(batch, generator).backward()
        optimizer.step()
        optimizer.zero_grad()

    with FlopCounterMode(display=False) as counter:
        step()
    step()
    before = matmul_rate()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    rate = steps * batch_size / (time.perf_counter() - start)
    return rate, counter.get_total_flops() / batch_size, (before + matmul_rate()) / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print("| patch_size | channels | batch | parameters | MFLOP/image | images/s | matmul GFLOP/s | share of peak |")
    print("|---|---|---|---|---|---|---|---|")
    for (patch_size, channels), batch_size in product(NETWORKS, [16, 64]):
        task = make_task(patch_size, channels)
        rate, flops, peak = measure(task, batch_size, args.seconds)
        size = sum(p.numel() for p in task.parameters()) / 1e6
        cells = [str(patch_size), str(channels), str(batch_size), f"{size:.2f} M", f"{flops / 1e6:.0f}"]
        cells += [f"{rate:.0f}", f"{peak / 1e9:.0f}", f"{rate * flops / peak:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
