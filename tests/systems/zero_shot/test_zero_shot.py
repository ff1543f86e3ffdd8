"""Zero-shot: folders of labelled images, the class of an image, and how the answers are graded."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest
from transformers import CLIPProcessor

from difflab.config.language import UnseenImagesParams
from difflab.data.colors import rgb
from difflab.data.dataset import DataError, ImageDataset
from difflab.errors import UserError
from difflab.systems.zero_shot.classification import classify
from difflab.systems.zero_shot.clip import load_clip, save_clip
from difflab.systems.zero_shot.evaluation import (
    confusion_matrix,
    example_cases,
    save_cases,
    save_cases_table,
    save_confusion,
    zero_shot_grades,
)
from difflab.systems.zero_shot.labeled_folder import (
    LabeledFolder,
    read_labeled_folder,
    unseen_circles,
    unseen_digits,
    write_labeled_folder,
)
from tests.systems.zero_shot.tiny_clip import make_spelling_clip

TEMPLATE = "A photo of a {object}."
PAIRS = [("red", "teal"), ("white", "blue")]


def bars() -> ImageDataset:
    images = torch.zeros(20, 3, 16, 16, dtype=torch.uint8)
    images[:, :, 4:12, 7:9] = 255
    return ImageDataset(images, torch.arange(20) % 10, torch.zeros(20, dtype=torch.uint8), "bars")


def drawings():
    return unseen_circles(PAIRS, 32) | unseen_digits([("red", "seven")], bars(), 32)


@pytest.fixture
def folder(tmp_path) -> Path:
    write_labeled_folder(tmp_path / "images", drawings(), UnseenImagesParams(seed=0, images_per_class=3))
    return tmp_path / "images"


def test_the_folder_has_the_layout_of_the_course(folder):
    assert json.loads((folder / "id2label.json").read_text()) == {
        "0": "red_circle_on_teal",
        "1": "white_circle_on_blue",
        "2": "red_seven",
    }
    images = read_labeled_folder(folder)
    assert images.labels == ["red circle on teal", "white circle on blue", "red seven"]
    assert [file.name for file in images.files] == [f"{c}_{i:03d}.png" for c in range(3) for i in range(3)]
    assert images.classes == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_images_show_what_their_labels_say(folder):
    images = read_labeled_folder(folder)
    colors = [{tuple(pixel) for pixel in np.asarray(Image.open(file)).reshape(-1, 3)} for file in images.files]
    for number, (circle, background) in enumerate(PAIRS):
        assert all({rgb(circle), rgb(background)} <= seen for seen in colors[3 * number : 3 * number + 3])
    assert all({rgb("red"), rgb("black")} <= seen for seen in colors[6:])


def test_an_image_depends_on_its_class_and_index_alone(folder, tmp_path):
    write_labeled_folder(tmp_path / "more", drawings(), UnseenImagesParams(seed=0, images_per_class=5))
    write_labeled_folder(tmp_path / "other", drawings(), UnseenImagesParams(seed=1, images_per_class=3))
    for file in folder.glob("val/*.png"):
        assert (tmp_path / "more/val" / file.name).read_bytes() == file.read_bytes()
    assert (tmp_path / "other/val/0_000.png").read_bytes() != (folder / "val/0_000.png").read_bytes()


def test_classes_may_have_any_numbers(folder):
    """Files in the order of numbers, not of letters; labels without images stay."""
    (folder / "id2label.json").write_text('{"2": "b", "10": "c", "0": "a_a", "1": "none"}')
    for file in folder.glob("val/1_*.png"):
        file.rename(file.with_name(file.name.replace("1_", "10_")))
    images = read_labeled_folder(folder)
    assert images.labels == ["a a", "none", "b", "c"]
    assert images.classes == [0, 0, 0, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda folder: (folder / "id2label.json").unlink(), r"id2label\.json: found no such file, allowed: "),
        (lambda folder: (folder / "id2label.json").write_text("{"), r"id2label\.json: found JSONDecodeError, "),
        (lambda folder: (folder / "id2label.json").write_text('{"0": "_"}'), r"id2label\.json: '0': found \"_\", "),
        (lambda folder: (folder / "id2label.json").write_text('{"a": "b"}'), r"id2label\.json: 'a': found no id of a"),
        (
            lambda folder: (folder / "id2label.json").write_text('{"1": "a", "01": "b"}'),
            r"id2label\.json: '01': found '1' before it, the same id, allowed: each class once",
        ),
        (
            lambda folder: (folder / "id2label.json").write_text('{"1": "a", "1": "b"}'),
            r"id2label\.json: '1': found '1' before it, the same id, allowed: each class once",
        ),
        (lambda folder: (folder / "id2label.json").write_text('{"0": "a"}'), r"_00\d\.png: found no class, allowed: "),
        (lambda folder: (folder / "val/01_1.png").touch(), r"found 0*1_0*1\.png, of the same class and index, allowed"),
        (lambda folder: (folder / "val/cat.png").touch(), r"cat\.png: found no class, allowed: CLASS_INDEX\.png"),
    ],
)
def test_a_folder_with_a_mistake_is_one_line(folder, damage, line):
    damage(folder)
    with pytest.raises(UserError, match=line) as error:
        read_labeled_folder(folder)
    assert "\n" not in str(error.value)


def test_the_class_is_that_of_the_largest_similarity(folder, tmp_path):
    """As transformers' own processor and model have it."""
    save_clip(tmp_path / "clip", make_spelling_clip())
    images, clip = read_labeled_folder(folder), load_clip(tmp_path / "clip", "clip")
    prompts = [f"A photo of a {label}." for label in images.labels]
    opened = [Image.open(file) for file in images.files]
    processor: Any = CLIPProcessor.from_pretrained(tmp_path / "clip")
    inputs = processor(text=prompts, images=opened, return_tensors="pt", padding=True)
    with torch.no_grad():
        expected = clip.model(**inputs).logits_per_image.argmax(1)
    assert classify(clip, images.files, images.labels, TEMPLATE).tolist() == expected.tolist()


