"""Interpolate between two noises with slerp (top row) and lerp (bottom row), and sample both with DDIM, η = 0.

Slerp keeps the norm of the noise; lerp shortens it, and the images in the middle lose contrast.

    python examples/slerp.py --seeds 3 8
"""

import argparse
from pathlib import Path

import torch
from diffusers.utils import make_image_grid

from difflab.diffusion.pretrained import load_pretrained
from difflab.systems.faces.noises import lerp, slerp


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pretrained/faces", help="folder or hub id of an unconditional model")
    parser.add_argument("--seeds", type=int, nargs=2, default=[0, 1], help="of the two noises")
    parser.add_argument("--images", type=int, default=7, help="from one noise to the other, at least 2")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("slerp.png"))
    args = parser.parse_args()

    pipeline = load_pretrained(args.model).to(args.device)
    shape = (3, pipeline.image_size, pipeline.image_size)
    first, last = (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in args.seeds)
    alphas = [index / (args.images - 1) for index in range(args.images)]
    noise = torch.stack([path(first, last, alpha) for path in (slerp, lerp) for alpha in alphas])
    generator = torch.Generator().manual_seed(0)  # not used: with η = 0, the steps add no noise
    images = pipeline(len(noise), noise=noise, generator=generator, eta=0.0, num_inference_steps=args.steps).images
    make_image_grid(images, 2, args.images).save(args.out)
    norms = " ".join(f"{x.norm():.1f}" for x in noise)
    print(f"{args.out}: norms of the noises, slerp and then lerp: {norms}")


if __name__ == "__main__":
    main()
