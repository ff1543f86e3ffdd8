"""Numbers of metrics/ in Markdown."""

import pytest

from difflab.docs.numbers import with_numbers
from difflab.errors import UserError

METRICS = {
    "a": {"x": 0.98765, "x.low": 0.9604, "x.high": 0.9951, "d": -0.0251, "d.low": -0.1, "d.high": 0.049, "n": 1480.0},
    "b-1": {"s=1.y": 0.5, "z.0.25": 66.05, "zero": -0.0004},
}


@pytest.mark.parametrize(
    ("stale", "written"),
    [
        ("0.9<!-- = a:x -->", "1.0"),
        ("0.91<!-- = a:x -->", "0.99"),
        ("7<!-- = a:n -->", "1,480"),
        ("1,234.5<!-- = a:n -->", "1,480.0"),
        ("0.91 (0.8–1.0)<!-- = a:x -->", "0.99 (1.0–1.0)"),
        ("9 (−1.00–0.10)<!-- = 100 * a:d -->", "−3 (−10.00–4.90)"),
        ("0.00<!-- = b-1:zero -->", "0.00"),
        ("1.000<!-- = a:x - b-1:s=1.y -->", "0.488"),
        ("1.0<!-- = 100 * (a:x - b-1:s=1.y) / 2 -->", "24.4"),
        ("-3.0<!-- = b-1:z.0.25 -->", "66.0"),
    ],
)
def test_a_number_keeps_its_digits_and_its_interval(stale: str, written: str) -> None:
    text = with_numbers(f"Before {stale} after 0.5", METRICS, "p.md")
    assert text == f"Before {written}<!-- {stale.partition('<!-- ')[2]} after 0.5"
    assert with_numbers(text, METRICS, "p.md") == text


def test_a_table_has_a_row_for_each_parameter() -> None:
    spec = """<!-- table
rows:
  - [the first, a, x]
  - [3, b-1, z.0.25]
columns:
  "": "{0}"
  value: "**0.1**, 0.00 (0–1)<{1}:x?>"
  both: 1.0<{1}:{2}> %
-->
"""
    rows = "| | value | both |\n|---|---|---|\n"
    first, second = "| the first | **0.1**, 0.99 (1–1) | 1.0 % |", "| 3 | **0.1**, – | 66.0 % |"
    expected = f"|  | value | both |\n|---|---|---|\n{first}\n{second}\n"
    text = with_numbers(f"Text\n\n{spec}{rows}<!-- /table -->\nrest 1", METRICS, "p.md")
    assert text == f"Text\n\n{spec}\n{expected}\n<!-- /table -->\nrest 1"
    assert with_numbers(text, METRICS, "p.md") == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("0.5<!-- = a:y -->", "a:y"),
        ("0.5<!-- = c:x -->", "c:x"),
        ("0.5 <!-- = a:x -->", "a number before it"),
        ("0.5<!-- = a:x", "a number before it"),
        ("0.5<!-- = a.x -->", "a.x"),
        ("0.5<!-- = __import__('os'):x -->", "__import__"),
        ("0.5 (0–1)<!-- = a:x - b-1:s=1.y -->", "a:x - b-1:s=1.y"),
        ("0.5 (0–1)<!-- = b-1:s=1.y -->", "b-1:s=1.y.low"),
        ("<!-- table\nrows: [a]\ncolumns: {v: '0.5<{0}:y>'}\n-->\n<!-- /table -->", "a:y"),
        ("<!-- table\nrows: [a, b-1]\ncolumns: {v: '0.5<{0}:q?>'}\n-->\n<!-- /table -->", "{0}:q?"),
        ("<!-- table\nrows: [a]\ncolumns: {v: '{1}'}\n-->\n<!-- /table -->", "{1}"),
        ("<!-- table\nrows: []\ncolumns: {v: '{0}'}\n-->\n<!-- /table -->", "rows"),
        ("<!-- table\nrows: [a]\ncolumns: {v: '{0}'}\n-->\n| v |\nText\n<!-- /table -->", "<!-- /table -->"),
        ("<!-- table\nrow: [a]\ncolumns: {v: '{0}'}\n-->\n<!-- /table -->", "row"),
    ],
)
def test_what_cannot_be_written_is_named_with_its_line(text: str, names: str) -> None:
    with pytest.raises(UserError) as error:
        with_numbers(f"one\ntwo {'' if text.startswith('<!-- t') else 'is '}{text}", METRICS, "p.md")
    assert str(error.value).startswith("p.md:2: ") and names in str(error.value)
    assert "\n" not in str(error.value)
