"""torchvision's files, written here from their specifications: contents, and a one-line error for each damage."""

import bz2
import gzip
import hashlib
import http.server
import pickle
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision import datasets

from difflab.data import cifar, torchvision_files
from difflab.data.classes import DIGITS
from difflab.data.dataset import SPLITS, ImageDataset
from difflab.errors import DataError

N = {"train": 200, "t10k": 40}


def pixels(n: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=(n, *shape), dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    """http://yann.lecun.com/exdb/mnist: two zeros, type 8 (unsigned byte), rank, big-endian sizes, bytes."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape) + array.tobytes()


def usps_lines_text(n: int) -> bytes:
    return bz2.decompress(usps_lines(pixels(n, 16, 16), np.arange(n) % 10))


def usps_lines(images: np.ndarray, labels: np.ndarray) -> bytes:
    """libsvm's text: a label in 1-10, then index:value pairs with values in [-1, 1]."""
    rows = images.reshape(len(images), -1) / 127.5 - 1
    lines = (
        f"{label + 1} " + " ".join(f"{i + 1}:{value:.6f}" for i, value in enumerate(row))
        for label, row in zip(labels, rows, strict=True)
    )
    return bz2.compress("\n".join(lines).encode() + b"\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MNIST, SVHN and USPS in small, and four photographs, each of one color."""
    raw = tmp_path / "torchvision/MNIST/raw"
    raw.mkdir(parents=True)
    (tmp_path / "photos/more").mkdir(parents=True)
    for part, n in N.items():
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(pixels(n, 28, 28)))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(np.arange(n, dtype=np.uint8) % 10))
    for part, name, n in (("train", "usps.bz2", 100), ("test", "usps.t.bz2", 20)):
        (tmp_path / "torchvision" / name).write_bytes(usps_lines(pixels(n, 16, 16), np.arange(n) % 10))
        mat = tmp_path / f"torchvision/{part}_32x32.mat"
        labels = np.arange(n)[:, None] % 10
        scipy.io.savemat(mat, {"X": pixels(n, 32, 32, 3).transpose(1, 2, 3, 0), "y": np.where(labels == 0, 10, labels)})
        url, file, _ = datasets.SVHN.split_list[part]
        monkeypatch.setitem(datasets.SVHN.split_list, part, [url, file, hashlib.md5(mat.read_bytes()).hexdigest()])
    for i in range(4):
        folder = tmp_path / "photos" / ("more" if i % 2 else ".")
        Image.new("RGB", (40, 30), (10 * i, 10 * i, 10 * i)).save(folder / f"{i}.png")
    return tmp_path


def read(name: str, root: Path) -> ImageDataset:
    torchvision_files.check(name, root)
    return torchvision_files.read(name, root, np.random.default_rng(0))


