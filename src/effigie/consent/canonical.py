"""Canonical JSON for signed documents, and strict reading of documents of unknown origin.

Canonical JSON here: UTF-8, keys sorted by code point, no space, no floating point, no escapes but those that JSON
demands. A file that is valid JSON but not in this form is not accepted: whatever byte was changed, it shows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import numpy as np

from effigie.errors import ConsentError

MAX_DOCUMENT_BYTES = 1 << 18  # bytes; a record of eight references and a hundred pieces of evidence has 30 KB
MAX_DEPTH = 16


def canonical_json(value: Any) -> bytes:
    """Encode a JSON value in canonical form.

    Raises:
        ValueError: a float, a key that is no string, half a surrogate pair, a type JSON does not know, or a value
            nested more than sixteen deep.
    """
    _check_json(value, 0)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def json_digest(value: Any) -> str:
    """Hex SHA-256 of a JSON value in canonical form."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _check_json(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {key!r} is no string")
            _check_json(item, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_json(item, depth + 1)
    elif value is not None and not isinstance(value, (str, int)):
        raise ValueError(f"{type(value).__name__} has no canonical form: write integers, strings or base64")


def read_bytes(path: Path, max_bytes: int = MAX_DOCUMENT_BYTES) -> bytes:
    """Read an ordinary file; ConsentError if it is missing, a folder or device, too large, or not readable."""
    try:
        # A pipe would block and a device would never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConsentError(f"{path} is no ordinary file: name one")
        with path.open("rb") as stream:
            data = stream.read(max_bytes + 1)
    except FileNotFoundError:
        raise ConsentError(f"{path} does not exist: check the name") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConsentError(f"{path} cannot be read ({reason}): check its permissions") from error
    if len(data) > max_bytes:
        raise ConsentError(f"{path} is larger than {max_bytes} bytes: it is no consent document of effigie")
    return data


def parse_document(data: bytes, kind: str, name: str, newest_version: int = 1) -> dict[str, Any]:
    """Parse a document of unknown origin.

    Args:
        kind: what ``format`` must say.
        name: what messages call it.
        newest_version: highest ``version`` that is understood.

    Raises:
        ConsentError: not canonical JSON, of another kind or a newer version.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_reject_duplicate_keys,
            parse_float=_reject_float,
            parse_constant=_reject_float,
        )
    except (ValueError, RecursionError) as error:
        raise damaged_error(name, f"it is not JSON as effigie writes it: {_first_line(error)}") from error
    if not isinstance(value, dict) or not isinstance(value.get("format"), str):
        raise damaged_error(name, "it does not say what it is")
    if value["format"] != kind:
        raise ConsentError(f"{name} is no {kind.removeprefix('effigie ')}: choose another file")
    version = value.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise damaged_error(name, "it has no version")
    if version > newest_version:
        raise ConsentError(f"{name} is of version {version}, and up to {newest_version} is understood: update effigie")
    try:
        whole = canonical_json(value) + b"\n"
    except ValueError as error:
        raise damaged_error(name, _first_line(error)) from error
    if whole != data:
        raise damaged_error(name, "its bytes are not in canonical form")
    return value


def damaged_error(name: str, reason: str) -> ConsentError:
    """The error of a damaged or edited file."""
    return ConsentError(f"{name} is damaged or was edited ({reason}): ask for the original, or make a new record")


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key is there twice")
    return values


def _reject_float(text: str) -> Any:
    raise ValueError(f"the number {text[:20]} is no integer")


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


def pack_vectors(vectors: np.ndarray) -> str:
    """(N, D) float32 as base64 of its little-endian bytes, row by row."""
    return base64.b64encode(np.ascontiguousarray(vectors, "<f4").tobytes()).decode("ascii")


def unpack_vectors(text: str, width: int) -> np.ndarray:
    """(N, width) float32 that :func:`pack_vectors` packed; ValueError if it is not whole rows."""
    data = unpack_bytes(text)
    if not data or len(data) % (4 * width):
        raise ValueError(f"the vectors are not whole rows of {width}")
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(-1, width)


def unpack_bytes(text: str) -> bytes:
    """The bytes that a base64 string stands for; ValueError for another spelling of the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"no base64: {error}") from None
    # Unused bits at the end may be set in base64; then two texts would stand for the same bytes.
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("base64 with stray bits")
    return data
