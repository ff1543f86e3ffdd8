"""Fingerprints of the code of all stages → code/NAME.txt."""

import argparse

from difflab.errors import call


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()

    from difflab.pipeline.fingerprint import write_fingerprints

    write_fingerprints()


if __name__ == "__main__":
    call(main)
