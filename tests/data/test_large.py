"""Images above `runtime.in_memory_limit` are read from files, with the same bytes, and not kept in memory."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from difflab.config.data import SetParams
from difflab.data.dataset import ImageDataset, load_digits
from difflab.data.folder import read_classes
from difflab.data.large import empty_images

IN_MEMORY, IN_FILES = 8.0, 1e-9  # GiB; the second is one byte


@pytest.fixture
def limit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def set_limit(gib):
        Path("params.yaml").write_text(f"runtime: {{in_memory_limit: {gib}}}\n")

    return set_limit


@pytest.mark.parametrize("gib", [IN_MEMORY, IN_FILES])
def test_the_file_has_no_name_and_images_can_be_written(limit, gib):
    limit(gib)
    images = empty_images(5, 3, 2, 2)
    images[:] = 7
    assert isinstance(images, np.memmap) == (gib == IN_FILES)
    assert images.sum() == 7 * 60
    assert list(Path(".cache").glob("*")) == []
    assert empty_images(0, 3, 2, 2).shape == (0, 3, 2, 2)


def test_further_processes_use_the_first_ones_folder(limit, tmp_path, monkeypatch):
    limit(IN_FILES)
    own = tmp_path / "own"
    own.mkdir()
    own.joinpath("params.yaml").symlink_to(tmp_path / "params.yaml")
    monkeypatch.chdir(own)
    empty_images(5, 3, 2, 2)
    assert (tmp_path / ".cache").is_dir() and not Path(".cache").exists()


def test_a_full_disk_is_an_error(limit, tmp_path, monkeypatch):
    def fails(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    limit(IN_FILES)
    monkeypatch.setattr(os, "posix_fallocate", fails)
    with pytest.raises(OSError) as raised:
        empty_images(5, 3, 2, 2)
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(tmp_path / ".cache"))


def from_folder_to_training_data() -> dict[str, torch.Tensor]:
    generator = np.random.default_rng(0)
    for name in "ab":
        folder = Path("letters", name)
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(10):
            Image.fromarray(generator.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    dataset = read_classes("letters", SetParams(source="folder"), np.random.default_rng(0))
    dataset.resized(6).save("letters.safetensors")
    return load_digits({"letters": ["b", "a"]}, ["train", "validation"], ".")


def test_equal_bytes(limit):
    limit(IN_MEMORY)
    expected = from_folder_to_training_data()
    data = Path("letters.safetensors").read_bytes()
    limit(IN_FILES)
    found = from_folder_to_training_data()
    assert Path("letters.safetensors").read_bytes() == data
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert len(found["images"]) == 16


MEMORY = """
import sys
from pathlib import Path
import torch
from difflab.data.dataset import ImageDataset, load_digits
from difflab.training.loader import Loader

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

batch = {"images": torch.zeros(8, 3, 16, 16, dtype=torch.uint8)}
Loader(batch, 4, 0, torch.device("cpu"))[0]
before = anonymous()
large = ImageDataset.load("small.safetensors", []).resized(16)
large.save("large.safetensors")
data = load_digits({"large": [0]}, ["train"], ".")
loader = Loader(data, 64, 0, torch.device("cpu"))
for step in range(19):
    loader[step]
print(data["images"].nbytes, anonymous() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc/self/status")
def test_memory_holds_a_few_batches(limit):
    number = 100_000
    ImageDataset(
        images=torch.zeros(number, 1, 4, 4, dtype=torch.uint8),
        labels=torch.zeros(number, dtype=torch.int64),
        splits=(torch.arange(number) % 10 == 0).to(torch.uint8),
        description="black",
        classes=("0",),
    ).save("small.safetensors")
    grown = {}
    for gib in (IN_MEMORY, IN_FILES):
        limit(gib)
        output = subprocess.run([sys.executable, "-c", MEMORY], check=True, capture_output=True, text=True).stdout
        size, grown[gib] = map(int, output.split())
        assert size == 90_000 * 3 * 16 * 16
    assert grown[IN_MEMORY] > size > 5 * grown[IN_FILES]
