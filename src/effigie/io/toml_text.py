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
        written = tomlkit.parse(path.read_text("utf-8"))
    except (OSError, ValueError):  # none there, or no TOML
        written = tomlkit.document()
    _update_table(written, values)
    return tomlkit.dumps(written)


def _update_table(written: MutableMapping[str, Any], wanted: dict[str, Any]) -> None:
    """Give a table of a file the wanted values, and leave alone what has them: comments belong to lines."""
    for name in [name for name in written if name not in wanted]:
        del written[name]
    for name, value in wanted.items():
        old = written.get(name)
        if isinstance(value, dict) and isinstance(old, MutableMapping):
            _update_table(old, value)
        elif isinstance(old, tomlkit.items.AoT) and len(old) == len(value):
            for one, table in zip(old, value, strict=True):
                _update_table(one, table)
        elif old != value:
            written[name] = value
