"""Numbers of metrics/*.json in Markdown: in sentences, and in tables.

In a sentence, a number is followed by a comment with its expression, `0.98 (0.97–0.99)<!-- = alpha-500:accuracy -->`.
It is rewritten with the same number of digits, and with its 95 % interval if it has one. A table is written from the
YAML in the comment above it: `rows` has the parameters of each row, `columns` a template for the cells, by header. In a
template, the expression follows in angle brackets, `0.98 (0.97–0.99)<{0}:accuracy>`; with `?` at its end, a missing
number becomes "–".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from difflab.config.load import parse_yaml
from difflab.config.validation import explain
from difflab.errors import UserError
from difflab.history.claims import NUMBER, is_arithmetic, value_of
from difflab.history.measurements import ENDS, Numbers

PATTERN = r"(?P<number>[−-]?\d[\d,]*(?:\.\d+)?)(?P<interval> \([−-]?\d[\d,.]*–[−-]?\d[\d,.]*\))?"
INLINE = re.compile(PATTERN + r"(?P<comment><!-- = (?P<expression>[^\n]+?) -->)")
IN_CELL = re.compile(PATTERN + r"<(?P<expression>[^<>]+?)(?P<optional>\?)?>")
TABLE = re.compile(
    r"(?P<head><!-- table\n(?P<spec>(?:(?!-->).)*)-->\n)(?:\n|\|[^\n]*\n)*(?P<end><!-- /table -->)", re.S
)
MARKS = {"<!-- = ": "a number before it and --> after it", "<!-- table\n": "-->, a table and <!-- /table --> after it"}
MISSING = "–"
Cell = str | int | float
Row = list[Cell]
Metrics = Mapping[str, Numbers]  # by stem of the metrics file


class TableSpec(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[Row | Cell], Field(min_length=1)]  # the parameters {0}, {1}, … of each row, or only {0}
    columns: Annotated[dict[str, str], Field(min_length=1)]  # header: template of the cells


def with_numbers(text: str, metrics: Metrics, page: str) -> str:
    """`text` with updated numbers and tables.

    Raises UserError with one line that begins with `page` and the line number if an expression is not valid or names a
    missing number, or if there is no number before a comment.
    """

    def place(found: re.Match[str]) -> str:
        return place_of(page, found.string, found.start())

    def table(found: re.Match[str]) -> str:
        return f"{found['head']}\n{_table(found['spec'], metrics, place(found))}\n{found['end']}"

    def number(found: re.Match[str]) -> str:
        return f"{_written(found, metrics, place(found))}{found['comment']}"

    matched = {found.start("comment") for found in INLINE.finditer(text)}
    matched |= {found.start() for found in TABLE.finditer(text)}
    for mark in re.finditer("|".join(MARKS), text):
        if mark.start() not in matched:
            raise UserError(f"{place(mark)}: found {mark[0].strip()!r}, allowed: one with {MARKS[mark[0]]}")
    return TABLE.sub(table, INLINE.sub(number, text))


def place_of(page: str, text: str, position: int) -> str:
    """The place of a character, such as `docs/digits.md:37`."""
    return f"{page}:{text.count(chr(10), 0, position) + 1}"


def _table(spec: str, metrics: Metrics, place: str) -> str:
    tree = parse_yaml(spec.encode(), place)
    try:
        parsed = TableSpec.model_validate(tree)
    except ValidationError as error:
        raise UserError(f"{place}: {explain(error, tree, '')}") from None

    def cell(template: str, row: Row | Cell) -> str:
        parameters = row if isinstance(row, list) else [row]
        try:
            text = template.format(*parameters)
        except (IndexError, KeyError, ValueError):
            allowed = f"{{0}} to {{{len(parameters) - 1}}} in braces"
            raise UserError(f"{place}: found {template!r}, allowed: {allowed}") from None
        return IN_CELL.sub(lambda found: _written(found, metrics, place), text)

    columns = {header: [cell(template, row) for row in parsed.rows] for header, template in parsed.columns.items()}
    for header, cells in columns.items():
        if set(cells) == {MISSING}:
            raise UserError(f"{place}: {header}: found {parsed.columns[header]!r}, allowed: a number that some row has")
    head, *lines = (f"| {' | '.join(line)} |\n" for line in [columns, *zip(*columns.values(), strict=True)])
    return head + "|" + "---|" * len(columns) + "\n" + "".join(lines)


def _written(found: re.Match[str], metrics: Metrics, place: str) -> str:
    """The current value, with as many digits as the number found, and an interval if that has one."""
    expression = found["expression"]
    if not is_arithmetic(expression) or not NUMBER.search(expression):
        raise UserError(f"{place}: found {expression!r}, allowed: numbers and FILE:PATH with + - * /")
    optional = found.re is IN_CELL and found["optional"]
    if optional and not all(_is_there(name, metrics) for name in NUMBER.finditer(expression)):
        return MISSING
    text = _rounded(_value(expression, metrics, place), found["number"])
    if not found["interval"]:
        return text
    if len(NUMBER.findall(expression)) != 1:
        raise UserError(f"{place}: found {expression!r}, allowed: one FILE:PATH, as only that has an interval")
    ends = [NUMBER.sub(rf"\g<0>{end}", expression) for end in ENDS]
    low, high = (_rounded(_value(end, metrics, place), found["interval"].split("–")[0]) for end in ends)
    return f"{text} ({low}–{high})"


def _is_there(name: re.Match[str], metrics: Metrics) -> bool:
    return name["path"] in metrics.get(name["file"], {})


def _value(expression: str, metrics: Metrics, place: str) -> float:
    for name in NUMBER.finditer(expression):
        if not _is_there(name, metrics):
            raise UserError(f"{place}: found {name[0]!r}, allowed: a number in metrics/{name['file']}.json")
    return value_of(expression, metrics)


def _rounded(value: float, example: str) -> str:
    """`value` with as many decimal places as `example`."""
    text = f"{value:,.{len(example.partition('.')[2])}f}"
    is_zero = not text.strip("-0.,")
    return text.lstrip("-") if is_zero else text.replace("-", "−")