def read_mnistm(root: Path) -> ImageDataset:
    torchvision_files.check_blended("MNIST", root)
    return torchvision_files.read_blended("MNIST", root, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("MNIST", pixels(200, 28, 28)[:, None], pixels(40, 28, 28)[:, None]),
        ("SVHN", pixels(100, 32, 32, 3).transpose(0, 3, 1, 2), pixels(20, 32, 32, 3).transpose(0, 3, 1, 2)),
        ("USPS", pixels(100, 16, 16)[:, None], pixels(20, 16, 16)[:, None]),
    ],
)
def test_images_labels_and_official_splits(root: Path, name: str, train: np.ndarray, test: np.ndarray) -> None:
    dataset = read(name, root)
    expected = np.concatenate([train, test]).astype(int)
    tolerance = 1 if name == "USPS" else 0  # its text holds six decimals, and torchvision rounds down
    assert dataset.images.shape == expected.shape
    assert np.abs(dataset.images.numpy().astype(int) - expected).max() <= tolerance
    assert dataset.labels.tolist() == [i % 10 for i in range(len(train))] + [i % 10 for i in range(len(test))]
    assert (dataset.splits[len(train) :] == SPLITS.index("test")).all()
    assert [len(dataset.part(split)) for split in SPLITS] == [len(train) * 9 // 10, len(train) // 10, len(test)]
    assert dataset.part("validation").labels.bincount().tolist() == [len(train) // 100] * 10
    assert dataset.description == name and dataset.classes == DIGITS


def test_mnistm_blends_each_digit_with_photos_of_its_split(root: Path) -> None:
    mnist, mnistm = read("MNIST", root), read_mnistm(root)
    assert mnistm.labels.equal(mnist.labels) and mnistm.splits.equal(mnist.splits)
    assert tuple(mnistm.images.shape) == (240, 3, 28, 28) and "4 photographs" in mnistm.description
    colors = np.array([0, 10, 20, 30])[:, None, None, None, None]
    could_be = np.abs(colors - mnist.images.numpy().astype(int)) == mnistm.images.numpy()
    matches = could_be.all(axis=(2, 3, 4))  # (4 photographs, 240 images)
    assert (matches.sum(axis=0) == 1).all()
    used = [set(matches.argmax(axis=0)[mnist.splits == index]) for index in range(3)]
    assert sum(map(len, used)) == 4 and set.union(*used) == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["MNIST", "SVHN", "USPS"])
def test_what_is_missing_is_one_line(root: Path, name: str) -> None:
    files = {"SVHN": "test_32x32.mat", "USPS": "usps.t.bz2"}
    path = root / "torchvision" / files.get(name, "MNIST/raw/t10k-labels-idx1-ubyte")
    path.unlink()
    with pytest.raises(DataError, match=rf"^{path}: not found; put it there or choose another source$"):
        torchvision_files.check(name, root)


def test_mnistm_needs_photographs(root: Path) -> None:
    for path in root.glob("photos/*.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"photos: 2 photographs, allowed: 3 or more"):
        read_mnistm(root)
    Image.new("RGB", (40, 27)).save(root / "photos/flat.png")
    with pytest.raises(DataError, match=r"flat\.png: 40×27 pixels, allowed: 28×28 or more"):
        read_mnistm(root)
    for path in root.rglob("photos/**/*.png"):
        path.unlink()
    with pytest.raises(DataError, match=r"photos: no images in it"):
        torchvision_files.check_blended("MNIST", root)


RAW = "torchvision/MNIST/raw"


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        ("MNIST", f"{RAW}/train-images-idx3-ubyte", lambda b: b[:-1], "cannot be read: .+"),
        ("MNIST", f"{RAW}/train-images-idx3-ubyte", lambda b: b"", "cannot be read: .+"),
        ("MNIST", f"{RAW}/t10k-labels-idx1-ubyte", lambda b: b[:-1], "cannot be read: .+"),
        ("MNIST", f"{RAW}/t10k-labels-idx1-ubyte", lambda b: idx(pixels(40, 2)), "cannot be read: .+1 dimension.+"),
        ("MNIST", f"{RAW}/t10k-labels-idx1-ubyte", lambda b: b[:-1] + b"\x0a", "label 10, allowed: 0-9"),
        ("SVHN", "torchvision/train_32x32.mat", lambda b: b[:-1], "cannot be read: .*corrupted.*"),
        ("USPS", "torchvision/usps.t.bz2", lambda b: b[:-20], "cannot be read: .+"),
        (
            "USPS",
            "torchvision/usps.bz2",
            lambda b: usps_lines(pixels(2, 16, 16), np.array([0, 10])),
            "labels: found 11, allowed: 1 to 10",
        ),
    ],
)
def test_a_broken_file_is_named(
    root: Path, name: str, file: str, change: Callable[[bytes], bytes], message: str
) -> None:
    (root / file).write_bytes(change((root / file).read_bytes()))
    with pytest.raises(DataError, match=rf"^{root / file}: {message}$") as error:
        read(name, root)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "1 " + " ".join(f"{i}:{'nan' if i == 7 else 0.5}" for i in range(1, 257)),
            "pixels: found nan in line 3, allowed",
        ),
        ("1 " + " ".join(f"{i}:{i % 256}" for i in range(1, 257)), "pixels: found 2 in line 3, allowed: -1 to 1"),
        ("1 " + " ".join(f"{i}:0.5" for i in range(1, 256)), "cannot be read: 255 pixels in line 3, allowed: 256"),
        ("1.5 " + " ".join(f"{i}:0.5" for i in range(1, 257)), "labels: found 1.5, allowed: 1 to 10"),
        ("nan " + " ".join(f"{i}:0.5" for i in range(1, 257)), "labels: found nan, allowed: 1 to 10"),
    ],
)
def test_pixels_of_usps_that_are_none(root: Path, line: str, found: str) -> None:
    """torchvision would cast them to some byte."""
    path = root / "torchvision/usps.t.bz2"
    path.write_bytes(bz2.compress(usps_lines_text(2) + line.encode() + b"\n"))
    with pytest.raises(DataError, match=rf"^{path}: {found}"):
        read("USPS", root)


def test_usps_has_the_bytes_of_torchvision(root: Path) -> None:
    theirs = datasets.USPS(root / "torchvision", train=True)
    images, labels = torchvision_files.read_usps(root / "torchvision/usps.bz2")
    assert np.array_equal(images[:, 0].numpy(), theirs.data) and labels.tolist() == theirs.targets


def write_idx(folder: Path, names: tuple[str, str], first: int, count: int) -> np.ndarray:
    for part, name in zip(("train", "test"), names, strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        labels = np.arange(260, dtype=np.uint8) % count + first
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(pixels(260, 28, 28, seed=len(part))))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels))
    return pixels(260, 28, 28, seed=len("train"))


