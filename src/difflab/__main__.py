"""`python -m difflab`: the `difflab` command, of the sources that come first on Python's path."""

from difflab.cli import main

main()
