"""The benchmark of data sets in memory and in a file, on a small recipe."""

import re

import pytest

from bench.large_sets import compare, repeated
from difflab.data.dataset import load_digits
from difflab.data.large import fits_memory
from difflab.training import loader
from tests.bench.small_recipe import recipe, write_inputs


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_inputs()
    return tmp_path / "prepared/sets"


def test_rows_come_again_until_the_set_is_large_enough(prepared):
    data = load_digits({"mnistm": [3, 4]}, ["train"], prepared)
    large = repeated(data, 1000)
    assert len(large["images"]) == 1000 // 192
    assert large["digits"].tolist() == [3, 4, 3, 4, 3][: len(large["images"])]


def test_a_row_for_each_place(prepared, capsys):
    compare("small", recipe(conditional=True), 1e-4, 0.01, rounds=2, prepared=prepared)
    memory, file = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\| small \| 0\.0001 \| memory \| [\d.]+ \| 1\.00 \(1\.00-1\.00\) \|", memory)
    assert re.fullmatch(r"\| small \| 0\.0001 \| file \| [\d.]+ \| [\d.]+ \([\d.]+-[\d.]+\) \|", file)
    assert loader.fits_memory is fits_memory  # what the benchmark replaced is back
