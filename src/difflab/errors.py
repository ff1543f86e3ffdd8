"""Errors that the user can correct."""

from __future__ import annotations

import sys
from collections.abc import Callable


class UserError(ValueError):
    """Something the user can correct; the message is one line: the file or key, what was found, what is allowed."""


class DataError(UserError):
    """Data that cannot be used; the message is one line that names the file."""


def call(main: Callable[[], None]) -> None:
    """Call `main`; a UserError becomes one line on stderr and exit status 1."""
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
