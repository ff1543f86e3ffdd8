"""Progress of images: a bar on a terminal, lines in a log, and the percentage that is read from the log."""

import io
import sys
from pathlib import Path

import pytest

from difflab.pipeline import progress
from difflab.pipeline.progress import image_bar, last_lines, percent_done


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_terminal_shows_a_bar_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with image_bar("training", 100, 400) as bar:
        bar.update(100)
        bar.refresh()
    shown = terminal.getvalue().split("\r")
    assert shown[1].startswith("training:  25%|") and "100/400 [" in shown[1]
    assert any("200/400 [" in state and "img/s" in state for state in shown)


def test_log_has_lines_from_which_the_percentage_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0)
    log = tmp_path / "train@a.log"
    with log.open("w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with image_bar("training", 0, 40_000) as bar:
            for done in (0, 25, 50):
                stream.flush()
                assert percent_done(log) == done
                bar.set_postfix(loss="0.5", refresh=False)
                bar.update(10_000)
        stream.write("saved\n")
    lines = log.read_text().splitlines()
    assert all(line.startswith("training: ") for line in lines[:-1])
    assert lines[-2].startswith("training: 75 % of 40000 images, ") and lines[-2].endswith(" left, loss=0.5")
    assert percent_done(log) is None  # the bar is over


def test_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert last_lines(log, 3) == [] and percent_done(log) is None
    log.write_bytes(b"x" * 100_000 + b"\nfirst\n\nLoading:  50%|##\rLoading: 100%|####\nbyte \xff\n")
    assert last_lines(log, 3) == ["first", "Loading: 100%|####", "byte \ufffd"]
    assert last_lines(log, 1) == ["byte \ufffd"]
