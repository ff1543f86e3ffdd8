import json

import pytest
import torch

from difflab.classifiers.digit_classifier import Judge, load_digit_classifier
from difflab.errors import UserError

IMAGES = torch.randint(256, (7, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def judge() -> Judge:
    torch.manual_seed(0)
    judge = Judge([4, 8])
    judge(torch.randn(32, 3, 8, 8))  # moves the running statistics of the batch norm
    return judge.eval()


def test_saved_and_loaded_it_sees_the_same(judge, tmp_path):
    judge.save(tmp_path)
    loaded = load_digit_classifier(tmp_path)
    assert isinstance(loaded, Judge)
    assert torch.equal(loaded.predict(IMAGES), judge.predict(IMAGES, batch_size=2))
    assert torch.equal(loaded.features_of(IMAGES), judge.features_of(IMAGES))


@torch.inference_mode()
def test_its_answers_agree(judge):
    logits = judge(IMAGES / 127.5 - 1)
    assert torch.equal(judge.predict(IMAGES), logits.argmax(1))
    torch.testing.assert_close(judge.probabilities(IMAGES, batch_size=2), logits.softmax(1))
    features = judge.features_of(IMAGES, batch_size=2)
    assert features.shape == (7, 8)
    torch.testing.assert_close(judge.classify(features), logits)


def test_a_folder_without_a_judge_is_one_line(judge, tmp_path):
    with pytest.raises(UserError, match=r"nosuch/config\.json: not found"):
        load_digit_classifier(tmp_path / "nosuch")
    judge.save(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"class": "System", "channels": [4]}))
    with pytest.raises(UserError, match=r"class: found 'System', allowed: Judge, CourseJudge"):
        load_digit_classifier(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"class": "Judge", "channels": [4]}))
    with pytest.raises(UserError, match=r"model\.safetensors") as caught:
        load_digit_classifier(tmp_path)
    assert "\n" not in str(caught.value)
