"""One value, one sequence of bytes: what is signed, and how documents of unknown origin are read.

Canonical JSON here: UTF-8, keys sorted by code point, no space, no floating point, no escapes but those that JSON
demands. A file that is valid JSON but not in this form is not accepted: whatever byte was changed, it shows.
"""

from __future__ import annotations

import base64
import binascii
import json
import stat
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import ConsentError

LIMIT = 1 << 18  # bytes; a record of eight references and a hundred pieces of evidence has 30 KB
DEEPEST = 16


def canonical(value: Any) -> bytes:
    """The bytes of a JSON value.

    Raises:
        ValueError: a float, a key that is no string, half a surrogate pair, a type JSON does not know, or a value
            nested more than sixteen deep.
    """
    _check(value, 0)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def _check(value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} deep")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r} is no string")
            _check(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(item, depth + 1)
    elif value is not None and not isinstance(value, (str, int)):
        raise ValueError(f"{type(value).__name__} has no canonical form: write integers, strings or base64")


def read_document(path: Path, kind: str, limit_bytes: int = LIMIT, newest: int = 1) -> dict[str, Any]:
    """The document in a file that anybody may have written.

    Args:
        kind: what ``format`` must say.
        newest: highest ``version`` that is understood.

    Raises:
        ConsentError: missing, no ordinary file, too large, not canonical JSON, of another kind or a newer version.
    """
    return parse_document(read_bytes(path, limit_bytes), kind, str(path), newest)


def read_bytes(path: Path, limit_bytes: int = LIMIT) -> bytes:
    """The bytes of an ordinary file.

    Raises:
        ConsentError: missing, a folder or device, larger than the limit, or not readable.
    """
    try:
        # A pipe would block and a device would never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConsentError(f"{path} is no ordinary file: name one")
        with path.open("rb") as stream:
            data = stream.read(limit_bytes + 1)
    except FileNotFoundError:
        raise ConsentError(f"{path} does not exist: check the name") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConsentError(f"{path} cannot be read ({reason}): check its permissions") from error
    if len(data) > limit_bytes:
        raise ConsentError(f"{path} is larger than {limit_bytes} bytes: it is no consent document of effigie")
    return data


def parse_document(data: bytes, kind: str, name: str, newest: int = 1) -> dict[str, Any]:
    """As :func:`read_document`, of bytes in memory that messages call ``name``."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (ValueError, RecursionError) as error:
        raise damaged(name, f"it is not JSON as effigie writes it: {_short(error)}") from error
    if not isinstance(value, dict) or not isinstance(value.get("format"), str):
        raise damaged(name, "it does not say what it is")
    if value["format"] != kind:
        raise ConsentError(
            f"{name} is no {kind[8:] if kind.startswith('effigie ') else kind}: choose another file"
        )
    version = value.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise damaged(name, "it has no version")
    if version > newest:
        raise ConsentError(
            f"{name} is of version {version}, and up to {newest} is understood: update effigie"
        )
    try:
        whole = canonical(value) + b"\n"
    except ValueError as error:
        raise damaged(name, _short(error)) from error
    if whole != data:
        raise damaged(name, "its bytes are not in canonical form")
    return value


def damaged(name: str, reason: str) -> ConsentError:
    """The error of a file that is not as it was written."""
    return ConsentError(
        f"{name} is damaged or was edited ({reason}): ask for the original, or make a new record"
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_float(text: str) -> Any:
    raise ValueError(f"the number {text[:20]} is no integer")


def _short(error: BaseException) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def pack_vectors(vectors: np.ndarray) -> str:
    """(N, D) float32 as base64 of its little-endian bytes, row by row."""
    return base64.b64encode(np.ascontiguousarray(vectors, "<f4").tobytes()).decode("ascii")


def unpack_vectors(text: str, width: int) -> np.ndarray:
    """(N, width) float32 that :func:`pack_vectors` packed.

    Raises:
        ValueError: no base64, or not whole rows.
    """
    data = unpack_bytes(text)
    if not data or len(data) % (4 * width):
        raise ValueError(f"the vectors are not whole rows of {width}")
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(-1, width)


def unpack_bytes(text: str) -> bytes:
    """The bytes that a base64 string stands for, in its only spelling.

    Raises:
        ValueError: no base64, or another spelling of the same bytes.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"no base64: {error}") from None
    # Unused bits at the end may be set in base64; then two texts would stand for the same bytes.
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("base64 with stray bits")
    return data
