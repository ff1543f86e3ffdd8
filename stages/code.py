"""Fingerprints of the code of all stages → code/NAME.txt."""

from difflab.errors import call
from difflab.pipeline.fingerprint import write_fingerprints

if __name__ == "__main__":
    call(write_fingerprints)
