"""Tensors in safetensors files, with a digest in the header: a changed byte is damage, not another face."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import safe_open
from torch import Tensor

KEY = "effigie.sha256"


def pack(tensors: Mapping[str, Tensor | np.ndarray]) -> bytes:
    """The bytes of a file of these tensors."""
    held = {
        name: torch.from_numpy(np.ascontiguousarray(value))
        if isinstance(value, np.ndarray)
        else value.contiguous()
        for name, value in tensors.items()
    }
    return safetensors.torch.save(held, {KEY: digest(held)})


def unpack(path: Path) -> dict[str, Tensor]:
    """The tensors in a file; one without a digest, as older ones are, is taken as it is.

    Raises:
        OSError, SafetensorError: it cannot be read, or is no such file.
        ValueError: its bytes have changed since it was written.
    """
    with safe_open(path, "pt") as file:
        written = (file.metadata() or {}).get(KEY)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if written is not None and written != digest(tensors):
        raise ValueError(f"the bytes of {path.name} have changed since it was written")
    return tensors


def unpack_arrays(path: Path) -> dict[str, np.ndarray]:
    """As :func:`unpack`, as arrays."""
    return {name: tensor.numpy() for name, tensor in unpack(path).items()}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names and bytes: safetensors itself notices a cut file, but not a changed byte."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        if tensors[name].numel():  # nothing has no bytes, and torch no view of them
            digest.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
