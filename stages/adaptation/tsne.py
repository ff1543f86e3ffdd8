"""The features of the held-out images of one scenario in the plane → figures/tsne_SCENARIO_{class,domain}.png.

Source-only and DANN side by side; both figures show the same points.
"""

import argparse
from pathlib import Path
from typing import Literal

from difflab.config.base import Seed
from difflab.config.load import load_section

from difflab.config.training import ComputeParams, TsneParams
from difflab.stage import run

COLOURINGS: tuple[Literal["class", "domain"], ...] = ("class", "domain")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", help="an entry of params.yaml: adaptation.scenarios")
    scenario = parser.parse_args().scenario
    compute = load_section(ComputeParams, "compute")
    params = load_section(TsneParams, "adaptation.tsne")
    first_seed = load_section(Seed, "adaptation.training.seed")
    seed = load_section(Seed, "evaluation.seed")

    from difflab.figures.files import Provenance, save_png
    from difflab.systems.adaptation.evaluation import embed_run
    from difflab.systems.adaptation.figures import plot_embeddings
    from difflab.systems.adaptation.scenarios import domains_of, held_out, prepared
    from difflab.training.device import make_accelerator

    device = make_accelerator(compute).device
    domains = domains_of(scenario)
    images = [held_out(domain) for domain in domains]
    folders = {
        method: Path(f"models/adapt/{scenario}-{method}/seed_{first_seed}") for method in ("source-only", "dann")
    }
    embeddings = [embed_run(title, folder, images, params, seed, device) for title, folder in folders.items()]
    shown = [folder / "model.safetensors" for folder in folders.values()] + [prepared(domain) for domain in domains]
    for colour_by in COLOURINGS:
        title = f"t-SNE of features of held-out images, {domains[0]} → {domains[1]}, by {colour_by}"
        figure = plot_embeddings(embeddings, colour_by, domains, title)
        save_png(figure, Path(f"figures/tsne_{scenario}_{colour_by}.png"), Provenance.of("tsne", shown))


if __name__ == "__main__":
    run(main)
