"""Tensors in safetensors files, with a SHA-256 digest in the header that detects changed bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

DIGEST_KEY = "effigie.sha256"


def serialize_tensors(tensors: Mapping[str, Tensor | np.ndarray]) -> bytes:
    """Serialize tensors to the bytes of a safetensors file."""
    held = {
        name: torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value.contiguous()
        for name, value in tensors.items()
    }
    return safetensors.torch.save(held, {DIGEST_KEY: compute_digest(held)})


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Load the tensors of a file; one without a digest, as older ones are, is accepted.

    Raises:
        OSError, SafetensorError: it cannot be read, or is no such file.
        ValueError: its bytes have changed since it was written.
    """
    with safe_open(path, "pt") as file:
        written = (file.metadata() or {}).get(DIGEST_KEY)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if written is not None and written != compute_digest(tensors):
        raise ValueError(f"the bytes of {path.name} have changed since it was written")
    return tensors


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """As :func:`load_tensors`, but NumPy arrays."""
    return {name: tensor.numpy() for name, tensor in load_tensors(path).items()}


def compute_digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and bytes: safetensors itself detects a truncated file, but not a changed byte."""
    hasher = hashlib.sha256()
    for name in sorted(tensors):
        hasher.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        if tensors[name].numel():  # nothing has no bytes, and torch no view of them
            hasher.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return hasher.hexdigest()
