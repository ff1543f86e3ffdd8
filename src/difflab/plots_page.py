"""`python -m difflab.plots_page FILE`: the page that `dvc plots` fills in, with Vega inside: it needs no network.

DVC's own loads Vega from a server.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from difflab.pipeline.files import atomic_write

VEGA_LITE = "5.20"  # of the specifications that DVC writes, version 5
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{{refresh_tag}}
<title>difflab: plots</title>
<script>{vega}</script>
<style>table {{ border-spacing: 15px }} img {{ max-width: 100% }}</style>
</head>
<body>
{{plot_divs}}
</body>
</html>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="such as .cache/plots.html")
    file = parser.parse_args().file

    from vl_convert import javascript_bundle

    vega = javascript_bundle("window.vegaEmbed = vegaEmbed;", VEGA_LITE)
    with atomic_write(file) as partial:
        partial.write_text(PAGE.format(vega=vega.replace("</script", "<\\/script")), encoding="utf-8")


if __name__ == "__main__":
    main()
