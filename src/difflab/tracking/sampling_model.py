"""A trained recipe as an MLflow model: `mlflow.pyfunc.load_model("models:/joint-cosine/1").predict(rows)`.

Each input row describes one image: its seed and, for a conditional recipe, its digit (or class name) and domain. MLflow
imports this module by name, so nothing is pickled.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from difflab.errors import read_json

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CONDITIONAL = "DigitPipeline"
STEPS = 25


class SamplingModel:
    """The model that `mlflow.pyfunc` calls."""

    def __init__(self, folder: str | Path) -> None:
        import torch

        from difflab.diffusion.pipelines import load_recipe

        self.pipeline: Any  # one of two classes with different arguments
        self.conditional = read_json(Path(folder, "model_index.json"))["_class_name"] == CONDITIONAL
        self.pipeline = load_recipe(folder, self.conditional, "cuda" if torch.cuda.is_available() else "cpu")

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> np.ndarray:
        """Images (N, S, S, 3) uint8 for N rows. Raises SamplingError for a class or domain that was not trained.

        `params`: num_inference_steps and, for a conditional recipe, guidance_scale.
        """
        import numpy as np
        import torch

        params = params or {}
        options: dict[str, Any] = {"num_inference_steps": params.get("num_inference_steps", STEPS)}
        options["generator"] = [torch.Generator().manual_seed(int(seed)) for seed in model_input["seed"]]
        if self.conditional:
            options["guidance_scale"] = params.get("guidance_scale", 3.0)
            digits = [value if isinstance(value, str) else int(value) for value in model_input["digit"]]
            domains = list(model_input["domain"])
            images = self.pipeline(digits, domains, **options).images
        else:
            images = self.pipeline(len(model_input), **options).images
        return np.stack([np.asarray(image) for image in images])


def _load_pyfunc(data_path: str) -> SamplingModel:
    """MLflow calls this function, by this name."""
    return SamplingModel(data_path)


def save_as_mlflow_model(folder: Path, target: Path, example: dict[str, Any], image_size: int) -> None:
    """Write the recipe in `folder` to `target` as an MLflow model; `example` is an input row."""
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    types = {int: "long", str: "string"}
    params = [ParamSpec("num_inference_steps", "long", STEPS)]
    if "digit" in example:
        params.append(ParamSpec("guidance_scale", "double", 3.0))
    outputs = Schema([TensorSpec(np.dtype("uint8"), (-1, image_size, image_size, 3))])
    inputs = Schema([ColSpec(types[type(value)], name) for name, value in example.items()])
    mlflow.pyfunc.save_model(
        target,
        loader_module=__name__,
        data_path=str(folder),
        signature=ModelSignature(inputs, outputs, ParamSchema(params)),
        input_example=pd.DataFrame([example]),
        pip_requirements=["difflab"],  # or MLflow would load the model to infer the requirements
    )
