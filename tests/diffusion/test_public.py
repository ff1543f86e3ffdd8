"""The names that a user imports: `import difflab; difflab.DigitPipeline.from_pretrained(…)`."""

import subprocess
import sys
from pathlib import Path

import pytest

import difflab
from difflab.diffusion.noise_bank import bank_generators
from difflab.pipeline.fingerprint import fingerprint


def test_a_pipeline_by_its_public_name(digit_model: Path) -> None:
    pipeline = difflab.DigitPipeline.from_pretrained(digit_model)
    images = pipeline(3, "svhn", generator=bank_generators(0, [0]), num_inference_steps=2).images
    assert [image.mode for image in images] == ["RGB"]


def test_other_names_are_no_attributes() -> None:
    with pytest.raises(AttributeError, match="Pipeline2"):
        _ = difflab.Pipeline2  # type: ignore[attr-defined]


def test_the_package_alone_imports_no_pipeline_and_no_stage_is_stale_for_it() -> None:
    code = "import difflab, sys; assert difflab.__version__; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "src/difflab/diffusion/pipelines.py" not in fingerprint("src/difflab/__init__.py")
