"""Metrics and figures of the ControlNet: samples/controlnet/ → metrics/controlnet.json, figures/controlnet*.png."""

from pathlib import Path
from typing import Annotated

from difflab.config.language import ControlSamplesParams
from difflab.stage import Section, run


def main(params: Annotated[ControlSamplesParams, Section("controlnet.samples")]) -> None:
    from difflab.data.circles import load_scenes
    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.targets import load_targets
    from difflab.systems.controlnet.conditions import all_conditions
    from difflab.systems.controlnet.evaluation import controlnet_metrics, load_sample_sets
    from difflab.systems.controlnet.figures import save_convergence, save_examples, save_scales

    samples, prepared = Path("samples/controlnet"), Path("prepared/circles.safetensors")
    groups = all_conditions(load_scenes(prepared).part("validation"), params)
    images = load_sample_sets(samples)
    metrics = controlnet_metrics(images, groups, params) | {"reported": load_targets().findings["controlnet"]}
    write_metrics(Path("metrics/controlnet.json"), metrics)
    inputs = [prepared, *sorted(samples.glob("*.safetensors"))]
    save_examples(images, groups, Path("figures/controlnet.png"), inputs)
    save_convergence(metrics, Path("figures/controlnet_convergence.png"), inputs)
    save_scales(metrics, Path("figures/controlnet_scale.png"), inputs)


if __name__ == "__main__":
    run(main)
