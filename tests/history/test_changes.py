"""What differs between two sets of parameters."""

from typing import Any

import pytest

from difflab.history.changes import differing_values


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"a": {"b": 1, "c": [1, 2]}}, {"a": {"b": 2, "c": [1]}}, ["a.b: 1 → 2", "a.c: [1, 2] → [1]"]),
        ({"a": {}}, {"a": {"b": None}}, ["a.b: absent → null"]),
        ({"recipes": {}}, {"recipes": {"mine": {"data": {}}}}, ["recipes.mine: new"]),
        ({"recipes": {"mine": {"data": {}}}}, {"recipes": {}}, ["recipes.mine: removed"]),
        ({"a": 1}, {"a": 1}, []),
    ],
)
def test_a_section_that_only_one_has_is_one_line(before: Any, after: Any, lines: list[str]) -> None:
    assert list(differing_values(before, after)) == lines
