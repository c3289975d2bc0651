"""A stopped training is a model: what is left to do when Ctrl-C or a closed terminal ends one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from effigie.errors import CancelledError
from effigie.progress import CancelToken, Progress, ProgressCallback
from effigie.training.export import find_newest_step

Started = TypeVar("Started")


def complete_start(
    folder: Path,
    start: Callable[[CancelToken | None], Started],
    is_model: Callable[[], bool],
    progress: ProgressCallback,
    cancel: CancelToken | None,
) -> Started:
    """What ``start`` returns: all that comes before the first step. Stopped within, it is done again to its end.

    Otherwise a stop before the first step would leave a folder that is no model yet. A second stop ends it at once.

    Args:
        folder: where it writes.
        start: loads, prepares and writes; may be called twice, the second time without ``cancel``.
        is_model: whether what it writes is there already.
    """
    try:
        if cancel is not None:
            cancel.check()
        return start(cancel)
    except (CancelledError, KeyboardInterrupt) as stop:
        if not is_model():
            note = "what makes a model is kept first; stop again to leave nothing"
            progress(Progress("stop", 0, 1, "models", note))
            start(None)
        if isinstance(stop, CancelledError):
            raise CancelledError(f"stopped before the first step; {_describe_use(folder)}") from stop
        raise


@contextlib.contextmanager
def save_on_stop(folder: Path, save: Callable[[int], None] | None) -> Iterator[None]:
    """Call ``save`` where the training within is stopped, so that the folder holds a model as after its end.

    Where it was stopped before its first checkpoint, nothing is saved.

    Args:
        folder: that was given to the training.
        save: writes the model of the checkpoints in ``folder``, the newest of which is of the step it is given; None in
            processes that write nothing.
    """
    try:
        yield
    except (CancelledError, KeyboardInterrupt, SystemExit) as stop:
        step = None if save is None else find_newest_step(folder)
        if save is None or step is None:
            raise
        save(step)
        if isinstance(stop, CancelledError):
            raise CancelledError(f"stopped after step {step}; {_describe_use(folder)}") from stop
        raise


def _describe_use(folder: Path) -> str:
    return f"{folder} can be used as it is, and the same command trains on"
