"""An empty repository with a hand-written pipeline."""

from pathlib import Path

import pytest
from hand_written import Pipeline


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return Pipeline(tmp_path)
