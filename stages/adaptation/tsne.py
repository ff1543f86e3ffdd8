"""t-SNE of the features of one scenario's held-out images → figures/tsne_SCENARIO_{class,domain}.png.

Each figure shows source-only and DANN side by side; both figures show the same points.
"""

from pathlib import Path
from typing import Annotated

from difflab.config.base import Seed
from difflab.config.training import TsneParams
from difflab.stage import Compute, Scenario, Section, run


def main(
    scenario: Scenario,
    compute: Compute,
    params: Annotated[TsneParams, Section("adaptation.tsne")],
    first_seed: Annotated[Seed, Section("adaptation.training.seed")],
    seed: Annotated[Seed, Section("evaluation.seed")],
) -> None:
    from difflab.figures.files import Provenance, save_png
    from difflab.systems.adaptation.evaluation import embed_run
    from difflab.systems.adaptation.figures import plot_embeddings
    from difflab.systems.adaptation.scenarios import domains_of, files_of, held_out
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    domains = domains_of(scenario)
    files = files_of(scenario)
    images = [held_out(file) for file in files]
    folders = {
        method: Path(f"models/adapt/{scenario}-{method}/seed_{first_seed}") for method in ("source-only", "dann")
    }
    embeddings = [embed_run(title, folder, images, params, seed, device) for title, folder in folders.items()]
    shown = [*(folder / "model.safetensors" for folder in folders.values()), *files]
    for colored_by in ("class", "domain"):
        title = f"t-SNE of features of held-out images, {domains[0]} → {domains[1]}, by {colored_by}"
        figure = plot_embeddings(embeddings, colored_by, domains, title, images[0].classes)
        save_png(figure, Path(f"figures/tsne_{scenario}_{colored_by}.png"), Provenance.of("tsne", shown))


if __name__ == "__main__":
    run(main)
