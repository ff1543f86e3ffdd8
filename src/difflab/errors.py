"""Errors that the user can correct; errors of libraries about a user's file, in one line that names it."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import Any


class UserError(ValueError):
    """An error that the user can correct; the message is one line: file or key, found value, allowed values."""


class DataError(UserError):
    """Data that cannot be used; the message is one line that names the file."""


def call(main: Callable[[], None]) -> None:
    """Call `main`; a UserError, or an error of DVC or the operating system, becomes one line and exit status 1.

    Characters that the terminal's encoding lacks are printed as "?". If the reader of stdout exits, as `head` does, the
    program ends without a message.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    ending: str | int | None = None
    try:
        main()
    except UserError as error:
        ending = f"error: {error}"
    except OSError as error:
        ending = 1 if isinstance(error, BrokenPipeError) else f"error: {explain(error)}"
    except SystemExit as error:
        ending = error.code or 0
    except Exception as error:
        if not (line := dvc_reason(error)):
            raise
        ending = f"error: dvc: {line}"
    try:
        if sys.stdout:  # None if it is closed
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python flushes stdout again at exit
        ending = ending or (1 if isinstance(error, BrokenPipeError) else f"error: stdout: {explain(error)}")
    if ending is not None:
        sys.exit(ending)


def explain(error: OSError) -> str:
    """One line with the error and, if it names a file, that file."""
    text = " ".join(str(error.strerror or error).split())
    return f"{error.filename}: {text}" if error.filename is not None else text


@contextmanager
def reading(place: str | Path, *also: type[Exception], kind: type[UserError] = UserError) -> Iterator[None]:
    """In a block that reads the user's file or folder `place`, turn errors about its contents into one line of `kind`.

    These are errors of the operating system and of libraries, and those in `also`, which the block's own code raises if
    the contents are not as expected. Any other error in difflab's own code passes unchanged.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not isinstance(error, also) and _is_our_own(error):
            raise
        raise kind(f"{place}: {reason_of(error, str(place))}") from None


def read_json(path: str | Path) -> dict[str, Any]:
    """The JSON object in the file `path`. Raises UserError, one line, if there is none."""
    with reading(path):
        return parse_json(Path(path).read_bytes(), str(path))


def parse_json(content: bytes, place: str) -> dict[str, Any]:
    """The JSON object in the `content` of `place`, with or without a byte order mark. Raises UserError as above, also
    for a duplicate key."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):  # a tokenizer has 50,000 keys: counting each would take minutes
            twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
            raise UserError(f"{place}: found the key {twice!r} twice in one object, allowed: once")
        return found

    with reading(place):
        found = json.loads(content, object_pairs_hook=once)
    if not isinstance(found, dict):
        raise UserError(f"{place}: found a {type(found).__name__}, allowed: a JSON object")
    return found


@cache
def warn(line: str) -> None:
    """Print a warning on stderr, each text once."""
    print(f"warning: {line}", file=sys.stderr, flush=True)


def reason_of(error: Exception, place: str) -> str:
    """The reason of an error about the file or folder `place`, as text."""
    match error:
        case FileNotFoundError():
            return "not found" if error.filename in (None, place) else f"{error.filename}: not found"
        case IsADirectoryError():
            return "found a folder, allowed: a file"
        case OSError(strerror=str(reason)):
            return reason
        case UnicodeDecodeError():
            return f"not UTF-8: byte 0x{error.object[error.start]:02x} at position {error.start}"
        case json.JSONDecodeError():
            return f"not JSON, line {error.lineno}: {error.msg}"
    return _yaml_reason(error) or f"cannot be read ({type(error).__name__}: {_one_line(error)})"


def dvc_reason(error: Exception) -> str | None:
    """DVC's error message on one line; None for any other error. Does not import DVC, which is slow."""
    if not any(kind.__module__.startswith("dvc.") and kind.__name__ == "DvcException" for kind in type(error).__mro__):
        return None
    line, cause = _one_line(error), error.__cause__
    if isinstance(cause, Exception) and (reason := _yaml_reason(cause)):
        return f"{line} ({reason})"
    return f"{line}; `git init` makes it one" if line.endswith("is not a git repository") else line


def _yaml_reason(error: Exception) -> str | None:
    """The message of an error of PyYAML or ruamel.yaml; None for any other error."""
    if not any(kind.__name__ == "YAMLError" for kind in type(error).__mro__):
        return None
    mark = getattr(error, "problem_mark", None)
    return f"not YAML, line {mark.line + 1}: {error.problem}" if mark else f"not YAML: {_one_line(error)}"  # type: ignore[attr-defined]


def _is_our_own(error: Exception) -> bool:
    """Whether it is a built-in exception, not one of the operating system, raised in difflab or a script."""
    if isinstance(error, (OSError, UnicodeError)) or type(error).__module__ != "builtins":
        return False
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    module = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    return module.split(".")[0] in ("difflab", "__main__")


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 500 else f"{text[:500]} …"
