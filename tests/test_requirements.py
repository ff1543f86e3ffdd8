"""requirements.lock resolves for every Python version that pyproject.toml admits and README names."""

import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
VERSIONS = ["3.11", "3.12", "3.13"]
OF_TORCH = re.compile(r"(cuda|nvidia|triton)\b")  # each build of torch pins its own; see `make lock`
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOP = [Requirement(text) for text in PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"]]


def pins(version: str) -> dict[str, str]:
    """The locked version of each package that is installed on this platform with Python `version`."""
    requirements = map(Requirement, (ROOT / "requirements.lock").read_text().splitlines())
    needed = [one for one in requirements if not one.marker or one.marker.evaluate(environment(version))]
    return {canonicalize_name(one.name): next(iter(one.specifier)).version for one in needed}


def environment(version: str, extra: str = "") -> dict[str, str]:
    python = {"python_version": version, "python_full_version": f"{version}.0", "extra": extra}
    return {**default_environment(), **python}  # type: ignore[dict-item]


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except ModuleNotFoundError:
        return None


@pytest.mark.parametrize("version", VERSIONS)
def test_every_requirement_is_locked_in_a_version_that_fits(version: str) -> None:
    """From pyproject.toml down, by the metadata of the locked packages; what another Python alone needs has none."""
    locked = pins(version)
    front, seen, unknown = list(TOP), set(), set()
    while front:
        one = front.pop()
        name = canonicalize_name(one.name)
        if OF_TORCH.match(name):
            continue
        assert name in locked, f"{one}: needed by Python {version}, and not in requirements.lock"
        assert one.specifier.contains(locked[name], prereleases=True), f"{one}: locked is {locked[name]}"
        found = installed(name)
        if found is None or found.version.partition("+")[0] != locked[name]:
            unknown.add(name)
            continue
        python = found.metadata.json.get("requires_python")
        assert not python or Requirement(f"python{python}").specifier.contains(f"{version}.0"), f"{name}: {python}"
        for extra in {"", *one.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            requirements = map(Requirement, found.requires or [])
            front += [r for r in requirements if not r.marker or r.marker.evaluate(environment(version, extra))]
    assert len(unknown) < 0.05 * len(locked), unknown


@pytest.mark.parametrize("version", VERSIONS)
def test_uv_resolves_the_lock(version: str, tmp_path: Path) -> None:
    """With the metadata that uv has kept from installing; `make lock` asks the index."""
    if not (uv := shutil.which("uv")):
        pytest.skip("needs uv, which `make` installs into .venv")
    links = [argument for link in os.environ.get("PIP_FIND_LINKS", "").split() for argument in ("--find-links", link)]
    command = [uv, "pip", "compile", "pyproject.toml", "--group", "dev", "--constraint", "requirements.lock", *links]
    command += ["--python-version", version, "--offline", "--no-header", "--no-annotate", "--quiet"]
    done = subprocess.run([*command, "--output-file", tmp_path / "resolved"], cwd=ROOT, capture_output=True, text=True)
    if "the network was disabled" in done.stderr:
        pytest.skip(f"uv has no metadata for Python {version} in its cache: `make lock` asks the index")
    assert done.returncode == 0, done.stderr
    resolved = [Requirement(line) for line in (tmp_path / "resolved").read_text().splitlines()]
    found = {canonicalize_name(r.name): next(iter(r.specifier)).version for r in resolved if not OF_TORCH.match(r.name)}
    expected = pins(version)
    assert {name: version.partition("+")[0] for name, version in found.items()} == {k: expected[k] for k in found}


def test_versions_are_those_that_pyproject_admits() -> None:
    admitted = Requirement(f"python{PROJECT['project']['requires-python']}").specifier
    assert admitted.contains(f"{VERSIONS[0]}.0") and not admitted.contains("3.10.9")
