"""Class names, and their form in file names."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

DIGITS = tuple("0123456789")  # the classes of all digit data sets
MAX_CLASSES = 1000


def as_names(classes: Iterable[str | int]) -> list[str]:
    """Class names of params.yaml as text: YAML reads a class named 7 as a number."""
    return [str(name) for name in classes]


def file_part(name: str) -> str:
    """A class name with the characters escaped that some systems forbid in file names: T-shirt%2Ftop."""
    return re.sub(r'[%/\\:*?"<>|]|^\.', lambda found: f"%{ord(found[0]):02X}", name)


def class_of(part: str) -> str:
    """The inverse of `file_part`."""
    return unquote(part)
