"""The precision of a stage: fp32 on every CPU unless bf16 is asked for, so that CPUs differ by rounding alone."""

import pytest
import torch
import yaml
from difflab.config.params import Params
from ruamel.yaml import YAML

from difflab.config.training import ComputeParams
from difflab.training.device import autocasts_to_bf16, make_accelerator


def compute(mixed_precision: str) -> ComputeParams:
    return ComputeParams.model_validate({"threads": 1, "mixed_precision": mixed_precision})


@pytest.mark.parametrize(("asked", "used"), [("auto", "no"), ("fp32", "no"), ("bf16", "bf16")])
def test_a_cpu_with_bf16_instructions_uses_them_only_when_asked(asked, used, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True, "amx_bf16": True})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert make_accelerator(compute(asked)).mixed_precision == used


@pytest.mark.parametrize(("in_hardware", "used"), [(True, True), (False, False)])
def test_auto_is_bf16_on_a_gpu_that_multiplies_it(in_hardware, used, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: in_hardware)
    assert autocasts_to_bf16(compute("auto")) == used
    assert not autocasts_to_bf16(compute("fp32"))


def words(node: object) -> set[str]:
    """The texts that a JSON schema allows as values."""
    if isinstance(node, list):
        return set().union(*map(words, node))
    if not isinstance(node, dict):
        return set()
    own = [*node.get("enum", []), node.get("const")]
    return {text for text in own if isinstance(text, str)}.union(*map(words, node.values()))


def test_every_yaml_reader_takes_the_allowed_words_for_words():
    """DVC reads YAML 1.1, where no, off and on are booleans."""
    allowed = words(Params.model_json_schema())
    assert {"fp32", "auto", "cosine"} <= allowed
    assert [text for text in sorted(allowed) if yaml.safe_load(text) != text] == []
    assert [text for text in sorted(allowed) if YAML(typ="safe").load(text) != text] == []
