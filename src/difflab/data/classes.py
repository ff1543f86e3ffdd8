"""Names of classes, and as parts of file names."""

import re
from collections.abc import Iterable
from urllib.parse import unquote

DIGITS = tuple("0123456789")  # the classes of all digit data sets
MAX_CLASSES = 1000


def as_names(classes: Iterable[str | int]) -> list[str]:
    """The classes that params.yaml names: YAML reads the class named 7 as a number."""
    return [str(name) for name in classes]


def file_part(name: str) -> str:
    """The name of a class with the characters escaped that a file name cannot have everywhere: T-shirt%2Ftop."""
    return re.sub(r'[%/\\:*?"<>|]|^\.', lambda found: f"%{ord(found[0]):02X}", name)


def class_of(part: str) -> str:
    """The name of the class whose `file_part` is `part`."""
    return unquote(part)
