"""Settings for all tests: this environment's commands on the PATH, long tests first, no deadlines."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from difflab.errors import warn  # any module of difflab makes torchvision importable
from tests import warm_server

settings.register_profile("on a busy machine", deadline=None)
settings.load_profile("on a busy machine")
# In the background of a shell script SIGINT is ignored, and so it would be by the processes that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.fixture(scope="session")
def warm_stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Python that has imported what the stages of recipes do: tests kill forks of it."""
    with warm_server.warm_server(tmp_path_factory.mktemp("warm_stages"), warm_server.RECIPES) as address:
        yield address


@pytest.fixture(autouse=True)
def warnings_not_given_yet() -> None:
    """A process gives each once."""
    warn.cache_clear()


@pytest.fixture(autouse=True)
def a_new_accelerator() -> None:
    """Accelerate keeps the device and precision of its first use in a process; tests differ in both."""
    if "accelerate" in sys.modules:
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of whole pipelines take minutes: begun last, they would leave the other workers idle."""
    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)
