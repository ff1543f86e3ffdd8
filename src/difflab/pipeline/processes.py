"""Several processes of one stage, started here or by torchrun or `accelerate launch`: the first one writes."""

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

OWN = {".cache", ".git", ".dvc", ".snakemake", ".venv"}  # neither read nor written through links


def start_processes(number: int) -> None:
    """Replace this program by torchrun, with `number` processes of it on this machine; in one of them, do nothing."""
    if number > 1 and "RANK" not in os.environ:
        options = ["--standalone", f"--nproc-per-node={number}"]
        os.execv(sys.executable, [sys.executable, "-m", "torch.distributed.run", *options, *sys.argv])


def is_first() -> bool:
    """Whether this is the process that writes, as it is without a launcher."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def own_folder() -> Iterator[None]:
    """Of all processes but the first the working folder is a copy in links, removed afterwards.

    So their outputs, records and locks are in nobody's way. Files must be replaced, not written in place, as
    `atomic_write` does.
    """
    if is_first():
        yield
        return
    with TemporaryDirectory(prefix="difflab-") as folder:
        _link(Path.cwd(), Path(folder), without=OWN)
        with chdir(folder):
            yield


def _link(source: Path, target: Path, without: Collection[str] = ()) -> None:
    """Link to the files of `source` and, as one, to a folder that a link there leads to: it may be the user's."""
    for path in source.iterdir():
        if path.name in without:
            continue
        place = target / path.name
        if path.is_dir() and not path.is_symlink():
            place.mkdir()
            _link(path, place)
        else:
            place.symlink_to(path)
