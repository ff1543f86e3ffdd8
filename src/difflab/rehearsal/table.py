"""The table of a rehearsal: what was measured, and what it comes to for whole batches and all images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from difflab.rehearsal.work import Work

GIB = 2**30
NUMBER_BYTES = 4  # of a float32


@dataclass(frozen=True)
class Row:
    """One stage. Sizes in bytes, times in seconds; None where the stage neither trains nor samples, or did not run."""

    stage: str
    problem: str
    resident: int  # peak, of the process
    parameters: int | None = None
    trained: int = 0
    part: int | None = None  # images at once in the rehearsal, and in `whole`
    whole: int | None = None
    unit: str = ""
    seconds: float | None = None  # for a step of a whole batch, or for an image
    total: float | None = None
    tensors: int | None = None  # peak with whole batches and all data on the device, by calculation
    allocated: int | None = None  # of a GPU
    reserved: int | None = None


def row_of(
    stage: str, problem: str, resident: int, measured: dict[str, Any] | None, whole: Work | None, part: Work | None
) -> Row:
    """`measured`: what measured.py wrote; `whole` and `part`: the work at full size, and of the rehearsal."""
    if measured is None or not measured["bars"] or whole is None or part is None:
        allocated, reserved = ((measured or {}).get(name) for name in ("allocated", "reserved"))
        return Row(stage, problem, resident, allocated=allocated, reserved=reserved)
    bars = [bar for bar in measured["bars"] if bar["updates"] and _is_of(bar, whole)]
    seconds = total = parameters = None
    if bars:
        total = _total_seconds(bars, whole, part)
        seconds = total / whole.images * (whole.batch_size if whole.unit == "step" else 1)
        parameters = bars[0]["parameters"]
    return Row(
        stage,
        problem,
        resident,
        parameters,
        measured["trained"],
        part.at_once,
        whole.at_once,
        whole.unit,
        seconds,
        total,
        max(_tensors(bar, measured, whole, part) for bar in measured["bars"]),
        measured["allocated"],
        measured["reserved"],
    )


def _is_of(bar: dict[str, Any], work: Work) -> bool:
    """Whether the bar counts the images of `work`, not those of its preparation."""
    return bar["description"] != "encoding" and (bar["description"] == "training") == (work.unit == "step")


def _total_seconds(bars: Sequence[dict[str, Any]], whole: Work, part: Work) -> float:
    """Denoising takes as much longer as there are more steps, all else as there are more images."""
    images = sum(count for bar in bars for _, count in bar["updates"])
    denoising = sum(bar["denoising"] for bar in bars) / images if whole.unit == "image" else 0.0
    other = max(_seconds_of_image(bars) - denoising, 0.0)
    steps = part.denoising_steps / part.images if part.denoising_steps else 1
    return other * whole.images + denoising / steps * whole.denoising_steps


def _seconds_of_image(bars: Sequence[dict[str, Any]]) -> float:
    """Without the first update of each bar, which warms up, where there are others."""
    seconds, images = 0.0, 0
    for bar in bars:
        times, counts = zip(*bar["updates"], strict=True)
        first = len(times) > 1
        seconds += times[-1] - (times[0] if first else bar["started"])
        images += sum(counts[first:])
    return seconds / images


def _tensors(bar: dict[str, Any], measured: dict[str, Any], whole: Work, part: Work) -> int:
    """What stays, and what a batch adds, as much more as the whole batch is larger."""
    state = measured["optimizer_state"] if bar["description"] == "training" else 0
    stays = bar["loaded"] + (state if len(bar["updates"]) > 1 else 0)  # in the peak; the first step makes the state
    if bar["description"] == "encoding":
        largest = max((count for _, count in bar["updates"]), default=1)
        factor = max(whole.encoded, largest) / largest
    else:
        factor = whole.at_once / part.at_once if _is_of(bar, whole) else 1.0
    batch = max(bar["peak"] - stays, 0) * factor
    return round(bar["tensors"] + bar["loaded"] + state + batch) + whole.data_bytes


def table(rows: Sequence[Row], notes: Sequence[str], on_gpu: bool) -> str:
    """Markdown: a row for each stage, and below what stood in for what."""
    memory = ["allocated, GiB", "reserved, GiB"] if on_gpu else ["tensors, GiB"]
    head = ["stage", "parameters", "batch", "RSS, GiB", *memory, "seconds", "hours", "problem"]
    body = [[*_cells(row), *_memory(row, on_gpu), *_times(row), row.problem] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([*text, "", *(f"- {note}" for note in notes)])


def _cells(row: Row) -> list[str]:
    parameters = "" if row.parameters is None else _millions(row.parameters)
    if row.trained and row.trained != row.parameters:
        parameters += f", {_millions(row.trained)} trained"
    batch = "" if row.part is None else str(row.part) if row.part == row.whole else f"{row.part} of {row.whole}"
    return [row.stage, parameters, batch, _gib(row.resident)]


def _memory(row: Row, on_gpu: bool) -> list[str]:
    return [_gib(row.allocated), _gib(row.reserved)] if on_gpu else [_gib(row.tensors)]


def _times(row: Row) -> list[str]:
    if row.seconds is None or row.total is None:
        return ["", ""]
    hours = row.total / 3600
    shown = "< 0.1" if hours < 0.1 else f"{hours:.2g}" if hours < 100 else f"{hours:,.0f}"
    return [f"{row.seconds:.3g} a {row.unit}", shown]


def _millions(number: int) -> str:
    return f"{number / 1e6:.3g} M"


def _gib(size: int | None) -> str:
    return f"{size / GIB:.1f}" if size else ""
