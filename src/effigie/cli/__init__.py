"""The command line: parse, call the public functions, show progress. No logic here, and nothing imports it."""

from __future__ import annotations

import signal


def main() -> None:
    """The `effigie` command, see :func:`effigie.cli.app.main`."""
    # Until there is anything to tidy up, Ctrl-C just ends: no traceback out of the middle of an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from effigie.cli.app import main as run

    run()


__all__ = ["main"]
