"""The reference pages: parameters, stages, metrics."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from difflab.config import base, data, diffusion, language, params, personalization, studies, training
from difflab.docs.metrics import load_metrics, metrics_text, name_of
from difflab.docs.parameters import ENTRIES, parameters_text
from difflab.docs.stages import stages_text
from difflab.evaluation.intervals import UNBOUNDED
from difflab.history.measurements import DIFFERENCES, SHARES, bounds_of, read_metrics

ROOT = Path(__file__).parents[2]
METRICS = sorted(ROOT.glob("metrics/*.json"))
OF_OTHER_CLASSES = {"share_by_class", "class_entropy"}  # no recipe with other classes than digits is committed
NOT_COMMITTED = {"reference", "edge_f1"}  # measured only with `faces.reference`, with `controlnet.pairs.folder`


def sections() -> list[type[BaseModel]]:
    modules = (data, diffusion, language, params, personalization, studies, training)
    found = {kind for module in modules for kind in vars(module).values() if isinstance(kind, type)}
    return sorted((kind for kind in found if issubclass(kind, base.Section)), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", sections(), ids=lambda kind: kind.__name__)
def test_every_parameter_is_described(kind: type[BaseModel]) -> None:
    for name, field in kind.model_fields.items():
        text = field.description or (getattr(field.annotation, "__doc__", "") if _is_section(field.annotation) else "")
        assert text, f"{kind.__name__}.{name}"


def _is_section(kind: object) -> bool:
    kinds = [kind, *getattr(kind, "__args__", ())]
    return any(isinstance(one, type) and issubclass(one, base.Section) for one in kinds)


def rows(text: str) -> dict[str, list[str]]:
    """The cells after the first, without backticks, of each row that begins with code."""
    found = re.findall(r"^\| `([^`]+)` \| (.*) \|$", text, re.M)
    return {key: [cell.strip(" `") for cell in cells.split(" | ")] for key, cells in found}


def test_a_parameter_has_its_bounds_and_its_default() -> None:
    found = rows(parameters_text())
    assert found["compute.mixed_precision"][:2] == ["auto`, `fp32`, `bf16", '"auto"']
    assert found["judge.checkpoint"][:2] == ["text or `null", ""]
    assert found["faces.sampling.steps_offset"][:2] == ["integer, 0 to 3,999", "0"]
    assert found["circles.unseen_pairs"][0] == "number > 0, < 1"
    assert found["controlnet.samples.two_circles.N.circles"][0] == "list of 2 of list of 3 of number > 0, < 1"
    assert found["recipes.RECIPE.schedule"][0].startswith("section by `name`: [`cosine`](#schedule-cosine), ")
    assert found["learning_rate"][0] == "number > 0, ≤ 1"  # of a section that several keys share


def leaves(node: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The keys of params.yaml, with the words of the page for names of recipes, concepts and methods."""
    if isinstance(node, list) and isinstance(node[0], dict):
        node = dict(enumerate(node))
    if not isinstance(node, dict) or not node:
        yield path
        return
    for key, value in node.items():
        yield from leaves(value, (*path, ENTRIES.get(path[-1] if path else "", str(key))))


def test_every_key_of_params_yaml_has_a_row() -> None:
    found = rows(parameters_text())
    keys = set(leaves(YAML(typ="safe").load(ROOT / "params.yaml")))
    assert len(keys) > 200
    for key in keys:
        named = [".".join(key[:end]) for end in range(1, len(key) + 1) if ".".join(key[:end]) in found]
        assert named, key
        if named[-1] != ".".join(key):  # the rest is in a section that several keys share, or the value is a mapping
            rest = key[named[-1].count(".") + 1]
            assert rest in found or found[named[-1]][0].startswith("for each"), key


def test_links_to_shared_sections_have_headings() -> None:
    text = parameters_text()
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)
    }
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert len(links) >= 6 and links <= headings


def test_every_stage_has_its_docstring_and_its_declaration() -> None:
    text = stages_text()
    stages = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
    assert re.findall(r"^### (.+)$", text, re.M) and set(re.findall(r"^### (.+)$", text, re.M)) == set(stages)
    train = text[text.index("### train\n") : text.index("### sample\n")]
    assert "Train one diffusion recipe" in train and "| one for each | `${recipes}` |" in train
    assert "`recipes.${key}.schedule`" in train and "| outputs | `models/${key}/`, `curves/${key}.csv` |" in train
    assert "few steps of DDIM" in text  # of a script with several stages
    assert not re.search(r"^### .+\n\n\n", text, re.M)


@pytest.mark.parametrize("file", METRICS, ids=lambda file: file.stem)
def test_every_measurement_is_a_metric_within_its_range(file: Path) -> None:
    known = {name: metric for metrics in load_metrics().values() for name, metric in metrics.items()}
    measurements = read_metrics(file).measurements
    assert measurements
    for found in measurements:
        name = name_of(found.path)
        assert name, found.name
        least, most = known[name].bounds
        values = (found.value, found.low, found.high, found.real_baseline)
        assert all(least - 1e-9 <= value <= most + 1e-9 for value in values if value is not None), found.name
        bounded = (least, most) == (0, 1) or known[name].unit == "difference of shares"
        assert bounds_of(found.name) == ((least, most) if bounded else UNBOUNDED), found.name


def test_every_metric_is_measured_and_its_module_exists() -> None:
    measured = {name_of(found.path) for file in METRICS for found in read_metrics(file).measurements}
    parts = {part for file in METRICS for found in read_metrics(file).measurements for part in found.path}
    assert parts | OF_OTHER_CLASSES >= SHARES | DIFFERENCES
    for metrics in load_metrics().values():
        assert metrics.keys() <= measured | NOT_COMMITTED
        modules = [metric.source.split(", ")[-1] for metric in metrics.values() if metric.source]
        assert all((ROOT / "src/difflab" / module).is_file() for module in modules)


def test_metrics_agree_with_the_report_on_what_is_better() -> None:
    measures = YAML(typ="safe").load(ROOT / "src/difflab/report/systems.yaml")["measures"]
    known = {name: metric for metrics in load_metrics().values() for name, metric in metrics.items()}
    directions = {"up": "higher", "down": "lower", None: None}
    shared = measures.keys() & known.keys()
    assert len(shared) >= 20
    assert {name: directions[measures[name]["better"]] for name in shared} == {
        name: known[name].better for name in shared
    }


def test_a_row_of_the_metrics() -> None:
    assert rows(metrics_text())["separability"][1:4] == ["A-distance", "−2 to 2", "lower"]
    assert rows(metrics_text())["kernel"][2] == "any"
    assert json.loads((ROOT / "metrics/fid_study.json").read_text())["lengths"]
