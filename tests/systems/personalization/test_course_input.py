"""The course's input.json, and one-line errors for faulty ones."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from difflab.config.personalization import ConceptParams
from difflab.errors import UserError
from difflab.systems.personalization.concepts import photograph_folder
from difflab.systems.personalization.prompts import in_words, prompts_of, read_course_input

ENTRIES = {
    "0": {"src_image": "cat", "token_name": "<new1>", "prompt": ["a <new1> on a beach", "a <new1>"], "index": 25},
    "1": {
        "src_image": ["cat", "dog"],
        "token_name": ["<new1>", "<new2>"],
        "prompt": ["a <new1> next to a <new2>", "a <new1>"],
    },
}


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / "00.jpg")
    (tmp_path / "empty").mkdir()
    return tmp_path


def write(folder: Path, entries: object) -> Path:
    path = folder / "input.json"
    path.write_text(entries if isinstance(entries, str) else json.dumps(entries))
    return path


def concept(token: str, word: str = "cat") -> ConceptParams:
    return ConceptParams(token=token, initializer=word, color=None, images=None)


def test_folders_by_token_and_prompts_once(folder):
    found = read_course_input(write(folder, ENTRIES))
    assert found.folders == {"<new1>": folder / "cat", "<new2>": folder / "dog"}
    assert found.prompts == ["a <new1> on a beach", "a <new1>", "a <new1> next to a <new2>"]


def changed(index: str, **values: object) -> dict:
    return ENTRIES | {index: {key: value for key, value in (ENTRIES[index] | values).items() if value is not None}}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("{", r"input\.json: not JSON, line 1: "),
        ("{}", r"input\.json: found {},"),
        ('{"0": {}, "0": {}}', r"input\.json: found the key '0' twice in one object, allowed: once"),
        (changed("0", token_name=None), r"input\.json: 0\.token_name: found nothing,"),
        (changed("0", token_name="new1"), r"0\.token_name: found \"new1\","),
        (changed("0", prompt=[]), r"0\.prompt: found \[\],"),
        (changed("1", src_image="dog"), r"1\.src_image: found 1 folders, allowed: 2, one for each of token_name"),
        (changed("1", src_image=["dog", "dog"]), r"1\.src_image: found 'dog', allowed: .*/cat as before"),
        (changed("1", src_image=["cat", "empty"]), r"empty: no images in it, allowed: JPEG, PNG, "),
        (changed("0", prompt=["a cat"]), r"0\.prompt: found 'a cat', allowed: prompts that name <new1>"),
        (
            changed("1", prompt=["a <new1> on a <new3>"]),
            r"1\.prompt: found '<new3>' in 'a <new1> on a <new3>', allowed: tokens of <new1>, <new2>",
        ),
    ],
)
def test_what_is_wrong_is_one_line(folder, entries, message):
    with pytest.raises(UserError, match=message) as error:
        read_course_input(write(folder, entries))
    assert "\n" not in str(error.value)


def test_concepts_and_prompts_of_the_file(folder):
    path = str(write(folder, ENTRIES))
    assert photograph_folder(concept("<new2>"), path) == folder / "dog"
    with pytest.raises(
        UserError, match=re.escape("found no entry with token_name <new3>, allowed: one for each token")
    ):
        photograph_folder(concept("<new3>"), path)
    concepts = {"a": concept("<new1>"), "b": concept("<new2>", "dog")}
    assert prompts_of(["a <new2>"], concepts, None) == ["a <new2>"]
    assert prompts_of(["a <new2>"], concepts, path)[-1] == "a <new1> next to a <new2>"
    assert in_words("a <new1> next to a <new2>", concepts) == "a cat next to a dog"
    with pytest.raises(UserError, match=r"found '<new2>' in .*, allowed: tokens of personalization\.concepts: <new1>"):
        prompts_of(["a <new1>"], {"a": concept("<new1>")}, path)
