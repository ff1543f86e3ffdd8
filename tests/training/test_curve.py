"""Loss curves as `dvc plots` reads them."""

from pathlib import Path

from difflab.training.checkpoint import write_curve

LOG = """{"step": 10, "epoch": 0.5, "loss": 0.25, "grad_norm": 1.0, "learning_rate": 0.001}
{"step": 20, "epoch": 1.0, "loss": 0.125, "grad_norm": 0.5, "learning_rate": 0.0}
{"step": 20, "epoch": 1.0, "validation_loss": 0.5}
"""


def test_curve_has_a_row_for_each_loss(tmp_path: Path) -> None:
    (tmp_path / "train_log.jsonl").write_text(LOG)
    write_curve(tmp_path / "train_log.jsonl", tmp_path / "curves/a.csv")
    assert (tmp_path / "curves/a.csv").read_text().splitlines() == [
        "step,epoch,loss,grad_norm,learning_rate",
        "10,0.5,0.25,1.0,0.001",
        "20,1.0,0.125,0.5,0.0",
    ]
