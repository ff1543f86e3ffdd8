"""The images of one concept, circles of a colour or photographs → prepared/concepts/NAME.safetensors."""

import argparse

from difflab.config.language import ConceptCirclesParams, ConceptParams
from difflab.config.load import load_section

from difflab.config.data import CirclesParams
from difflab.stage import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="an entry of params.yaml: personalization.concepts")
    name = parser.parse_args().name
    concept = load_section(ConceptParams, f"personalization.concepts.{name}")
    params = load_section(ConceptCirclesParams, "personalization.circles")
    course_input = load_section(str | None, "personalization.input")
    scenes = load_section(CirclesParams, "circles")

    from difflab.systems.personalization.concepts import concept_circles, photograph_folder, photographs
    from difflab.systems.personalization.paths import concept_file

    if concept.colour is not None:
        images = concept_circles(concept.colour, params, scenes)
    else:
        images = photographs(photograph_folder(concept, course_input))
    images.save(concept_file(name))


if __name__ == "__main__":
    run(main)
