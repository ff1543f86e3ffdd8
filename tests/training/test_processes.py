"""Two processes that train together, and each alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from difflab.pipeline.processes import own_folder
from difflab.pipeline.run_records import root
from tests.training.test_parts import PARAMS, train

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, torch
from pathlib import Path
from accelerate import PartialState
from safetensors.torch import save_file
from tests.training.test_parts import PARAMS, train

state = PartialState(cpu=True)
params = PARAMS.model_copy(update={"num_epochs": int(sys.argv[2]), "gradient_accumulation_steps": int(sys.argv[3])})
folder = Path(sys.argv[1], str(state.process_index))
weights, _ = train(folder, params)
save_file(weights, folder / "weights.safetensors")
"""


def train_in_two(folder: Path, num_epochs: int = PARAMS.num_epochs, parts: int = 1) -> list[dict[str, torch.Tensor]]:
    """The weights of both processes."""
    script = folder / "script.py"
    folder.mkdir(exist_ok=True)
    script.write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = [str(script), str(folder), str(num_epochs), str(parts)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    ran = subprocess.run([*launch, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return [load_file(folder / str(rank) / "weights.safetensors") for rank in range(2)]


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "train_log.jsonl").read_text().splitlines()]


def test_two_processes_train_as_one(tmp_path):
    """Weights, their moving average, gradient norm and loss; each process passes its share in two parts."""
    alone, _ = train(tmp_path / "alone", PARAMS)
    together = train_in_two(tmp_path / "two", parts=2)
    for name, weights in alone.items():
        torch.testing.assert_close(together[0][name], weights, rtol=1e-10, atol=1e-12)
        assert torch.equal(together[0][name], together[1][name])
    assert losses(tmp_path / "two/0") == pytest.approx(losses(tmp_path / "alone"), rel=1e-10)


def test_two_processes_go_on_where_one_has_stopped(tmp_path):
    """The second of them has no checkpoint of its own."""
    whole, _ = train(tmp_path / "whole", PARAMS)
    (tmp_path / "two").mkdir()
    train(tmp_path / "two/0", PARAMS.model_copy(update={"num_epochs": 2}))
    for weights in train_in_two(tmp_path / "two"):
        for name, expected in whole.items():
            torch.testing.assert_close(weights[name], expected, rtol=1e-10, atol=1e-12)
    assert len(losses(tmp_path / "two/0")) > len(losses(tmp_path / "two/1"))


def test_other_processes_read_the_folder_and_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    Path("models/a").mkdir(parents=True)
    Path("models/a/weights").write_text("old")
    Path("params.yaml").write_text("x: 1")
    with own_folder():
        assert Path("params.yaml").read_text() == "x: 1"
        assert Path("models/a/weights").read_text() == "old"
        Path("models/b").mkdir()
        Path("new").write_text("new")
        Path("new").replace("models/a/weights")
        assert Path("models/a/weights").read_text() == "new"
        inside = Path.cwd()
        assert root() == inside.resolve()
    assert Path.cwd() == tmp_path and not inside.exists()
    assert Path("models/a/weights").read_text() == "old" and not Path("models/b").exists()


@pytest.mark.parametrize("rank", [None, "0"])
def test_the_first_process_works_in_the_folder_itself(tmp_path, monkeypatch, rank):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RANK", raising=False)
    if rank:
        monkeypatch.setenv("RANK", rank)
    with own_folder():
        assert Path.cwd() == tmp_path
