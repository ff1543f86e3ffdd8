"""One process per stage at a time: which process waits, which one runs, and the state after a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from difflab.pipeline.locks import alone, alone_if_free, is_alone, is_awaited

HOLDER = """
import sys
from difflab.pipeline.locks import alone

with alone("train@a/b"):
    print("alone", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def start() -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", HOLDER], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_second_process_waits_until_the_first_is_gone(how):
    with start() as first:
        assert first.stdout and first.stdin and first.stdout.readline() == "alone\n"
        with alone_if_free("train@a/b") as free:
            assert not free
        with start() as second:
            assert second.stdout and second.stderr and second.stdin
            assert "waiting" in (line := second.stderr.readline()) and "train@a/b" in line
            first.send_signal(how) if how else first.stdin.close()
            assert second.stdout.readline() == "alone\n"
            second.stdin.close()
            assert second.wait() == 0 and second.stderr.read() == ""
    with alone_if_free("train@a/b") as free:
        assert free


def test_the_holder_knows_that_another_waits():
    with alone("train@a/b"):
        assert not is_awaited("train@a/b")
        with start() as second:
            assert second.stderr and second.stdin and second.stderr.readline()
            while not is_awaited("train@a/b"):  # the line comes a moment earlier
                assert second.poll() is None
            second.kill()
        assert not is_awaited("train@a/b")


def test_blocks_of_one_process_may_be_nested():
    assert not is_alone()
    with alone("a"), alone("a"), alone("b"):
        assert is_alone()
    with alone("a"):
        assert is_alone()
    assert not is_alone()


def test_a_child_process_does_not_keep_the_lock():
    with alone("a"):
        child = subprocess.Popen(["sleep", "60"])
    try:
        with alone_if_free("a") as free:
            assert free
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()


def test_locks_are_in_the_checkout_under_names_of_files():
    with alone("train@../up"):
        (file,) = Path(".cache/locks").iterdir()
    assert file.name == "train@..%2Fup.lock"
