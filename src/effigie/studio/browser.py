"""Opening the browser: through a file that only its owner reads, for an address in a command line shows in `ps`."""

from __future__ import annotations

import contextlib
import html
import logging
import webbrowser
from pathlib import Path

from effigie.io.atomic_write import write_private_file

LOG = logging.getLogger(__name__)


def write_opener(path: Path, address: str) -> None:
    """Write the page that leads to ``address``; mode 0600."""
    target = html.escape(address, quote=True)
    page = f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={target}">'
    write_private_file(path, f'{page}<a href="{target}">effigie studio</a>\n'.encode(), replace=True)


def open_browser(path: Path, address: str) -> None:
    """Open ``address`` in the user's browser by way of the file ``path``; no browser is no error."""
    write_opener(path, address)
    with contextlib.suppress(webbrowser.Error, OSError):
        if not webbrowser.open(path.as_uri()):
            LOG.info("no browser could be opened")
