"""Starting processes: signals are deferred meanwhile, and the caller's script is not run again."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker


@contextlib.contextmanager
def defer_signals() -> Iterator[None]:
    """Defer SIGINT and SIGTERM to the end: a process that is half started can neither work nor be stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's business
        return
    signals: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: signals.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for arrival in signals:
            signal.raise_signal(arrival)


@contextlib.contextmanager
def hide_main_module() -> Iterator[None]:
    """Keep processes that are started meanwhile from running the caller's script again.

    Python does that so that they find functions defined in the script. Ours are importable, and a script that calls
    ``effigie.extract`` without ``if __name__ == "__main__":`` would begin anew in every worker.
    """
    main = sys.modules["__main__"]
    values = {name: getattr(main, name) for name in ("__spec__", "__file__") if hasattr(main, name)}
    try:
        for name in values:
            setattr(main, name, None)
        yield
    finally:
        for name, value in values.items():
            setattr(main, name, value)


def start_fork_server() -> None:
    """Start the fork server with SIGINT ignored: a terminal's Ctrl-C would end it with a traceback while it imports.

    Children inherit the blocked signal; here it is only put off until the server has been started.
    """
    resource_tracker.ensure_running()  # it unblocks the signal itself, so it has to be there before
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
