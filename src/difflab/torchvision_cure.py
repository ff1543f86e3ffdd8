"""Import torchvision beside a CPU-only torch; import this module before diffusers or torchvision.

The package index's torchvision is built for CUDA. Beside a CPU-only torch its compiled operators cannot be loaded, and
its import fails with "operator torchvision::nms does not exist", because it registers fake kernels for two of them.
Nothing here calls those operators, so declaring their schemas is enough.
"""

import importlib.util
from pathlib import Path

import torch

_spec = importlib.util.find_spec("torchvision")
if _spec is not None and _spec.origin is not None and torch.version.cuda is None:
    try:
        torch.ops.load_library(Path(_spec.origin).with_name("_C.so"))
    except OSError:
        _library = torch.library.Library("torchvision", "DEF")
        for _name in ("nms", "qnms"):
            _library.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