def test_emnist_is_turned_upright_and_its_letters_begin_with_a(tmp_path: Path) -> None:
    names = "emnist-letters-train", "emnist-letters-test"
    train = write_idx(tmp_path / "torchvision/EMNIST/raw", names, first=1, count=26)
    dataset = read("EMNIST-letters", tmp_path)
    assert np.array_equal(dataset.images[:260, 0].numpy(), train.transpose(0, 2, 1))
    assert dataset.labels.min() == 0 and dataset.labels.max() == 25
    assert dataset.classes == tuple(datasets.EMNIST.classes_split_dict["letters"][1:])


def test_clothing_has_its_names(tmp_path: Path) -> None:
    write_idx(tmp_path / "torchvision/FashionMNIST/raw", ("train", "t10k"), first=0, count=10)
    assert read("FashionMNIST", tmp_path).classes == tuple(datasets.FashionMNIST.classes)
    assert torchvision_files.classes_of("KMNIST") == tuple(datasets.KMNIST.classes)
    for split in ("balanced", "bymerge", "byclass"):
        assert torchvision_files.classes_of(f"EMNIST-{split}") == tuple(datasets.EMNIST.classes_split_dict[split])


def write_cifar(folder: Path) -> dict[str, np.ndarray]:
    """As torchvision's files are: pickles of protocol 2 with a dict of an array and lists."""
    folder.mkdir(parents=True)
    written = {}
    for number, name in enumerate((*cifar.TRAIN, *cifar.TEST)):
        written[name] = pixels(20, 3072, seed=number)
        entry = {"batch_label": name, "labels": [k % 10 for k in range(20)], "data": written[name], "filenames": ["a"]}
        (folder / name).write_bytes(pickle.dumps(entry, protocol=2))
    return written


def test_cifar_is_read_without_unpickling_more_than_arrays(tmp_path: Path) -> None:
    folder = tmp_path / "torchvision" / cifar.FOLDER
    written = write_cifar(folder)
    dataset = read("CIFAR10", tmp_path)
    assert np.array_equal(dataset.images.numpy().reshape(120, -1), np.concatenate(list(written.values())))
    assert dataset.classes == cifar.CLASSES and [len(dataset.part(split)) for split in SPLITS] == [90, 10, 20]
    (folder / "data_batch_3").write_bytes(pickle.dumps({"data": Path("x"), "labels": []}, protocol=2))
    with pytest.raises(DataError, match=r"data_batch_1: cannot be read: found pathlib\..+, allowed"):
        read("CIFAR10", tmp_path)


def test_labels_that_do_not_match_the_images(root: Path) -> None:
    (root / RAW / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(199, dtype=np.uint8)))
    with pytest.raises(DataError, match=r"images-idx3-ubyte: 200 images, but 199 labels in .*train-labels-idx1-ubyte$"):
        read("MNIST", root)


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def mirror(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a local server offers instead of the sites of MNIST, SVHN and USPS."""
    folder = root / "mirror"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [url])
        resources = []
        for path in sorted((root / RAW).iterdir(), reverse=True):
            (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            resources.append((f"{path.name}.gz", hashlib.md5((folder / f"{path.name}.gz").read_bytes()).hexdigest()))
        monkeypatch.setattr(datasets.MNIST, "resources", resources)
        for kind in (datasets.SVHN, datasets.USPS):
            for part in ("train", "test"):
                name = kind.split_list[part][1]
                data = (root / "torchvision" / name).read_bytes()
                (folder / name).write_bytes(data)
                monkeypatch.setitem(kind.split_list, part, [url + name, name, hashlib.md5(data).hexdigest()])
        yield folder
        server.shutdown()


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["MNIST", "SVHN", "USPS"])
def test_a_download_ends_in_the_same_files(root: Path, mirror: Path, name: str) -> None:
    downloads = root / "downloads"
    torchvision_files.download(name, downloads)
    assert files_below(downloads) == sorted(f"torchvision/{file}" for file in torchvision_files.files_of(name))
    assert read(name, downloads).images.equal(read(name, root).images)
    for path in mirror.iterdir():
        path.unlink()
    torchvision_files.download(name, downloads)  # all there: nothing is asked for


@pytest.mark.parametrize("name", ["MNIST", "SVHN", "USPS"])
@pytest.mark.parametrize("failure", ["absent", "corrupted"])
def test_a_failed_download_leaves_nothing_and_says_what_to_do(
    root: Path, mirror: Path, name: str, failure: str
) -> None:
    last = Path(torchvision_files.files_of(name)[-1]).name
    path = mirror / (f"{last}.gz" if name == "MNIST" else last)
    path.write_bytes(path.read_bytes()[:-1]) if failure == "corrupted" else path.unlink()
    downloads = root / "downloads"
    with pytest.raises(DataError) as error:
        torchvision_files.download(name, downloads)
    line = str(error.value)
    assert line.startswith("the download failed (") and "\n" not in line
    assert f"{last} into {downloads}/torchvision/ or choose another source" in line
    assert files_below(downloads) == [] and not list(downloads.glob("*.partial"))
