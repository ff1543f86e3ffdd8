"""The whole GPU job in smoke sizes on the CPU: every promised file exists and loads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from difflab.config.load import load_section
from difflab.config.training import TrainingParams
from difflab.diffusion.noise_bank import bank_generators
from difflab.diffusion.pipelines import UnconditionalPipeline
from gpu.face_data import HELD_OUT, load_faces
from gpu.job import unpack_wheels

ROOT = Path(__file__).parents[2]
COLOR = [f"{number // 2:03d}_{number:05d}" for number in range(8)]  # four identities
NO_GPU = {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}


def pack(data: Path, out: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "gpu/pack.sh", "--data", str(data), "--no-wheels", str(out)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("packed")
    random = np.random.default_rng(0)
    for folder, names, shape in (
        ("lfw_grey", [f"{number:05d}" for number in range(6)], (64, 64)),
        ("youtube_colour", COLOR, (64, 64, 3)),
    ):
        (data / "faces" / folder).mkdir(parents=True)
        for name in names:
            pixels = random.integers(256, size=shape, dtype=np.uint8)
            Image.fromarray(pixels).save(data / "faces" / folder / f"{name}.jpg")
    mnist = data / "torchvision/MNIST/raw/train-images-idx3-ubyte"
    mnist.parent.mkdir(parents=True)
    mnist.write_bytes(bytes(16) + random.integers(256, size=(40, 28, 28), dtype=np.uint8).tobytes())
    packing = pack(data, out)
    assert packing.returncode == 0, packing.stderr
    return out


def test_packing_without_faces_fails_with_one_line(tmp_path):
    packing = pack(tmp_path / "nowhere", tmp_path / "packed")
    assert packing.returncode == 1
    (line,) = packing.stderr.splitlines()
    assert "nowhere/faces/lfw_grey" in line
    assert not (tmp_path / "packed").exists()


def test_identities_are_not_shared_by_training_and_validation(packed):
    train, validation, names = load_faces(packed / "faces.zip", image_size=64)
    held_out = len(validation)
    assert len(names) == held_out and len({name.rpartition("_")[0] for name in names}) == held_out / 2
    assert held_out in (2, 4)  # one or two identities of two images
    assert len(train) == 6 + 3 * (len(COLOR) - held_out)
    assert train.dtype == torch.uint8 and train.shape[1:] == (3, 64, 64)
    assert not any(torch.equal(image, other) for image in validation for other in train)


def test_only_missing_or_older_packages_are_unpacked(tmp_path):
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    wheels.mkdir()
    for name in ("torch-0.1-py3-none-any", "absent_here-1.0-py3-none-any", "absent_too-1.0-cp27-cp27-any"):
        subprocess.run([sys.executable, "-m", "zipfile", "-c", wheels / f"{name}.whl", __file__], check=True)
    assert unpack_wheels(wheels, site) == ["absent_here==1.0"]
    assert (site / Path(__file__).name).is_file()


@pytest.mark.pipeline
def test_the_whole_job(packed, tmp_path):
    command = [sys.executable, "gpu/job.py", "--packed", str(packed), "--out", str(tmp_path), "--smoke", "--no-compile"]
    job = subprocess.run(
        [*command, "--seconds", "2400"], cwd=ROOT, env=os.environ | NO_GPU, capture_output=True, text=True
    )
    assert job.returncode == 0, job.stdout + job.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) <= 8
    assert max(len(path.relative_to(tmp_path).parts) for path in files) <= 3  # two folders deep
    assert max(path.stat().st_size for path in files) <= 16 * 2**20

    lines = [json.loads(line) for line in (tmp_path / "job.jsonl").read_text().splitlines()]
    assert lines[-1]["results"] == dict.fromkeys(("tests", "loops", "faces", "digits"), "finished")
    assert any("needs a GPU" in text for line in lines for text in line.get("output", []))
    assert {line["precision"] for line in lines if line["event"] == "rates"} == {"fp32", "bf16"}
    (digits,) = (line for line in lines if line["part"] == "digits" and line["event"] == "trained")
    assert digits["hours"] > 0 and digits["images"] > 0

    assert Image.open(tmp_path / "faces.png").size == (8 * 64, 5 * 64)
    steps = [json.loads(line) for line in (tmp_path / "faces/train_log.jsonl").read_text().splitlines()]
    assert any("loss" in line for line in steps) and any("validation_loss" in line for line in steps)
    assert any("checkpoint" in line for line in lines if line["event"] == "left out")
    held_out = (tmp_path / "faces" / HELD_OUT).read_text().splitlines()
    assert held_out == load_faces(packed / "faces.zip", image_size=64).held_out
    (training,) = (line["params"] for line in lines if line["event"] == "training")
    profile = load_section(TrainingParams, "faces.training", packed / "pretrain.yaml")
    assert training["weight_decay"] == profile.weight_decay > 0
    assert training["learning_rate"] < profile.learning_rate  # of a smaller batch
    pipeline = UnconditionalPipeline.from_folder(tmp_path / "faces").to("cpu", torch.float32)
    image = pipeline(1, generator=bank_generators(0, [0]), num_inference_steps=2).images[0]
    assert image.size == (64, 64)
