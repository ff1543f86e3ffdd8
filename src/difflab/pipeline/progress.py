"""The progress bar of everything that goes through images."""

from __future__ import annotations

import sys

from tqdm import tqdm


def image_bar(description: str, done: int, total: int) -> tqdm:
    """Images done of `total`, their rate and the time left; in a log file a line every 15 seconds at most."""
    return tqdm(
        desc=description,
        initial=done,
        total=total,
        unit="img",
        unit_scale=True,
        mininterval=0.5 if sys.stderr.isatty() else 15,
    )
