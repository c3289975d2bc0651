"""Options that the commands of consent share, and what is read from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effigie.errors import UsageError

if TYPE_CHECKING:
    from effigie.consent.keys import SigningKey

Key = Annotated[Path | None, typer.Option(metavar="PEM", help="Sign with this key; by default your own.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace a file that lies there.")]
Folder = Annotated[Path | None, typer.Option("--in", metavar="FOLDER", help="Also this project's records.")]
Record = Annotated[str, typer.Argument(metavar="RECORD", help="A record's file or id.")]


def require_free(output: Path | None, replace: bool) -> None:
    """Refuse an existing file at once, not after the photos were read."""
    if output is not None and output.exists() and not replace:
        raise UsageError(f"{output} exists: choose another name, or add --replace")


def load_key(path: Path | None) -> SigningKey | None:
    """The key in a file; None for the account's own."""
    from effigie.consent.keys import SigningKey

    return None if path is None else SigningKey.load(path)
