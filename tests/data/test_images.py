"""Image files: how each mode and format is decoded, and what is refused."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from difflab.data.images import decoded, read_equal_sizes, read_image, read_squares, stream_images
from difflab.errors import DataError

INK = np.zeros((8, 8), dtype=bool)
INK[2:6, 3:5] = True
ALPHA = Image.fromarray(255 * INK.astype(np.uint8))
BLACK_ON_WHITE = np.where(INK, 0, 255).astype(np.uint8)


def noise(height: int, width: int, *channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(height, width, *channels), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray | Image.Image, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def ink(mode: str, color: object = "black") -> Image.Image:
    """A digit in ink on a transparent background that is as black as the ink."""
    image = Image.new("RGB" if mode in ("RGBA", "RGBa", "P", "PA") else "L", INK.shape, color)  # pyright: ignore
    image.putalpha(ALPHA)
    return (
        image.quantize(8) if mode == "P" else image.quantize(8).convert("PA") if mode == "PA" else image.convert(mode)
    )


def opaque(mode: str) -> Image.Image:
    return Image.fromarray(BLACK_ON_WHITE).convert("RGB").convert(mode)


def deep(mode: str) -> Image.Image:
    order = {"I;16B": ">u2", "I": "<i4"}.get(mode, "<u2")
    return Image.frombytes(mode, INK.shape, (257 * BLACK_ON_WHITE.astype(order)).astype(order).tobytes())


@pytest.mark.parametrize("mode", ["RGBA", "RGBa", "LA", "La", "P", "PA"])
def test_transparent_pixels_become_white(mode: str) -> None:
    image, _ = decoded(ink(mode))
    assert image.mode == ("L" if mode.startswith("L") else "RGB")
    assert (np.asarray(image.convert("L")) == BLACK_ON_WHITE).all()


def palette(*indices: int) -> Image.Image:
    image = Image.fromarray(np.where(INK, *indices).astype(np.uint8), "P")
    image.putpalette([0, 0, 0] * 3)
    return image


@pytest.mark.parametrize(
    ("image", "transparent"),
    [
        (Image.fromarray(np.where(INK, 0, 7).astype(np.uint8)), 7),
        (Image.fromarray(np.where(INK, 0, 9)[..., None].repeat(3, axis=2).astype(np.uint8)), (9, 9, 9)),
        (Image.fromarray(np.where(INK, 0, 900).astype(np.uint16)), 900),
        (palette(1, 0), 0),
        (palette(0, 2), b"\xff\xff\0"),
    ],
    ids=["L", "RGB", "I;16", "P", "P with bytes"],
)
def test_a_transparent_color_of_a_png(tmp_path: Path, image: Image.Image, transparent: object) -> None:
    read = read_image(save(tmp_path / "a.png", image, transparency=transparent))
    assert read.mode == ("L" if image.mode in ("L", "I;16") else "RGB")
    assert (np.asarray(read.convert("L")) == BLACK_ON_WHITE).all()


def test_half_transparent_pixels_are_mixed_with_white() -> None:
    for color, mode, expected in (((200, 0, 100, 51), "RGBA", (244, 204, 224)), ((100, 51), "LA", 224)):
        image = Image.new(mode, (2, 2), color)
        assert decoded(image)[0].getpixel((0, 0)) == expected


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_white_swallows_whole_is_refused(tmp_path: Path, mode: str) -> None:
    with pytest.raises(DataError, match=r"a\.png: .*found white and transparent pixels alone, allowed: "):
        read_image(save(tmp_path / "a.png", ink(mode, "white")))


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"])
def test_opaque_modes_keep_black_and_white(mode: str) -> None:
    image, _ = decoded(opaque(mode))
    assert image.mode == ("L" if mode in ("1", "L") else "RGB")
    assert (abs(np.asarray(image.convert("L"), dtype=int) - BLACK_ON_WHITE) < 2).all()


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I;16N"])
def test_of_16_bits_the_upper_8_are_kept(mode: str) -> None:
    image, _ = decoded(deep(mode))
    assert image.mode == "L" and (np.asarray(image) == BLACK_ON_WHITE).all()


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm", "jp2"])
def test_16_bits_of_each_format_are_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    levels = np.arange(0, 65536, 1021, dtype=np.uint16).reshape(5, 13)
    path = save(tmp_path / f"a.{suffix}", levels)
    assert (read_squares([path, path]).shape, read_image(path).mode) == ((2, 1, 5, 5), "L")
    assert (np.asarray(read_image(path)) == levels // 256).all()


@pytest.mark.parametrize("mode", ["F", "I"])
def test_pixels_without_a_known_white_are_refused(tmp_path: Path, mode: str) -> None:
    path = save(tmp_path / "deep.tif", Image.new(mode, (4, 4)))
    for read in (read_image, lambda path: read_squares([path])):
        with pytest.raises(DataError, match=r"deep\.tif: .*found 32-bit .*allowed: 8 or 16 bits a channel$"):
            read(path)


def test_images_of_one_size_are_kept_to_the_bit(tmp_path: Path) -> None:
    grey, color = noise(8, 8), noise(8, 8, 3)
    paths = [save(tmp_path / "grey.png", grey), save(tmp_path / "color.png", color)]
    assert (read_squares(paths[:1]) == grey[None, None]).all()
    both = read_squares(paths)
    assert (both[0] == grey).all() and (both[1] == color.transpose(2, 0, 1)).all()
    assert (read_equal_sizes(paths) == both.transpose(0, 2, 3, 1)).all()


def test_other_sizes_become_the_median_square(tmp_path: Path) -> None:
    flat = [
        np.full((height, width), 50 * i, dtype=np.uint8)
        for i, (height, width) in enumerate([(9, 9), (12, 20), (30, 31)])
    ]
    flat[1][:, :4], flat[1][:, 16:] = 255, 255  # outside the central square
    squares = read_squares([save(tmp_path / f"{i}.png", pixels) for i, pixels in enumerate(flat)])
    assert squares.shape == (3, 1, 12, 12)
    assert (squares == np.array([0, 50, 100])[:, None, None, None]).all()


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_images_are_turned_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    pixels = noise(4, 6, 3)
    turns: list[Callable[[np.ndarray], np.ndarray]] = [
        lambda a: a[:, ::-1],
        lambda a: a[::-1, ::-1],
        lambda a: a[::-1],
        lambda a: a.swapaxes(0, 1),
        lambda a: np.rot90(a, -1),
        lambda a: a[::-1, ::-1].swapaxes(0, 1),
        lambda a: np.rot90(a),
    ]
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_image(save(tmp_path / f"a.{suffix}", pixels, exif=exif, lossless=True))
    expected = turns[orientation - 2](pixels) if 2 <= orientation <= 8 else pixels
    assert np.array_equal(np.asarray(read), expected)


def exif_of(*entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF of (tag, type, count, value) as they are."""
    body = b"".join(struct.pack(">HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + b"\0\0\0\0"


ODD_EXIF = {
    "empty": b"Exif\0\0",
    "no TIFF": b"Exif\0\0no EXIF at all",
    "cut": exif_of((0x0112, 3, 1, b"\0\6\0\0"))[:20],
    "text for an orientation": exif_of((0x0112, 2, 2, b"6\0\0\0")),
    "two orientations": exif_of((0x0112, 3, 2, b"\0\6\0\6")),
    "a resolution of text": exif_of((0x0112, 3, 1, b"\0\6\0\0"), (0x011A, 2, 4, b"abcd")),
    "a number of bytes": exif_of((0x0112, 3, 1, b"\0\6\0\0"), (0x0131, 4, 1, b"\0\0\0\1"), (0x010F, 9, 0, b"\0\0\0\0")),
    "far away": exif_of((0x0112, 3, 1, b"\0\6\0\0"), (0x8769, 4, 1, b"\xff\xff\xff\xff"), (0x010F, 2, 99, b"\xff" * 4)),
    "unknown types": exif_of((0x0112, 77, 1, b"\0\6\0\0"), (0x8825, 0, 1, b"\0\0\0\1")),
}


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("odd", ODD_EXIF)
def test_odd_exif_keeps_nobody_from_the_pixels(tmp_path: Path, odd: str, suffix: str) -> None:
    plain = save(tmp_path / f"plain.{suffix}", noise(16, 24, 3), lossless=True)
    path = save(tmp_path / f"odd.{suffix}", noise(16, 24, 3), exif=ODD_EXIF[odd], lossless=True)
    expected, read = np.asarray(read_image(plain)), np.asarray(read_image(path))
    assert np.array_equal(read, expected) or np.array_equal(read, np.rot90(expected, -1))
    assert read_squares([path]).shape == (1, 3, 16, 16)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


BIG = zlib.compress(bytes(3_000_000))
CHUNKS = {
    "a large profile": chunk(b"iCCP", b"icc\0\0" + BIG),
    "a profile of an unknown compression": chunk(b"iCCP", b"icc\0\7" + BIG),
    "a large compressed text": chunk(b"zTXt", b"key\0\0" + BIG),
    "a large international text": chunk(b"iTXt", b"key\0\1\0\0\0" + BIG),
    "much text": chunk(b"tEXt", b"key\0" + bytes(20_000)),
    "a short density": chunk(b"pHYs", b"\0"),
    "a short gamma": chunk(b"gAMA", b""),
    "a stray frame": chunk(b"fcTL", bytes(26)),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("name", CHUNKS)
def test_chunks_beside_the_pixels_of_a_png_are_passed_over(tmp_path: Path, name: str, place: str, monkeypatch) -> None:
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_MEMORY", 10_000)
    exif = Image.Exif()
    exif[0x0112] = 3
    path = save(tmp_path / "a.png", ink("P"), exif=exif)
    content = path.read_bytes()
    at = content.index(b"PLTE" if place == "before" else b"IEND") - 4
    path.write_bytes(content[:at] + CHUNKS[name] + content[at:])
    assert (np.asarray(read_image(path).convert("L")) == BLACK_ON_WHITE[::-1, ::-1]).all()


@pytest.mark.parametrize("kind", [b"tRNS", b"PLTE", b"IDAT", b"IHDR"])
def test_a_damaged_chunk_of_a_png_is_no_metadata(tmp_path: Path, kind: bytes) -> None:
    """One flipped bit in its name or body: what it was is not known, and nothing is passed over."""
    path = save(tmp_path / "a.png", ink("P"))
    content = path.read_bytes()
    at = content.index(kind)
    for flipped in (at, at + 4):
        damaged = bytearray(content)
        damaged[flipped] ^= 0x20
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"a\.png: cannot be read as an image"):
            read_image(path)


@pytest.mark.parametrize("keep", [0, 20, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "gif", "bmp", "jp2"])
def test_a_truncated_image_is_named(tmp_path: Path, keep: float, suffix: str) -> None:
    path = save(tmp_path / f"broken.{suffix}", noise(32, 32, 3))
    data = path.read_bytes()
    path.write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    with pytest.raises(DataError, match=rf"broken\.{suffix}: cannot be read as an image: [^\n]+$"):
        read_squares([path])


@pytest.mark.parametrize("content", [b"", b"no image", b"GIF89a" + bytes(20), b"BM" + bytes(60), b"P5 3 3 70000 "])
def test_no_image_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    for read in (read_image, lambda path: read_squares([path]), lambda path: read_equal_sizes([path])):
        with pytest.raises(DataError, match=r"a\.png: cannot be read as an image: [^\n]+$"):
            read(tmp_path / "a.png")


def test_a_bomb_a_folder_and_nothing_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "large.png", noise(64, 64))
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for name, line in (
        ("large", "cannot be read .*4096 pixels"),
        ("folder", "cannot be read "),
        ("none", "not found$"),
    ):
        with pytest.raises(DataError, match=rf"{name}\.png: {line}"):
            read_image(path.with_name(f"{name}.png"))


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tiff"])
def test_of_several_frames_the_first_is_used_and_that_is_said(tmp_path: Path, suffix: str, capsys) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    options = {"save_all": True, "append_images": frames[1:]}
    paths = [save(tmp_path / f"a.{suffix}", frames[0], lossless=True, **options), save(tmp_path / "b.png", frames[0])]
    assert [image.getpixel((0, 0)) for image in stream_images(paths, "")] == [(255, 0, 0)] * 2
    assert f"a.{suffix}: only the first of several frames is used (so in 1 of 2 files)" in capsys.readouterr().err


def test_a_photograph_with_a_preview_says_nothing(tmp_path: Path, capsys) -> None:
    frames = [Image.new("RGB", (8, 8), "red"), Image.new("RGB", (4, 4), "red")]
    content = io.BytesIO()
    frames[0].save(content, "MPO", save_all=True, append_images=frames[1:])
    (tmp_path / "a.jpg").write_bytes(content.getvalue())
    assert [image.size for image in stream_images([tmp_path / "a.jpg"], "")] == [(8, 8)]
    assert capsys.readouterr().err == ""


def test_images_of_unequal_sizes_are_one_line(tmp_path: Path) -> None:
    paths = [save(tmp_path / f"{size}.png", noise(size, 4)) for size in (4, 5)]
    with pytest.raises(DataError, match=r"5\.png: found 5×4 pixels, allowed: 4×4, as .*4\.png has"):
        read_equal_sizes(paths)
