"""Decode image files to 8-bit gray or RGB and crop them to squares.

Gray images stay gray, all others become RGB. 16-bit channels keep their upper 8 bits. Transparent pixels are composited
on white. The image is rotated by its EXIF orientation, if that can be read. Only the first frame or page is used. Color
profiles are not applied.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median_low
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from difflab.data.image_files import formats, say
from difflab.data.large import empty_images
from difflab.errors import DataError

T = TypeVar("T")

GREY = {"1", "L", "LA", "La"}  # and the modes of 16 bits: I;16, I;16B, … and I
OF_16_BITS = {"PNG", "PPM"}  # formats whose mode I is 0-65535; elsewhere it is any 32-bit integer
BACKGROUND = "white"
LARGEST_SIDE = 1024  # maximum size, in pixels, at which images are stored
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {turn for value, turn in UPRIGHT.items() if value >= 5}  # these swap width and height
# All other chunks and segments hold profiles, texts, previews, …
PNG, PNG_CHUNKS = b"\x89PNG\r\n\x1a\n", {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"}
JPEG, JPEG_SCAN, JPEG_METADATA = b"\xff\xd8", 0xDA, {*range(0xE1, 0xEE), 0xEF, 0xFE}  # not those of JFIF and Adobe


def stream_images(paths: Sequence[str | Path], description: str) -> Iterator[Image.Image]:
    """Yield `read_image` of each file, with a progress bar; a line on stderr counts the files with several frames."""
    several = []
    for path in tqdm(paths, desc=description, delay=2):
        image, has_more = use_image(path, decoded)
        several += [path] * has_more
        yield image
    if several:
        say(f"{several[0]}: only the first of several frames is used (so in {len(several)} of {len(paths)} files)")


def read_image(path: str | Path) -> Image.Image:
    """Decode an image to mode L or RGB, as described above.

    Raises DataError when the file is missing, damaged or not an image, has 32-bit pixels, or has only white and
    transparent pixels.
    """
    image, _ = use_image(path, decoded)
    return image


def read_equal_sizes(paths: Sequence[str | Path]) -> NDArray[np.uint8]:
    """Read RGB images of one size: (N, H, W, 3) uint8. Raises DataError if one cannot be read or differs in size."""
    images: list[NDArray[np.uint8]] = []
    for path in paths:
        images.append(np.asarray(read_image(path).convert("RGB")))
        if images[-1].shape != images[0].shape:
            height, width, _ = images[-1].shape
            allowed = f"{images[0].shape[0]}×{images[0].shape[1]}, as {paths[0]} has"
            raise DataError(f"{path}: found {height}×{width} pixels, allowed: {allowed}")
    return np.stack(images)


def read_squares(paths: Sequence[str | Path], largest: int | None = None) -> NDArray[np.uint8]:
    """The `central_square` of each image: (N, C, S, S) uint8, with C = 1 if all images are gray, else 3.

    S is the median of the images' shorter sides, at most `largest` (by default 1024). Raises DataError if an image
    cannot be read.
    """
    headers = [use_image(path, _header) for path in paths]
    size = min(median_low(side for side, _ in headers), largest or LARGEST_SIDE)
    mode = "L" if all(is_grey for _, is_grey in headers) else "RGB"
    pixels = empty_images(len(paths), len(mode), size, size)
    images = stream_images(paths, f"reading {Path(paths[0]).parent}")
    for row, image in zip(pixels, images, strict=True):
        row[:] = central_square(image, mode, size)
    return pixels


def central_square(image: Image.Image, mode: str, size: int) -> NDArray[np.uint8]:
    """The largest central square, resized with Pillow's antialiased bicubic filter: (C, size, size) uint8.

    `mode` is "L" (C = 1) or "RGB" (C = 3).
    """
    square = ImageOps.fit(image.convert(mode), (size, size), Image.Resampling.BICUBIC)
    return np.asarray(square).reshape(size, size, len(mode)).transpose(2, 0, 1)


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Turn any error that Pillow raises for a damaged file into a one-line DataError that names the file."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: not found") from None
    except Exception as error:  # depending on the format: struct.error, SyntaxError, EOFError, MemoryError, …
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):
            reason = f"damaged, or none of {', '.join(formats())}"
        raise DataError(f"{path}: cannot be read as an image: {reason}") from None


def use_image(path: str | Path, use: Callable[[Image.Image], T]) -> T:
    """Call `use` with the opened image; if that fails, try again without the file's metadata, which can be damaged.

    Raises DataError if the file cannot be read as an image.
    """
    with naming(path):
        try:
            with Image.open(path, formats=formats()) as image:
                return use(image)
        except Exception:
            content = Path(path).read_bytes()
            bare = _without_metadata(content)
            if bare == content:
                raise
        with Image.open(io.BytesIO(bare), formats=formats()) as image:
            return use(image)


def _header(image: Image.Image) -> tuple[int, bool]:
    """The shorter side in pixels, and whether the image is gray, without decoding it."""
    _refuse_unreadable(image)
    return min(image.size), _is_grey(image)


def decoded(image: Image.Image) -> tuple[Image.Image, bool]:
    """The image as L or RGB, upright, and whether the file has more frames (in a JPEG these are previews: False)."""
    _refuse_unreadable(image)
    flat = _composited(_of_8_bits(image))
    turn = turn_of(image)
    has_more = image.format not in {"JPEG", "MPO"} and _is_animated(image)
    return flat if turn is None else flat.transpose(turn), has_more


def _refuse_unreadable(image: Image.Image) -> None:
    if min(image.size) < 1:
        raise ValueError(f"found {image.width}×{image.height} pixels, allowed: 1×1 and above")
    if image.mode == "F" or (image.mode == "I" and image.format not in OF_16_BITS):
        kind = "floating-point numbers" if image.mode == "F" else "integers"
        raise ValueError(f"found 32-bit {kind}, whose white level is unknown, allowed: 8 or 16 bits a channel")


def _is_grey(image: Image.Image) -> bool:
    return image.mode in GREY or image.mode.startswith("I")


def _of_8_bits(image: Image.Image) -> Image.Image:
    """Convert a 16-bit gray image to L or LA; of 16-bit colors, Pillow itself keeps only the upper 8 bits."""
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image).astype(np.int32)
    grey = Image.fromarray((levels >> 8).astype(np.uint8))
    if "transparency" in image.info:
        grey.putalpha(Image.fromarray(np.where(levels == image.info["transparency"], 0, 255).astype(np.uint8)))
    return grey


def _composited(image: Image.Image) -> Image.Image:
    """The image as L or RGB, with transparent pixels composited on BACKGROUND."""
    mode = "L" if _is_grey(image) else "RGB"
    if not image.has_transparency_data:
        return image.convert(mode)
    image = image.convert("LA" if mode == "L" else "RGBA")
    alpha = image.getchannel("A")
    canvas = Image.new(mode, image.size, BACKGROUND)
    canvas.paste(image.convert(mode), mask=alpha)
    if alpha.getextrema() != (255, 255) and canvas.tobytes() == Image.new(mode, image.size, BACKGROUND).tobytes():
        raise ValueError(
            f"found {BACKGROUND} and transparent pixels alone, allowed: others too, because transparent "
            f"ones become {BACKGROUND}"
        )
    return canvas


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """The transposition that turns the image upright, from its EXIF orientation; None if there is none to read."""
    try:
        return UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged EXIF data (struct.error, TypeError, …) do not affect the pixels
        return None


def _is_animated(image: Image.Image) -> bool:
    try:
        return getattr(image, "is_animated", False)
    except Exception:  # the second frame is damaged, the first is not
        return True


def _without_metadata(content: bytes) -> bytes:
    """A PNG or JPEG file without the data that pixels and orientation do not need; other files unchanged."""
    if content.startswith(PNG):
        return PNG + b"".join(_png_chunks(content))
    if content.startswith(JPEG):
        return JPEG + b"".join(_jpeg_segments(content))
    return content


def _png_chunks(content: bytes) -> Iterator[bytes]:
    """The chunks that are needed, and damaged ones, whose kind is unknown."""
    start = len(PNG)
    while start + 12 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        body, end = start + 8 + length, start + 12 + length
        if kind in PNG_CHUNKS or content[body:end] != zlib.crc32(content[start + 4 : body]).to_bytes(4, "big"):
            yield content[start:end]
        start = end


def _jpeg_segments(content: bytes) -> Iterator[bytes]:
    start = len(JPEG)
    while start + 4 <= len(content) and content[start] == 0xFF and content[start + 1] != JPEG_SCAN:
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
        if content[start + 1] not in JPEG_METADATA or content[start + 4 : start + 10] == b"Exif\0\0":
            yield content[start:end]
        start = end
    yield content[start:]
