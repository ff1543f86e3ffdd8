"""The tables of a rehearsal: measurements, and estimates for whole batches and all images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from difflab.rehearsal.memory import GIB, Need, fits, need_of
from difflab.rehearsal.work import Work, is_of

CARDS = (16, 24, 80)  # GiB


@dataclass(frozen=True)
class Row:
    """One stage; sizes in bytes, times in seconds. None if the stage neither trains nor samples, or did not run."""

    stage: str
    problem: str
    resident: int  # peak of the process
    parameters: int | None = None
    trained: int = 0
    part: int = 0  # images at once in the rehearsal; `whole`: at full size
    whole: int = 0
    unit: str = ""
    seconds: float | None = None  # for a step with a whole batch, or for an image
    total: float | None = None
    need: Need | None = None
    allocated: int | None = None  # on a GPU
    reserved: int | None = None


def row_of(
    stage: str, problem: str, resident: int, measured: dict[str, Any] | None, whole: Work | None, part: Work | None
) -> Row:
    """The row of a stage. `measured`: from measured.py; `whole`, `part`: work at full size, and of the rehearsal."""
    measured = measured or {"bars": [], "allocated": None, "reserved": None}
    of_gpu = {name: measured[name] for name in ("allocated", "reserved")}
    if whole and whole.images < 1:  # the stage will fail on the user's data
        return Row(stage, problem or f"fewer images than a batch of {whole.batch_size}", resident, **of_gpu)
    bars = [bar for bar in measured["bars"] if whole and bar["updates"] and is_of(bar["description"], whole)]
    if not bars or whole is None or part is None:
        return Row(stage, problem, resident, **of_gpu)
    total = _total_seconds(bars, whole, part)
    return Row(
        stage,
        problem,
        resident,
        bars[0]["parameters"],
        measured["trained"],
        part.at_once,
        whole.at_once,
        whole.unit,
        total / whole.images * (whole.batch_size if whole.unit == "step" else 1),
        total,
        need_of(measured, whole, part),
        **of_gpu,
    )


def _total_seconds(bars: Sequence[dict[str, Any]], whole: Work, part: Work) -> float:
    """Seconds at full size: denoising scales with the number of steps, everything else with the number of images."""
    images = sum(count for bar in bars for _, count in bar["updates"])
    denoising = sum(bar["denoising"] for bar in bars) / images if whole.unit == "image" else 0.0
    other = max(_seconds_of_image(bars) - denoising, 0.0)
    steps = part.denoising_steps / part.images if part.denoising_steps else 1
    return other * whole.images + denoising / steps * whole.denoising_steps


def _seconds_of_image(bars: Sequence[dict[str, Any]]) -> float:
    """Seconds for one image, without the first update of each bar (warm-up) if there are others."""
    seconds, images = 0.0, 0
    for bar in bars:
        times, counts = zip(*bar["updates"], strict=True)
        first = len(times) > 1
        seconds += times[-1] - (times[0] if first else bar["started"])
        images += sum(counts[first:])
    return seconds / images


def in_words(row: Row) -> str:
    """The measurements of a stage on one line, printed when it ends."""
    memory = f"{_gib(row.resident)} GiB" if row.resident else ""
    time = "" if row.seconds is None else f"{_number(row.seconds)} s {_unit(row)}"
    return ", ".join(filter(None, [row.problem, memory, time]))


def tables(rows: Sequence[Row], notes: Sequence[str], on_gpu: bool) -> str:
    """Markdown with a row for each stage, on a CPU also estimates of GPU memory, and notes on replaced files."""
    memory = ["allocated, GiB", "reserved, GiB"] if on_gpu else []
    head = ["stage", "parameters", "batch", "RSS, GiB", *memory, "seconds", "hours", "problem"]
    body = [[*_cells(row), *(_of_gpu(row) if on_gpu else []), *_times(row), row.problem] for row in rows]
    parts = [_table(head, body)]
    needs = [(row.stage, row.need) for row in rows if row.need]
    if needs and not on_gpu:
        cards = [f"{size} GiB" for size in CARDS]
        of_cards = [[stage, str(need.whole), _gib(need.total), *fits(need, CARDS)] for stage, need in needs]
        parts.append(_table(["stage", "batch", "tensors, GiB", *cards], of_cards))
    parts.append("\n".join(f"- {note}" for note in notes))
    return "\n\n".join(parts)


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def _cells(row: Row) -> list[str]:
    parameters = "" if row.parameters is None else _millions(row.parameters)
    if row.trained and row.trained != row.parameters:
        parameters += f", {_millions(row.trained)} trained"
    batch = "" if not row.part else str(row.part) if row.part == row.whole else f"{row.part} of {row.whole}"
    return [row.stage, parameters, batch, _gib(row.resident)]


def _of_gpu(row: Row) -> list[str]:
    return [_gib(row.allocated), _gib(row.reserved)]


def _times(row: Row) -> list[str]:
    if row.seconds is None or row.total is None:
        return ["", ""]
    hours = row.total / 3600
    return [f"{_number(row.seconds)} {_unit(row)}", _number(hours) if hours >= 0.1 else "< 0.1"]


def _unit(row: Row) -> str:
    return "an image" if row.unit == "image" else "a step"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _millions(number: int) -> str:
    return f"{_number(number / 1e6)} M"


def _gib(size: int | None) -> str:
    return f"{size / GIB:.1f}" if size else ""
