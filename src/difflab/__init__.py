"""difflab: a reproducible research pipeline for generative vision models."""

import importlib.abc
import importlib.metadata
import importlib.util
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from difflab.diffusion.pipelines import DigitPipeline, UnconditionalPipeline

__all__ = ["DigitPipeline", "UnconditionalPipeline", "__version__"]
__version__ = importlib.metadata.version("difflab")

_libraries: list[Any] = []  # keeps declarations alive: they are undone when their Library is deleted


class _TorchvisionCompat(importlib.abc.MetaPathFinder):
    """Makes torchvision importable with a CPU-only torch, when it is first imported.

    The package index's torchvision is built for CUDA. With a CPU-only torch its compiled operators cannot be loaded,
    and its import fails with "operator torchvision::nms does not exist", because it registers fake kernels for two of
    them. This package calls none of them, so declaring their schemas is enough.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname != "torchvision":
            return
        sys.meta_path.remove(self)
        import torch

        spec = importlib.util.find_spec("torchvision")
        if spec is not None and spec.origin is not None and torch.version.cuda is None:
            try:
                torch.ops.load_library(Path(spec.origin).with_name("_C.so"))
            except OSError:
                library = torch.library.Library("torchvision", "DEF")
                for name in ("nms", "qnms"):
                    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
                _libraries.append(library)


sys.meta_path.insert(0, _TorchvisionCompat())


def __getattr__(name: str) -> Any:
    """Import the pipelines on first access: commands and most stages do not need them."""
    if name in __all__:
        return pkgutil.resolve_name(f"difflab.diffusion.pipelines:{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
