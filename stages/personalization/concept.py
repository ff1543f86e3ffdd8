"""The images of one concept, rendered circles of a color or photographs → prepared/concepts/NAME.safetensors."""

from typing import Annotated

from difflab.config.data import CirclesParams
from difflab.config.personalization import ConceptCirclesParams, ConceptParams
from difflab.stage import Concept, Section, run


def main(
    name: Concept,
    concept: Annotated[ConceptParams, Section("personalization.concepts.{name}")],
    params: Annotated[ConceptCirclesParams, Section("personalization.circles")],
    course_input: Annotated[str | None, Section("personalization.input")],
    scenes: Annotated[CirclesParams, Section("circles")],
) -> None:
    from difflab.systems.personalization.concepts import concept_circles, photograph_folder, photographs
    from difflab.systems.personalization.paths import concept_file

    if concept.color is not None:
        images = concept_circles(concept.color, params, scenes)
    else:
        images = photographs(photograph_folder(concept, course_input))
    images.save(concept_file(name))


if __name__ == "__main__":
    run(main)
