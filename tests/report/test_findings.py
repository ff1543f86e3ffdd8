"""What the page says of each claim, from numbers that are known."""

import pytest

from difflab.history.claims import Claim, Claims, outcome
from difflab.history.reference import FileReference, Reference
from difflab.history.verify import Verdict, judged_claims
from difflab.report.findings import Finding, findings

METRICS = {
    "a": {"x": 0.9, "x.low": 0.8, "x.high": 0.95, "y": 0.5, "y.low": 0.4, "y.high": 0.6, "gain": 0.3, "gain.low": 0.1},
    "b": {"x": 0.2},
}


def finding(*holds_if: str, reference: Reference | None = None, one_model: tuple[str, ...] = ()) -> Finding:
    claim = Claim(system="digits", text="`a` is large", holds_if=list(holds_if))
    claims = Claims(headline={}, claims={"name": claim})
    judged = judged_claims(claims, METRICS, reference, set(one_model), set())
    [found] = findings(Verdict(judged, [], {}, reference), METRICS)
    assert found.state == outcome(claim, METRICS).state
    return found


@pytest.mark.parametrize(
    ("inequality", "value", "interval", "required", "holds"),
    [
        ("a:x >= 0.93", 0.9, (0.8, 0.95), "≥ 0.93", False),
        ("a:x.low > 0.5", 0.9, (0.8, 0.95), "lower end > 0.5", True),
        ("a:x.low > a:y.high", 0.9, (0.8, 0.95), "lower end > 0.600", True),
        ("a:y.high < 1", 0.5, (0.4, 0.6), "upper end < 1", True),
        ("a:x - a:y <= 0.5", 0.4, (0.4 - 0.02**0.5, 0.4 + 0.0125**0.5), "≤ 0.5", True),  # MOVER
        ("a:x - b:x > 0", 0.7, (None, None), "> 0", True),
        ("100 * (a:x - a:y) > 50", 40.0, (None, None), "> 50", False),
        ("b:x > a:x", 0.2, (None, None), "> 0.900", False),
    ],
)
def test_a_condition_has_its_value_interval_and_limit(
    inequality: str, value: float, interval: tuple, required: str, holds: bool
) -> None:
    [found] = finding(inequality).conditions
    assert found.measured.value == pytest.approx(value) and (found.required, found.holds) == (required, holds)
    assert (found.measured.low, found.measured.high) == (pytest.approx(interval[0]), pytest.approx(interval[1]))


def test_the_condition_that_fails_is_shown() -> None:
    found = finding("a:x >= 0.5", "a:y >= 0.9", "b:x >= 0.9")
    assert found.shown == found.conditions[1] and len(found.conditions) == 3
    assert finding("a:x >= 0.5", "a:y >= 0.1").shown == finding("a:x >= 0.5").conditions[0]
    assert found.text == "a is large"


def test_what_was_not_measured_here_has_the_values_of_the_reference() -> None:
    numbers = {"new": [0.7, 0.9], "new.low": [0.6, 0.8]}
    file = FileReference(experiment="", commit="a", machine="some", numbers=numbers)
    reference = Reference(seeds=[0, 100], files={"c": file})
    found = finding("c:new.low >= 0.65", reference=reference)
    assert (found.conditions, found.shown, found.seeds) == ([], None, [0.7, 0.9])
    assert (found.state, found.support) == ("not measured", "1 of 2 seeds")
    assert finding("c:new.low >= 0.65", reference=reference, one_model=("c",)).seeds == [0.7]
    assert finding("a:x >= 0.5", reference=reference).seeds == []
