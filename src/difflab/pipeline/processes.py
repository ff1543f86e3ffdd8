"""Stages with several processes, started here, by torchrun or by `accelerate launch`; only the first one writes."""

import os
import sys
from collections.abc import Collection, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

OWN = {".cache", ".git", ".dvc", ".snakemake", ".venv"}  # not linked


def start_processes(number: int) -> None:
    """Replace this process with torchrun and `number` processes on this machine; does nothing in one of those."""
    if number > 1 and "RANK" not in os.environ:
        options = ["--standalone", f"--nproc-per-node={number}"]
        os.execv(sys.executable, [sys.executable, "-m", "torch.distributed.run", *options, *sys.argv])


def is_first() -> bool:
    """Whether this is the process that writes; True without a launcher."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def own_folder() -> Iterator[None]:
    """Every process but the first works in a temporary copy of the working folder made of links, removed afterwards.

    So its outputs, records and locks do not interfere. Files must be replaced, as `atomic_write` does, and not written
    in place.
    """
    if is_first():
        yield
        return
    with TemporaryDirectory(prefix="difflab-") as folder:
        _link(Path.cwd(), Path(folder), without=OWN)
        with chdir(folder):
            yield


def _link(source: Path, target: Path, without: Collection[str] = ()) -> None:
    """Link the files of `source`. A linked folder, which may be the user's, is linked as a whole."""
    for path in source.iterdir():
        if path.name in without:
            continue
        place = target / path.name
        if path.is_dir() and not path.is_symlink():
            place.mkdir()
            _link(path, place)
        else:
            place.symlink_to(path)
