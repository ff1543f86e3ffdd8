"""Grade the samples of one recipe: samples/RECIPE/ and the judges of its domains → metrics/RECIPE.json."""

import argparse
from pathlib import Path

from difflab.params import ComputeParams, RecipeData, load_section
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", help="an entry of params.yaml: recipes")
    recipe = parser.parse_args().recipe

    compute = load_section(ComputeParams, "compute")
    domains = load_section(RecipeData, f"recipes.{recipe}.data")

    import pandas as pd

    from difflab.device import make_accelerator
    from difflab.evaluation.metrics import write_metrics
    from difflab.evaluation.samples import read_digit_samples
    from difflab.models.judge import load_judge

    accelerator = make_accelerator(compute)
    graded = []
    for domain, digits in domains.items():
        images, expected = read_digit_samples(Path("samples", recipe, domain), digits)
        judge = load_judge(Path(f"models/judge-{domain}")).to(accelerator.device)
        graded.append(pd.DataFrame({"domain": domain, "digit": expected, "seen": judge.predict(images)}))
    table = pd.concat(graded)
    table["correct"] = table.digit == table.seen
    write_metrics(
        Path(f"metrics/{recipe}.json"),
        {
            "num_images": len(table),
            "accuracy": table.correct.mean(),
            "accuracy_by_domain": table.groupby("domain").correct.mean().to_dict(),
            "accuracy_by_digit": {
                domain: {str(digit): share for digit, share in rows.groupby("digit").correct.mean().items()}
                for domain, rows in table.groupby("domain")
            },
        },
    )


if __name__ == "__main__":
    run(main)
