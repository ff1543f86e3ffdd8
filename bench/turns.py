"""Trainings that take turns in one process, each with its own clock.

A machine whose speed varies slows all of them alike. The clock counts the CPU time of the process during the training's
turns, from the start of its first step, without preparation and sampling. CPU time excludes other processes; it is
meant for one thread on a CPU.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Semaphore, Thread, current_thread

from torch import nn

from bench.timing import quiet


class _Stopped(Exception):
    """Raised inside a training loop to end it."""


class TurnTraining:
    """A training loop in its own thread that runs only during `run`.

    `train` makes one forward pass of `network` per step. The loop is paused before a forward pass, so its code needs no
    change. While it is paused, `network` can be used in other threads.
    """

    def __init__(self, network: nn.Module, train: Callable[[], None]):
        self.seconds, self.num_steps, self.is_done = 0.0, 0, False
        self._network, self._train = network, train
        self._turn, self._pause = Semaphore(0), Semaphore(0)
        self._until = self._resumed = math.nan
        self._stopping = False
        self._error: BaseException | None = None
        self._thread = Thread(target=self._loop, daemon=True)

    def run(self, until: float) -> None:
        """Continue training until the clock shows `until` seconds or the loop ends. Raises exceptions of the loop."""
        if self.is_done or self.seconds >= until:
            return
        self._until, self._resumed = until, time.process_time()
        with quiet():
            self._turn.release() if self._thread.ident else self._thread.start()
            self._pause.acquire()
        if self._error:
            raise self._error

    def stop(self) -> None:
        """End the loop at the point where it is paused."""
        if self._thread.ident and not self.is_done:
            self._stopping = True
            self._turn.release()
            self._thread.join()

    def _loop(self) -> None:
        # A function, not a method: copies of the network (averaged weights) copy its hooks.
        handle = self._network.register_forward_pre_hook(lambda *_: self._before_step())
        self._is_first = True
        try:
            self._train()
            self._count()
        except _Stopped:
            pass
        except BaseException as error:
            self._error = error
        handle.remove()
        self.is_done = True
        self._pause.release()

    def _before_step(self) -> None:
        if current_thread() is not self._thread:
            return
        if self._is_first:
            self._is_first, self._resumed = False, time.process_time()
            return
        self._count()
        if self.seconds < self._until:
            return
        self._pause.release()
        self._turn.acquire()
        if self._stopping:
            raise _Stopped

    def _count(self) -> None:
        """Count a step and record its time."""
        now = time.process_time()
        self.seconds, self._resumed = self.seconds + now - self._resumed, now
        self.num_steps += 1


@contextmanager
def stopped_at_end(trainings: Sequence[TurnTraining]) -> Iterator[None]:
    """Stop unfinished `trainings` when the context ends."""
    try:
        yield
    finally:
        for training in trainings:
            training.stop()
