"""Tensors in safetensors files, with a SHA-256 digest in the header that detects changed bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import safe_open

if TYPE_CHECKING:  # arrays are read without torch, which takes a second or two to load
    from torch import Tensor

DIGEST_KEY = "effigie.sha256"


def serialize_tensors(tensors: Mapping[str, Tensor | np.ndarray]) -> bytes:
    """Serialize tensors to the bytes of a safetensors file."""
    import safetensors.torch
    import torch

    contiguous = {
        name: torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value.contiguous()
        for name, value in tensors.items()
    }
    return safetensors.torch.save(contiguous, {DIGEST_KEY: compute_digest(contiguous)})


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Load the tensors of a file; one without a digest, as older ones are, is accepted.

    Raises:
        OSError, SafetensorError: it cannot be read, or is no such file.
        ValueError: its bytes have changed since it was written.
    """
    return _load(path, "pt")


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """As :func:`load_tensors`, but NumPy arrays, and without torch; a ValueError too where one is bfloat16."""
    try:
        return _load(path, "np")
    except TypeError as error:
        raise ValueError(f"{path.name} holds what NumPy has no type for ({error})") from error


def compute_digest(tensors: Mapping[str, Tensor | np.ndarray]) -> str:
    """SHA-256 over names and bytes: safetensors itself detects a truncated file, but not a changed byte."""
    hasher = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        dtype = f"torch.{tensor.dtype}" if isinstance(tensor, np.ndarray) else tensor.dtype
        hasher.update(f"{name} {dtype} {tuple(tensor.shape)}".encode())
        if 0 not in tensor.shape:  # nothing has no bytes, and no view of them
            hasher.update(_to_bytes(tensor))
    return hasher.hexdigest()


def _load(path: Path, framework: str) -> dict[str, Any]:
    with safe_open(path, framework) as file:
        digest = (file.metadata() or {}).get(DIGEST_KEY)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if digest is not None and digest != compute_digest(tensors):
        raise ValueError(f"the bytes of {path.name} have changed since it was written")
    return tensors


def _to_bytes(tensor: Tensor | np.ndarray) -> memoryview:
    if isinstance(tensor, np.ndarray):
        return np.ascontiguousarray(tensor).reshape(-1).view(np.uint8).data
    import torch

    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
