"""`python -m difflab`: the `difflab` command of the sources that Python finds first."""

from difflab.cli import main

main()
