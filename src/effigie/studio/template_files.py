"""Control templates, as far as the library must know them; what they mean is known to `effigie animate`."""

from __future__ import annotations

import contextlib
import json
import tomllib
from pathlib import Path
from typing import Any

from effigie.errors import UsageError

MAX_BYTES = 1 << 20


def read_template(path: Path) -> dict[str, Any]:
    """The values of a control template.

    Raises:
        UsageError: it is none.
    """
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        if path.stat().st_size <= MAX_BYTES:
            text = path.read_text("utf-8")
            document = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
            if isinstance(document, dict) and all(isinstance(key, dict) and "time" in key for key in document["keys"]):
                return dict(json.loads(json.dumps(document, allow_nan=False)))  # no dates, no infinities
    raise UsageError(f"{path.name} is no control template, or damaged")


def describe_template(path: Path) -> dict[str, Any] | None:
    """How many keys a control template has, and when its last one is; None for what is none."""
    with contextlib.suppress(UsageError, KeyError, TypeError, ValueError):
        keys = read_template(path)["keys"]
        return {"keys": len(keys), "seconds": max(float(key["time"]) for key in keys)}
    return None
