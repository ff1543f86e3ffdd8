"""difflab: a reproducible research pipeline for generative vision models."""

import importlib.util
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path


class _BeforeTorchvision(MetaPathFinder):
    """Lets torchvision be imported beside a CPU-only torch.

    The package index's torchvision is built for CUDA. Beside a CPU-only torch its compiled operators cannot be loaded,
    and its import fails with "operator torchvision::nms does not exist", because it registers fake kernels for two of
    them. Nothing here calls those operators, so declaring their schemas is enough.
    """

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            self.declare_operators()

    def declare_operators(self) -> None:
        import torch

        spec = importlib.util.find_spec("torchvision")
        if spec is None or spec.origin is None or torch.version.cuda is not None:
            return
        try:
            torch.ops.load_library(Path(spec.origin).with_name("_C.so"))
        except OSError:
            self.library = torch.library.Library("torchvision", "DEF")  # declares them for as long as it lives
            for name in ("nms", "qnms"):
                self.library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


_finder = _BeforeTorchvision()
sys.meta_path.insert(0, _finder)
