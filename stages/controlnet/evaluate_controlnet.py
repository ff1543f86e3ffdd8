"""Metrics and figures of the ControlNet: samples/controlnet/ → metrics/controlnet.json, figures/controlnet*.png."""

from pathlib import Path
from typing import Annotated

from difflab.config.language import ControlSamplesParams, PairsParams
from difflab.stage import Section, run


def main(
    pairs: Annotated[PairsParams, Section("controlnet.pairs")],
    params: Annotated[ControlSamplesParams, Section("controlnet.samples")],
) -> None:
    from difflab.data.circles import load_scenes
    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.targets import load_targets
    from difflab.systems.controlnet.conditions import PAIRS, circle_conditions, pair_conditions
    from difflab.systems.controlnet.evaluation import controlnet_metrics, load_sample_sets
    from difflab.systems.controlnet.figures import save_convergence, save_examples, save_scales
    from difflab.systems.controlnet.pair_evaluation import pair_metrics, save_pair_examples
    from difflab.systems.controlnet.pairs import INDEX

    samples, prepared = Path("samples/controlnet"), Path("prepared/circles.safetensors")
    figure = Path("figures/controlnet.png")
    images, drawn = load_sample_sets(samples), sorted(samples.glob("*.safetensors"))
    if pairs.folder is None:
        inputs, groups = [prepared, *drawn], circle_conditions(load_scenes(prepared).part("validation"), params)
        metrics = controlnet_metrics(images, groups, params) | {"reported": load_targets().findings["controlnet"]}
        save_examples(images, groups, figure, inputs)
    else:
        inputs, held_out = [Path(pairs.folder, INDEX), *drawn], pair_conditions(pairs)[PAIRS]
        metrics = pair_metrics(images, held_out, params)
        save_pair_examples(images, held_out, figure, inputs)
    write_metrics(Path("metrics/controlnet.json"), metrics)
    save_convergence(metrics, Path("figures/controlnet_convergence.png"), inputs)
    save_scales(metrics, Path("figures/controlnet_scale.png"), inputs)


if __name__ == "__main__":
    run(main)
