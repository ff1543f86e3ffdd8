"""Sample digits with classifier-free guidance: a row for each guidance scale, a column for each digit.

All images in a column start from the same noise. A guidance scale of 1 means no guidance.

    python examples/sample_digits.py --digits 0 2 4 6 8 --guidance-scales 1 3 6
"""

import argparse
from pathlib import Path

import torch
from diffusers.utils import make_image_grid

import difflab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models/joint-cosine", help="model folder of a conditional recipe")
    parser.add_argument("--digits", type=int, nargs="+", default=[0, 2, 4, 6, 8])
    parser.add_argument("--domain", default="mnistm", help="a domain that the recipe was trained on")
    parser.add_argument("--guidance-scales", type=float, nargs="+", default=[1.0, 3.0, 6.0])
    parser.add_argument("--sampler", default="ddpm", help="ddpm, ddim or dpmsolver++")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=96, help="pixels a side of an image in the grid")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=Path("digits.png"))
    args = parser.parse_args()

    pipeline = difflab.DigitPipeline.from_pretrained(args.model).to(args.device)
    images = []
    for guidance_scale in args.guidance_scales:
        # One generator for each image: its first draw is the starting noise of that image.
        generators = [torch.Generator().manual_seed(args.seed + column) for column in range(len(args.digits))]
        images += pipeline(
            args.digits,
            args.domain,
            generator=generators,
            guidance_scale=guidance_scale,
            sampler=args.sampler,
            num_inference_steps=args.steps,
        ).images
    make_image_grid(images, len(args.guidance_scales), len(args.digits), resize=args.size).save(args.out)
    print(f"{args.out}: rows are guidance scales {args.guidance_scales}, columns are digits {args.digits}")


if __name__ == "__main__":
    main()
