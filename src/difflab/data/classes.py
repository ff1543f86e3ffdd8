"""Names of classes as parts of file names."""

import re
from urllib.parse import unquote


def file_part(name: str) -> str:
    """The name of a class with the characters escaped that a file name cannot have everywhere: T-shirt%2Ftop."""
    return re.sub(r'[%/\\:*?"<>|]|^\.', lambda found: f"%{ord(found[0]):02X}", name)


def class_of(part: str) -> str:
    """The name of a class, of which `part` is the `file_part`."""
    return unquote(part)
