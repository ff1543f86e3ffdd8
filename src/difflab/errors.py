"""Errors that the user can correct."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


class UserError(ValueError):
    """Something the user can correct; the message is one line: the file or key, what was found, what is allowed."""


def call(main: Callable[[], None]) -> None:
    """Call `main`; a UserError, or what the system refuses, becomes one line on stderr and exit status 1.

    A reader of stdout that goes away, as `head` does, ends the program without a line.
    """
    ending: str | int | None = None
    try:
        main()
    except UserError as error:
        ending = f"error: {error}"
    except OSError as error:
        ending = 1 if isinstance(error, BrokenPipeError) else f"error: {explain(error)}"
    except SystemExit as error:
        ending = error.code or 0
    try:
        if sys.stdout:  # None where it is closed
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again at exit, and complains
        ending = ending or (1 if isinstance(error, BrokenPipeError) else f"error: stdout: {explain(error)}")
    if ending is not None:
        sys.exit(ending)


def explain(error: OSError) -> str:
    """One line: the file, if the error names one, and what happened."""
    text = " ".join(str(error.strerror or error).split())
    return f"{error.filename}: {text}" if error.filename is not None else text
