"""Names under which settings are written to files, where they differ from the names of their fields.

A field that was renamed keeps its stored name in ``metadata``, so that files written by other versions stay readable::

    person: int | None = field(default=None, metadata={STORED_NAME: "who"})
"""

from __future__ import annotations

from dataclasses import Field, fields, is_dataclass
from typing import Any

STORED_NAME = "stored name"


def stored_name(field: Field[Any]) -> str:
    """The name under which a dataclass field is written."""
    return str(field.metadata.get(STORED_NAME, field.name))


def to_stored(value: Any) -> Any:
    """As :func:`dataclasses.asdict`, of any value, with stored names for keys."""
    if is_dataclass(value) and not isinstance(value, type):
        return {stored_name(one): to_stored(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(to_stored(item) for item in value))
    if isinstance(value, (tuple, list)):
        return type(value)(to_stored(item) for item in value)
    if isinstance(value, dict):
        return {key: to_stored(item) for key, item in value.items()}
    return value
