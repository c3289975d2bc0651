"""TOML files that people edit and programs write: what a person put beside the values stays."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
import tomlkit.items


def update_toml(path: Path, values: dict[str, Any]) -> str:
    """The text of a TOML file that has these values; comments of the file that is there stay."""
    try:
        document = tomlkit.parse(path.read_text("utf-8"))
    except (OSError, ValueError):  # none there, or no TOML
        document = tomlkit.document()
    _update_table(document, values)
    return tomlkit.dumps(document)


def _update_table(document: MutableMapping[str, Any], values: dict[str, Any]) -> None:
    """Give a table of a file the wanted values, and leave alone what has them: comments belong to lines."""
    for name in [name for name in document if name not in values]:
        del document[name]
    for name, value in values.items():
        old = document.get(name)
        if isinstance(value, dict) and isinstance(old, MutableMapping):
            _update_table(old, value)
        elif isinstance(old, tomlkit.items.AoT) and len(old) == len(value):
            for one, table in zip(old, value, strict=True):
                _update_table(one, table)
        elif old != value:
            document[name] = value