def test_classes_of_one_label_are_two(folder, tmp_path):
    """As ImageNet's cranes, a bird and a machine. No prompt tells them apart, so all their images go to the first."""
    (folder / "id2label.json").write_text('{"0": "cat", "1": "crane", "2": "crane"}')
    images = read_labeled_folder(folder)
    assert images.names == ["cat", "crane (1)", "crane (2)"] and images.shared_labels == {"crane": ["1", "2"]}
    predicted = classify(make_spelling_clip(), images.files, images.labels, TEMPLATE)
    assert set(predicted.tolist()) <= {0, 1}
    answers = torch.tensor([0, 0, 0, 1, 1, 0, 1, 1, 1])
    grades = zero_shot_grades(answers, images, ["images"] * 3)
    assert grades["accuracy_by_class"] == {"cat": 1.0, "crane (1)": pytest.approx(2 / 3), "crane (2)": 0.0}
    assert grades["most_confused"][0] == {"true": "crane (2)", "predicted": "crane (1)", "images": 3}
    assert grades["accuracy"]["value"] == pytest.approx(5 / 9)
    assert {(case.true, case.predicted) for case in example_cases(answers, images) if case.kind == "wrong"} == {
        ("crane (1)", "cat"),
        ("crane (2)", "crane (1)"),
    }


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a"], ["a (3)", "a (7)"]),
        (["a", "a", "a (3)"], ["a (3)", "a (7)", "a (3) (9)"]),  # a label as the others would be called
    ],
)
def test_every_class_has_a_name_of_its_own(labels, names):
    assert LabeledFolder(labels, [], [], [3, 7, 9][: len(labels)]).names == names


def test_a_file_that_is_no_image_is_one_line(folder, tmp_path):
    (folder / "val/1_001.png").write_bytes(b"nothing")
    images = read_labeled_folder(folder)
    with pytest.raises(DataError, match=r"1_001\.png: cannot be read as an image"):
        classify(make_spelling_clip(), images.files, images.labels, TEMPLATE)


