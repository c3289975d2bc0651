"""The command line: parse, call the public functions, show progress. No logic here, and nothing imports it."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """The `effigie` command, see :func:`effigie.cli.app.main`."""
    # Until there is anything to tidy up, Ctrl-C just ends: no traceback out of the middle of an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # OpenCV would tell on its own, in lines of C++, what is wrong with a broken picture before effigie says it.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    from effigie.cli.app import main as run

    run()


__all__ = ["main"]
