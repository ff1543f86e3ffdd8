"""Sample an unconditional model with DDIM for several η: a row for each η, a column for each starting noise.

With η = 0, the starting noise determines the image; with η > 0, each step adds noise.

    python examples/eta_grid.py --model google/ddpm-celebahq-256 --noises 2
"""

import argparse
from pathlib import Path

import torch
from diffusers.utils import make_image_grid

from difflab.diffusion.pretrained import load_pretrained


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pretrained/faces", help="folder or hub id of an unconditional model")
    parser.add_argument("--etas", type=float, nargs="+", default=[0.0, 0.25, 0.5, 0.75, 1.0])
    parser.add_argument("--noises", type=int, default=4, help="number of starting noises")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the starting noises")
    parser.add_argument("--step-seed", type=int, default=1, help="of the noise that the steps add")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("eta_grid.png"))
    args = parser.parse_args()

    pipeline = load_pretrained(args.model).to(args.device)
    shape = (args.noises, 3, pipeline.image_size, pipeline.image_size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(args.seed))
    images = []
    for eta in args.etas:
        generator = torch.Generator().manual_seed(args.step_seed)
        images += pipeline(
            args.noises, noise=noise, generator=generator, eta=eta, num_inference_steps=args.steps
        ).images
    make_image_grid(images, len(args.etas), args.noises).save(args.out)
    print(f"{args.out}: rows are η = {args.etas}, columns are noises")


if __name__ == "__main__":
    main()