ANSWERS = LabeledFolder(["a", "b", "c"], [Path(f"{i}.png") for i in range(20)], [0] * 10 + [1] * 8 + [2] * 2, [0, 1, 2])
KINDS = ["circles", "digits", "digits"]
PREDICTED = torch.tensor([0] * 7 + [1] * 3 + [1] * 2 + [0] * 5 + [2] + [2, 2])


def test_grades_are_counted():
    grades = zero_shot_grades(PREDICTED, ANSWERS, KINDS)
    interval = binomtest(11, 20).proportion_ci(0.95, method="wilson")
    assert grades["accuracy"] == pytest.approx({"value": 11 / 20, "low": interval.low, "high": interval.high})
    assert grades["chance"] == pytest.approx(1 / 3)
    assert grades["accuracy_by_class"] == {"a": 0.7, "b": 0.25, "c": 1.0}
    circles = binomtest(7, 10).proportion_ci(0.95, method="wilson")
    assert grades["accuracy_by_kind"]["circles"] == pytest.approx(
        {"value": 0.7, "low": circles.low, "high": circles.high}
    )
    assert grades["accuracy_by_kind"]["digits"]["value"] == pytest.approx(0.4)
    assert grades["most_confused"] == [
        {"true": "b", "predicted": "a", "images": 5},
        {"true": "a", "predicted": "b", "images": 3},
        {"true": "b", "predicted": "c", "images": 1},
    ]
    assert confusion_matrix(PREDICTED, ANSWERS).tolist() == [[7, 3, 0], [5, 2, 1], [0, 0, 2]]


def test_five_right_and_five_wrong_cases(tmp_path):
    cases = example_cases(PREDICTED, ANSWERS)
    assert [(case.kind, case.file.name) for case in cases] == [
        *(("correct", f"{i}.png") for i in (0, 2, 5, 11, 19)),
        *(("wrong", f"{i}.png") for i in (7, 9, 13, 15, 17)),
    ]
    save_cases_table(cases, tmp_path / "cases.csv")
    with (tmp_path / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[-1] == {"kind": "wrong", "file": "17.png", "predicted": "c", "true": "b"}
    few = example_cases(torch.tensor([*ANSWERS.classes[:-1], 0]), ANSWERS)
    assert [case.kind for case in few] == ["correct"] * 5 + ["wrong"]


@pytest.mark.parametrize("labels", [["a $ and $_", "b\\frac$", "c%"], [str(number) for number in range(1500)]])
def test_the_figures_take_any_names_and_number_of_classes(tmp_path, labels):
    files = [tmp_path / f"{number}_0.png" for number in range(3)]
    for number, file in enumerate(files):
        Image.new("RGB", (8 + 30 * number, 9)).save(file)
    images = LabeledFolder(labels, files, [0, 1, 2], list(range(len(labels))))
    predicted = torch.tensor([0, 1, 1])
    save_cases(example_cases(predicted, images), "title", tmp_path / "cases.png", "zero_shot")
    counts = confusion_matrix(predicted, images)
    save_confusion(counts, labels, "title", tmp_path / "confusion.png", "zero_shot", files)
    assert max(Image.open(tmp_path / "confusion.png").size) < 3000


def test_photographs_of_the_course(tmp_path):
    """The course's folder, by a CLIP of random weights: about one in fifty right."""
    root = Path(os.environ.get("DIFFLAB_DATA_ROOT", "."), "clip_zeroshot")
    if not root.is_dir():
        pytest.skip("DIFFLAB_DATA_ROOT names no folder with clip_zeroshot/ in it")
    images = read_labeled_folder(root)
    assert len(images.labels) == 50 and images.labels[0] == "European fire salamander"
    predicted = classify(make_spelling_clip(), images.files, images.labels, TEMPLATE)
    grades = zero_shot_grades(predicted, images, ["images"] * len(images.labels))
    assert grades["num_images"] == len(list((root / "val").glob("*.png")))
    assert grades["accuracy"]["value"] < 0.1
