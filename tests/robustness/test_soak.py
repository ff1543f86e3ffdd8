"""Twenty kills and six pairs of processes; `make soak` does ten times as much and prints the table."""

import subprocess
import sys
from pathlib import Path


def test_killed_work_ends_in_the_same_bytes() -> None:
    """In a process of its own: it forks, and has to have imported torch before."""
    command = [sys.executable, "-m", "tests.robustness.soak", "--kills", "20", "--pairs", "6"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert sum(int(kills) for _, kills, *_ in rows) >= 20
    for _, _, ended, equal, pairs, pairs_equal, left in rows:
        assert ended == equal != "0" and pairs == pairs_equal == "2" and left == "0"
