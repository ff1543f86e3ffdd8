"""For mkdocs: pages from outside of docs/, links between files of the repository as links of the website, anchors."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

OUTSIDE = {  # by path in the repository
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
    "pretrained/faces/README.md": "pretrained/faces.md",
    "pretrained/clip/README.md": "pretrained/clip.md",
    "pretrained/text_to_image/README.md": "pretrained/text_to_image.md",
    "pretrained/faces/samples.png": "pretrained/samples.png",
}
FENCE = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Headings have the anchors that GitHub gives them."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    root = Path(config.docs_dir).parent
    for source, target in OUTSIDE.items():
        files.append(File.generated(config, target, abs_src_path=str(root / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to files that are not on the website become text."""
    site = {target: source for source, target in OUTSIDE.items()}
    folder = posixpath.dirname(site.get(page.file.src_uri, f"docs/{page.file.src_uri}"))

    def link(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, found["path"]))
        target = OUTSIDE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        if target is None:
            return found["text"].removeprefix("[").removesuffix("]")
        relative = posixpath.relpath(target, posixpath.dirname(page.file.src_uri))
        return f"{found['text']}({relative}{found['anchor'] or ''})"

    parts = FENCE.split(markdown)
    return "".join(part if number % 2 else LINK.sub(link, part) for number, part in enumerate(parts))
