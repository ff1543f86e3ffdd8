"""Starting noises from files: those of other programs, and bad ones."""

import math
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from difflab.diffusion.noise_bank import bank_generators
from difflab.errors import UserError
from tests.systems.faces.face_stages import SIZE, contents, make_all, sample_all, write_params


def test_noises_come_from_files(project):
    """Those of the bank in files give the images of the bank."""
    sample_all()
    first = contents("samples/faces")
    Path("noises").mkdir()
    for number, generator in enumerate(bank_generators(0, range(3))):
        torch.save(torch.randn(1, 3, SIZE, SIZE, generator=generator), f"noises/{number:02d}.pt")
    write_params(noises="noises")
    sample_all()
    assert contents("samples/faces") == first
    torch.save(torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator()), "noises/01.pt")
    sample_all()
    changed = {name for name, data in contents("samples/faces").items() if data != first[name]}
    assert changed == {name for name in first if name.endswith("01.png")}


def test_noises_of_another_program_give_the_same_images(project):
    """A Parameter, one in a dict in double precision, an array of NumPy."""
    sample_all()
    first = contents("samples/faces")
    Path("noises").mkdir()
    drawn = [torch.randn(1, 3, SIZE, SIZE, generator=generator) for generator in bank_generators(0, range(3))]
    torch.save(torch.nn.Parameter(drawn[0]), "noises/00.pt")
    torch.save({"noise": drawn[1].double().requires_grad_()}, "noises/01.pth")
    np.save("noises/02.npy", drawn[2].numpy())
    write_params(noises="noises")
    make_all()
    assert contents("samples/faces") == first
    torch.save(drawn[2], "noises/02.pt")
    with pytest.raises(
        UserError, match=r"^faces\.sampling\.noises: noises: found 02\.pt and 02\.npy, allowed: one file"
    ):
        sample_all()


class Code:
    def __reduce__(self):
        return eval, ("1",)


@pytest.mark.parametrize(
    ("saved", "found"),
    [
        (None, "No such file or directory, allowed: a file"),
        (
            torch.zeros(3, SIZE, SIZE),
            "shape (3, 12, 12), allowed: finite floating-point numbers of shape (1, 3, 12, 12)",
        ),
        (torch.zeros(1, 3, SIZE, SIZE, dtype=torch.int64), "int64, allowed: finite floating-point numbers of shape"),
        (torch.full((1, 3, SIZE, SIZE), math.nan), "not finite, allowed: finite floating-point numbers of shape"),
        ({"noise": torch.zeros(1)}, "shape (1,), allowed: finite floating-point numbers of shape"),
        ({"noise": torch.zeros(1), "seed": 1}, "a dict, allowed: finite floating-point numbers of shape"),
        (Code(), "what only unpickling could load (builtins.eval), allowed: tensors"),
    ],
)
def test_a_bad_noise_is_named_before_any_work(project, saved, found):
    Path("noises").mkdir()
    for number in range(3):
        torch.save(torch.zeros(1, 3, SIZE, SIZE), f"noises/{number:02d}.pt")
    Path("noises/02.pt").unlink()
    if saved is not None:
        torch.save(saved, "noises/02.pt", pickle_module=pickle)
    write_params(noises="noises")
    with pytest.raises(UserError, match=rf"^faces\.sampling\.noises: noises/02\.pt: found {re.escape(found)}"):
        sample_all()
    assert not Path("samples").exists() and not Path(".cache").exists()
