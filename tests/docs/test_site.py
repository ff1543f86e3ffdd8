"""The website of docs/, built by mkdocs in strict mode: no warning, and nothing from other servers."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDS = ("mkdocs", "material", "mkdocstrings")
MISSING = [name for name in NEEDS if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)} (make installs them)")
LOADED = re.compile(r"<(?:script|img|iframe|source)[^>]* src=\"?([^\" >]+)|<link[^>]* href=\"?([^\" >]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    pages = [page.relative_to(ROOT / "docs").with_suffix(".html") for page in ROOT.glob("docs/**/*.md")]
    assert all((site / page).is_file() for page in [*pages, Path("index.html"), Path("contributing.html")])


def test_nothing_is_loaded_from_other_servers(site: Path) -> None:
    for page in site.rglob("*.html"):
        found = [address for pair in LOADED.findall(page.read_text()) for address in pair if address]
        assert found and not [address for address in found if address.startswith(("http:", "https:", "//"))]
    styles = "".join(style.read_text() for style in site.rglob("*.css"))
    assert not re.search(r"@import|url\([\"']?(?:https?:)?//", styles)


def test_api_pages_have_signatures_and_docstrings(site: Path) -> None:
    text = re.sub(r"<[^>]+>", "", (site / "reference/api.html").read_text())
    for words in (
        "difflab.diffusion.pipelines.DigitPipeline",
        "guidance_scale",
        "num_inference_steps",
        "bank_generators",
    ):
        assert words in text
    assert "Sample one image for each digit" in text and "β_t evenly spaced" in text
