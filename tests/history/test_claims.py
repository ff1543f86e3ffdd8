"""Claims: inequalities over numbers, and the repository's own claims.yaml."""

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from difflab.errors import UserError
from difflab.history.claims import Claim, Outcome, load_claims, outcome
from difflab.history.measurements import metrics_of, read_metrics
from difflab.report.systems import load_systems

ROOT = Path(__file__).parents[2]
METRICS = {
    "a-b": metrics_of(
        {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "real": 0.95}, "eta": {"0.25": 3}, "low": 3}
    ).numbers,
    "m_1": metrics_of({"variants": {"s=3": {"n": 2}, "dpm++-5": {"n": 4.0}}}).numbers,
}


def judged(*inequalities: str) -> Outcome:
    return outcome(Claim(system="s", text="t", holds_if=list(inequalities)), METRICS)


@pytest.mark.parametrize(
    ("inequalities", "state", "values"),
    [
        (["a-b:accuracy >= 0.8"], "holds", (0.8,)),
        (["a-b:accuracy > 0.8"], "does not hold", (0.8,)),
        (["a-b:accuracy.low < a-b:accuracy.high"], "holds", (0.8,)),
        (["a-b:accuracy.low > 0.75"], "does not hold", (0.8,)),
        (["a-b:low > 2"], "holds", (3,)),
        (["a-b:accuracy.real - a-b:accuracy <= 0.1"], "does not hold", (0.15,)),
        (["m_1:variants.dpm++-5.n / m_1:variants.s=3.n >= 2"], "holds", (2.0,)),
        (["2 * (a-b:accuracy + 1) >= 3 * m_1:variants.s=3.n"], "does not hold", (3.6,)),
        (["a-b:eta.0.25 > 2", "a-b:accuracy > 0.9"], "does not hold", (3, 0.8)),
        (["a-b:accuracy > 0", "a-b:nothing > 0"], "not measured", ()),
        (["c:accuracy > 0"], "not measured", ()),
    ],
)
def test_a_claim_is_all_of_its_inequalities(inequalities: list[str], state: str, values: tuple[float, ...]) -> None:
    found = judged(*inequalities)
    assert found.state == state and found.values == pytest.approx(values)


@given(left=st.floats(-1e6, 1e6), right=st.floats(-1e6, 1e6))
def test_signs_are_those_of_python(left: float, right: float) -> None:
    numbers = {"f": {"left": left, "right": right}}
    for sign, holds in {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}.items():
        claim = Claim(system="s", text="t", holds_if=[f"f:left {sign} f:right"])
        assert outcome(claim, numbers).state == ("holds" if holds else "does not hold")


@pytest.mark.parametrize(
    "inequality", ["a:b", "a:b > c", "a:b > __import__('os')", "1 < a:b < 2", "a:b == 3", "", "a:b >= x.y"]
)
def test_what_is_no_inequality_is_one_line(inequality: str, tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    claim = {"system": "s", "text": "t", "holds_if": [inequality]}
    path.write_text(json.dumps({"headline": {}, "claims": {"mine": claim}}))
    with pytest.raises(UserError) as error:
        load_claims(path)
    message = str(error.value)
    assert message.startswith(f"{path}: claims.mine.holds_if") and "\n" not in message


def test_every_number_of_claims_yaml_is_in_the_committed_metrics() -> None:
    claims = load_claims(ROOT / "claims.yaml")
    needed = [(file, path) for file, paths in claims.headline.items() for path in paths]
    needed += [number for claim in claims.claims.values() for number in claim.numbers]
    found = {file: read_metrics(ROOT / f"metrics/{file}.json").numbers for file in claims.files}
    assert [(file, path) for file, path in needed if path not in found[file]] == []


def test_each_system_has_two_claims() -> None:
    systems = [claim.system for claim in load_claims(ROOT / "claims.yaml").claims.values()]
    assert {name: systems.count(name) for name in load_systems().systems if systems.count(name) < 2} == {}
    assert set(systems) <= load_systems().systems.keys()


def test_the_documented_claim_is_one_of_them() -> None:
    [block] = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/findings.md").read_text(), re.DOTALL)
    claims = yaml.safe_load((ROOT / "claims.yaml").read_text())["claims"]
    documented = yaml.safe_load(block)["claims"]
    assert documented and documented.items() <= claims.items()
