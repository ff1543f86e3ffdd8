"""Calls of stages with command-line arguments, without lock and record; errors are exceptions."""

from collections.abc import Callable
from types import ModuleType

from difflab.pipeline.stage import parse, read


def run_stage(stage: ModuleType | Callable[..., None], *words: str) -> None:
    """`stage`: a script, or one of the main functions of a script of several stages."""
    main, arguments = parse([stage.main if isinstance(stage, ModuleType) else stage], words)
    main(**read(main, arguments))
