"""How a program ends: one line for errors of the system, and no error if the reader of stdout exits."""

import errno
import os
import subprocess
import sys
import urllib.error
from pathlib import Path

import pytest

from difflab.errors import UserError, call


def raising(error: BaseException):
    def main() -> None:
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "models/a"), "models/a: No space left on device"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "models/a"), "models/a: Read-only file system"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "data/a"), "data/a: No such file or directory"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "params.yaml"), "params.yaml: Is a directory"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "models"), "models: Not a directory"),
        (PermissionError(errno.EACCES, "Permission denied", "models"), "models: Permission denied"),
        (urllib.error.URLError("no\nroute"), "<urlopen error no route>"),
        (UserError("a: found 1, allowed: 2"), "a: found 1, allowed: 2"),
    ],
)
def test_what_the_system_refuses_is_one_line(error, line):
    with pytest.raises(SystemExit) as ended:
        call(raising(error))
    assert ended.value.code == f"error: {line}"


def test_other_exits_stay_as_they_are():
    with pytest.raises(SystemExit) as ended:
        call(lambda: sys.exit(3))
    assert ended.value.code == 3
    call(lambda: None)
    with pytest.raises(KeyError):
        call(raising(KeyError("a bug")))


MAINS = {
    "many lines": "print('line\\n' * 10**5)",
    "a line": "print('line')",
    "an exit status": "print('line'); sys.exit(0)",
    "help": "from difflab.cli import run; sys.argv[1:] = ['--help']; run()",
}
PROGRAM = """
import sys
from difflab.errors import call

def main():
    sys.stdin.read()
    MAIN

call(main)
"""


@pytest.mark.parametrize("main", MAINS)
def test_a_reader_that_goes_away_is_not_told(main):
    code = PROGRAM.replace("MAIN", MAINS[main])
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
        assert program.stdin and program.stdout and program.stderr
        program.stdout.close()
        program.stdin.close()
        assert program.stderr.read() == ""
        assert program.wait() in ((0, 1) if main == "help" else (1,))  # argparse minds in some versions of Python


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_that_finds_no_room_is_one_line():
    code = PROGRAM.replace("MAIN", "print('line')")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: ") and os.strerror(errno.ENOSPC) in line
