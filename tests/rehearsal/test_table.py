"""From a few images to all: time, and memory of whole batches."""

from typing import Any

import pytest

from difflab.rehearsal.memory import GIB, Need, fits
from difflab.rehearsal.table import Row, row_of, tables
from difflab.rehearsal.work import Work


def measured(*bars: dict[str, Any], **values: Any) -> dict[str, Any]:
    plain = {"trained": 0, "optimizer_state": 0, "allocated": None, "reserved": None}
    of_bar = {"denoising": 0.0, "tensors": 0, "peak": 0, "loaded": 0, "parameters": 5_000_000}
    return plain | values | {"bars": [of_bar | bar for bar in bars]}


TRAINING = {"description": "training", "started": 0.0, "updates": [[10.0, 4], [12.0, 4]]}


def test_a_step_of_a_whole_batch_takes_as_much_longer() -> None:
    whole, part = Work("step", 1600, 16, 16), Work("step", 8, 4, 4)
    row = row_of("train", "", GIB, measured(TRAINING, trained=5_000_000), whole, part)
    assert (row.seconds, row.total) == (8.0, 800.0)  # two seconds for four images, the first step left out
    assert (row.part, row.whole, row.unit) == (4, 16, "step")


def test_one_step_alone_counts_from_the_beginning() -> None:
    bar = TRAINING | {"updates": [[10.0, 4]]}
    row = row_of("train", "", GIB, measured(bar), Work("step", 1600, 16, 16), Work("step", 4, 4, 4))
    assert row.seconds == 40.0


def test_denoising_grows_with_the_steps_and_the_rest_with_the_images() -> None:
    bar = {"description": "sampling", "started": 0.0, "updates": [[10.0, 5]], "denoising": 4.0}
    whole, part = Work("image", 100, 10, 10, 100 * 50), Work("image", 5, 5, 5, 5 * 2)
    row = row_of("sample", "", GIB, measured(bar), whole, part)
    assert row.total == pytest.approx(100 * (1.2 + 50 * 0.4))
    assert row.seconds == pytest.approx(1.2 + 50 * 0.4)


def test_encoding_before_a_training_is_not_its_time() -> None:
    encoding = {"description": "encoding", "started": 0.0, "updates": [[100.0, 2]]}
    row = row_of("train", "", GIB, measured(encoding, TRAINING), Work("step", 1600, 16, 16), Work("step", 8, 4, 4))
    assert row.seconds == 8.0


def test_a_training_on_less_than_a_batch_has_no_time() -> None:
    """The rehearsal's own images are enough, the user's are not."""
    row = row_of("text_to_image", "", GIB, measured(TRAINING), Work("step", 0, 16, 16), Work("step", 8, 4, 4))
    assert "batch of 16" in row.problem
    assert (row.seconds, row.total, row.need) == (None, None, None)
    assert "batch of 16" in tables([row], [], on_gpu=False)


def need(row: Row) -> Need:
    assert row.need
    return row.need


def test_memory_of_a_whole_batch() -> None:
    """1 GiB before, 2 of the optimizer and 3 of four images; sixteen images have 12, the data 5."""
    bar = TRAINING | {"tensors": GIB, "peak": 5 * GIB}
    whole = Work("step", 1600, 16, 16, data_bytes=5 * GIB)
    row = row_of("train", "", GIB, measured(bar, optimizer_state=2 * GIB), whole, Work("step", 8, 4, 4))
    assert (need(row).fixed, need(row).total) == (8 * GIB, 20 * GIB)


def test_data_above_the_limit_are_not_on_the_device() -> None:
    whole = Work("step", 1600, 16, 16, data_bytes=9 * GIB)  # runtime.in_memory_limit is 8 GiB
    row = row_of("train", "", GIB, measured(TRAINING | {"tensors": GIB}), whole, Work("step", 8, 4, 4))
    assert need(row).fixed == GIB


def test_a_network_that_is_loaded_late_is_loaded_once() -> None:
    bar = {"description": "sampling", "started": 0.0, "updates": [[1.0, 2]], "peak": 5 * GIB, "loaded": 4 * GIB}
    row = row_of("sample", "", GIB, measured(bar), Work("image", 8, 8, 8, 80), Work("image", 2, 2, 2, 2))
    assert need(row).total == (4 + 4) * GIB


def test_images_are_encoded_in_batches_of_their_own() -> None:
    encoding = {"description": "encoding", "started": 0.0, "updates": [[1.0, 2]], "peak": GIB}
    whole, part = Work("step", 1600, 16, 16, encoded=64), Work("step", 8, 4, 4)
    row = row_of("controlnet", "", GIB, measured(encoding, TRAINING), whole, part)
    assert (need(row).before, need(row).total) == (32 * GIB, 32 * GIB)  # 64 at once
    assert fits(need(row), [24, 80]) == ["no", "yes"]


@pytest.mark.parametrize(
    ("in_parts", "found"), [(True, ["no", "4 of 16", "8 of 16", "yes"]), (False, ["no", "5 of 16", "14 of 16", "yes"])]
)
def test_the_images_at_once_that_fit_a_card(in_parts: bool, found: list[str]) -> None:
    """A tenth of a card is not for tensors."""
    needed = Need(fixed=4 * GIB, of_image=GIB, before=0, whole=16, in_parts=in_parts)
    assert fits(needed, [5, 10, 20, 23]) == found


def cells_of(table: str) -> list[list[str]]:
    head, line, *body = table.splitlines()
    assert set(line) == {"|", "-", " "}
    return [[cell.strip() for cell in text.strip("|").split("|")] for text in (head, *body)]


def test_the_tables_are_markdown() -> None:
    whole, part = Work("step", 1600, 16, 16), Work("step", 8, 4, 4)
    rows = [
        row_of("train@a", "", 2 * GIB, measured(TRAINING | {"tensors": GIB}, trained=4_000_000), whole, part),
        row_of("figures", "failed: no disk", GIB, None, None, None),
    ]
    times, memory, notes = tables(rows, ["data: random"], on_gpu=False).split("\n\n")
    assert cells_of(times) == [
        ["stage", "parameters", "batch", "RSS, GiB", "seconds", "hours", "problem"],
        ["train@a", "5 M, 4 M trained", "4 of 16", "2.0", "8 a step", "0.22", ""],
        ["figures", "", "", "1.0", "", "", "failed: no disk"],
    ]
    assert cells_of(memory) == [
        ["stage", "batch", "tensors, GiB", "16 GiB", "24 GiB", "80 GiB"],
        ["train@a", "16", "1.0", "yes", "yes", "yes"],
    ]
    assert notes == "- data: random"


def test_a_gpu_has_its_own_numbers() -> None:
    whole = part = Work("step", 1600, 16, 16)
    found = measured(TRAINING, allocated=3 * GIB, reserved=4 * GIB)
    times, _ = tables([row_of("train@a", "", GIB, found, whole, part)], ["data: random"], on_gpu=True).split("\n\n")
    head, row = cells_of(times)
    assert dict(zip(head, row, strict=True)) | {"allocated, GiB": "3.0", "reserved, GiB": "4.0", "batch": "16"} == dict(
        zip(head, row, strict=True)
    )
