"""Errors that the user can correct."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


class UserError(ValueError):
    """Something the user can correct; the message is one line: the file or key, what was found, what is allowed."""


def call(main: Callable[[], None]) -> None:
    """Call `main`; a UserError, or what the system refuses, becomes one line on stderr and exit status 1.

    A reader that goes away, as `head` does, ends the program without a line.
    """
    try:
        main()
        sys.stdout.flush()
    except UserError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {explain(error)}" if _is_read() else 1)
    except SystemExit:
        _is_read()
        raise


def explain(error: OSError) -> str:
    """One line: the file, if the error names one, and what happened."""
    text = " ".join(str(error.strerror or error).split())
    return f"{error.filename}: {text}" if error.filename is not None else text


def _is_read() -> bool:
    """Whether somebody still reads what this program prints; if not, the rest of it goes nowhere."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again at exit, and complains
        return False
    return True
