"""A small repository with ready-made figures, metrics and samples, at two commits."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML
from two_commits import PIPELINE, ROOT, commit, metrics, write_image


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recipes; at HEAD joint-cosine has another guidance scale, other images and a better accuracy than before."""
    folder = tmp_path_factory.mktemp("report") / "made"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("dvc")))
        patch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
        identity = "git config user.name Test && git config user.email test@example.org"
        subprocess.run(f"git init --quiet && {identity}", shell=True, check=True)
        Repo.init().close()
        yaml = YAML()
        shutil.copy(ROOT / "params.yaml", "params.yaml")
        params = yaml.load(Path("params.yaml"))
        Path("dvc.yaml").write_text(PIPELINE)
        Path(".gitignore").write_text("/report/\n/samples/\n/figures/\n.cache/\n")
        Path("metrics").mkdir()
        shutil.copy(ROOT / "metrics/targets.yaml", "metrics")
        shutil.copy(ROOT / "claims.yaml", "claims.yaml")
        write_image(Path("figures/eta_grid.png"), (9, 9, 9), (40, 20))
        for name, recipe in params["recipes"].items():
            for domain, digits in recipe["data"].items():
                for digit in digits if recipe["condition"] else [None]:
                    for k in range(10):
                        prefix = "" if digit is None else f"{digit}_"
                        write_image(Path("samples", name, domain, f"{prefix}{k + 1:03d}.png"), (k, 9, len(name)))
        for name, color in {"joint-cosine": (200, 0, 0), "mnistm-linear": (0, 0, 200)}.items():
            write_image(Path(f"figures/grid_{name}.png"), color, (40, 20))
            Path(f"metrics/{name}.json").write_text(json.dumps(metrics(0.7)))
        commit("first")
        params["recipes"]["joint-cosine"]["sampling"]["guidance_scale"] = 5.0
        yaml.dump(params, Path("params.yaml"))
        write_image(Path("samples/joint-cosine/mnistm/0_001.png"), (0, 200, 0))
        write_image(Path("figures/grid_joint-cosine.png"), (0, 200, 0), (40, 20))
        Path("metrics/joint-cosine.json").write_text(json.dumps(metrics(0.9)))
        Path("metrics/mnistm-linear.json").write_text(json.dumps(metrics(0.7, extractor="another")))
        commit("second")
    return folder


@pytest.fixture
def repository(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy as the working folder."""
    shutil.copytree(made, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "dvc"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    return tmp_path / "work"
