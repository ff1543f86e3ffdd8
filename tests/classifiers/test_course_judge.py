"""The course's classifier file: equal predictions to the course's network, and one-line errors for other files."""

import pickle
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from difflab.classifiers.digit_classifier import load_course_classifier, load_digit_classifier
from difflab.errors import UserError


class LeNet(nn.Module):
    """The course's network, written from its description alone."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(256, 128), nn.Linear(128, 64), nn.Linear(64, 10)

    def embed(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.relu(self.fc2(F.relu(self.fc1(x.flatten(1)))))

    def forward(self, x):
        return self.fc3(self.embed(x))


@pytest.fixture
def lenet():
    torch.manual_seed(0)
    return LeNet().requires_grad_(False)


@pytest.fixture
def file(lenet, tmp_path):
    path = tmp_path / "Classifier.pth"
    torch.save({"state_dict": lenet.state_dict(), "epoch": 30}, path)
    return path


IMAGES = torch.randint(256, (64, 3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SCALED = IMAGES.float() / 127.5 - 1


def test_it_sees_what_the_courses_network_sees(lenet, file):
    judge = load_course_classifier(file)
    torch.testing.assert_close(judge(SCALED), lenet(SCALED))
    torch.testing.assert_close(judge.features_of(IMAGES), lenet.embed(SCALED))
    torch.testing.assert_close(judge.probabilities(IMAGES), lenet(SCALED).softmax(1))
    assert torch.equal(judge.predict(IMAGES), lenet(SCALED).argmax(1))
    assert len(judge.predict(IMAGES).unique()) > 1


def test_as_a_folder_it_is_the_same_judge(file, tmp_path):
    judge = load_course_classifier(file)
    judge.save(tmp_path / "judge-mnistm")
    assert torch.equal(load_digit_classifier(tmp_path / "judge-mnistm")(SCALED), judge(SCALED))


def test_files_of_the_old_format_and_of_half_precision_are_read(lenet, tmp_path):
    half = {name: tensor.half() for name, tensor in lenet.state_dict().items()}
    torch.save({"state_dict": half}, tmp_path / "half.pth", _use_new_zipfile_serialization=False)
    torch.testing.assert_close(load_course_classifier(tmp_path / "half.pth")(SCALED), lenet(SCALED), atol=1e-2, rtol=0)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model."])
@pytest.mark.parametrize("key", ["", "model", "ema"])
def test_bare_and_nested_weights_are_read(lenet, tmp_path, prefix, key):
    state = {prefix + name: tensor for name, tensor in lenet.state_dict().items()}
    torch.save({key: state} if key else state, tmp_path / "judge.ckpt")
    torch.testing.assert_close(load_course_classifier(tmp_path / "judge.ckpt")(SCALED), lenet(SCALED))
    save_file(state, tmp_path / "judge.safetensors")
    torch.testing.assert_close(load_course_classifier(tmp_path / "judge.safetensors")(SCALED), lenet(SCALED))


def test_weights_with_gradients_and_of_a_graphics_card_are_read(lenet, tmp_path, monkeypatch):
    state = {name: nn.Parameter(tensor) for name, tensor in lenet.state_dict().items()}
    monkeypatch.setattr("torch.serialization.location_tag", lambda storage: "cuda:0")
    torch.save({"state_dict": state}, tmp_path / "cuda.pth")
    monkeypatch.undo()
    torch.testing.assert_close(load_course_classifier(tmp_path / "cuda.pth")(SCALED), lenet(SCALED))


def test_images_of_another_size_are_one_line(file):
    line = "prepare.digit_size: found images of 16×16, allowed: 28, because judge.checkpoint names a LeNet of 28×28"
    with pytest.raises(UserError, match=f"^{line}$"):
        load_course_classifier(file).predict(IMAGES[..., :16, :16])


ALLOWED = "allowed: the tensors conv1.weight, conv1.bias, conv2.weight, conv2.bias, fc1.weight and 5 more"


def changed(state, **entries):
    state = dict(state)
    for name, value in entries.items():
        state[name.replace("__", ".")] = value
    return {"state_dict": {name: value for name, value in state.items() if value is not None}}


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda state: changed(state, fc3__bias=None), f"state_dict: found missing: fc3.bias, {ALLOWED}"),
        (
            lambda state: changed(
                state,
                conv1__bias=torch.zeros(6, dtype=torch.int64),
                conv2__bias=torch.full((16,), torch.nan),
                fc1__bias=torch.zeros(128).to_sparse(),
                fc2__bias=[0.0] * 64,
                fc3__bias=torch.full((10,), 1e300, dtype=torch.float64),  # not in float32
            ),
            "state_dict: found not finite floating-point numbers: conv1.bias (int64), conv2.bias (not finite), "
            f"fc1.bias (sparse_coo on cpu), fc2.bias (a list), fc3.bias (not finite), {ALLOWED}",
        ),
        (
            lambda state: changed(state, fc3__bias=None, fc3__weight=torch.zeros(1), fc2__bias=1, fc4__bias=1),
            "state_dict: found missing: fc3.bias; unknown: 'fc4.bias'; of another shape: fc3.weight (1,) for (10, 64); "
            f"not finite floating-point numbers: fc2.bias (a int), {ALLOWED}",
        ),
        (lambda state: {"state_dict": state["fc3.bias"]}, f"found a dict of 'state_dict' (Tensor), {ALLOWED}"),
        (lambda state: {"state_dict": LeNet()}, "found what only unpickling could load ("),
    ],
)
def test_a_wrong_file_is_one_line_that_names_file_and_key(lenet, tmp_path, make, line):
    path = tmp_path / "judge.pth"
    torch.save(make(lenet.state_dict()), path)
    with pytest.raises(UserError, match="^" + re.escape(f"judge.checkpoint: {path}: {line}")) as error:
        load_course_classifier(path)
    assert "\n" not in str(error.value)


def test_no_file_is_one_line(tmp_path):
    for path, found in ((tmp_path / "none.pth", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(UserError, match=re.escape(f"judge.checkpoint: {path}: found {found}, allowed: a file")):
            load_course_classifier(path)


class Code:
    """Unpickling it makes the file that it names."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old format"])
def test_code_in_the_file_is_not_run(lenet, tmp_path, old):
    trap, path = tmp_path / "trap", tmp_path / "judge.pth"
    torch.save({"state_dict": lenet.state_dict(), "code": Code(trap)}, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(UserError, match="found what only unpickling could load"):
        load_course_classifier(path)
    assert not trap.exists()
    pickle.loads(pickle.dumps(Code(trap))).close()
    assert trap.exists()  # it would have been made


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(max_examples=50)
@given(st.data())
def test_a_damaged_file_is_one_line_or_still_the_judge(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "judge.pth"
    torch.save({"state_dict": LeNet().state_dict()}, path, _use_new_zipfile_serialization=data.draw(st.booleans()))
    content = bytearray(path.read_bytes())
    places = st.integers(-3000, 1500)  # pickle and directory lie at both ends, the numbers between
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(places)] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(places)] if data.draw(st.booleans()) else content)
    try:
        load_course_classifier(path)
    except UserError as error:
        assert str(error).startswith(f"judge.checkpoint: {path}: ") and "\n" not in str(error)
