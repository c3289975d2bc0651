"""Reads and writes ``faceset.json``, the index of a face set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from effigie._version import __version__
from effigie.errors import FaceSetError
from effigie.faceset.schema import VERSION
from effigie.io.atomic_write import read_json, write_json

FORMAT = "effigie face set"
INDEX_FILE = "faceset.json"


def new_index(settings: dict[str, Any]) -> dict[str, Any]:
    """The document of a set without sources."""
    head = {"format": FORMAT, "version": VERSION, "effigie": __version__, "settings": settings}
    return head | {"consents": [], "sources": {}, "dropped": []}


def write_index(path: Path, document: dict[str, Any]) -> None:
    """Write the document into the face set at ``path``, whole or not at all."""
    write_json(path / INDEX_FILE, document)


def read_index(path: Path) -> dict[str, Any]:
    """The parsed ``faceset.json``, checked as far as everything else relies on it.

    Raises:
        FaceSetError: missing, not a face set, damaged, or of a newer version.
    """
    if not path.is_dir():
        what = "is a file, not a face set" if path.exists() else "does not exist"
        raise FaceSetError(f"{path} {what}: name the folder that `effigie extract` wrote")
    try:
        document = read_json(path / INDEX_FILE)
        if document["format"] != FORMAT:
            raise ValueError(f"format {document['format']!r}")
        version = int(document["version"])
        if version <= VERSION:
            int(document["settings"]["crop_size"])
            document["sources"].values()
    except FileNotFoundError:
        raise FaceSetError(f"{path} is not a face set: it holds no {INDEX_FILE}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FaceSetError(
            f"damaged {path / INDEX_FILE} ({type(error).__name__}: {error}): restore it, or extract anew elsewhere"
        ) from error
    if version > VERSION:
        raise FaceSetError(
            f"{path} is of version {version}, this effigie reads up to {VERSION}: update effigie"
        )
    return document
