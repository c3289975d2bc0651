"""Tensors in files: read with and without torch alike, and never with bytes that have changed."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from effigie.io.tensors import load_arrays, load_tensors, serialize_tensors

TENSORS = {
    "weights": torch.linspace(-1, 1, 12).reshape(3, 4),
    "half": torch.linspace(-1, 1, 5).half(),
    "count": torch.tensor(3),
    "none": torch.zeros(0, 3),
    "mask": torch.tensor([True, False]),
    "bytes": torch.arange(7, dtype=torch.uint8),
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "some.safetensors"
    path.write_bytes(serialize_tensors(TENSORS))
    return path


def test_arrays_are_the_tensors(file):
    arrays = load_arrays(file)
    assert arrays.keys() == TENSORS.keys()
    for name, tensor in load_tensors(file).items():
        assert torch.equal(tensor, TENSORS[name])
        np.testing.assert_array_equal(arrays[name], tensor.numpy(), strict=True)


@pytest.mark.parametrize("load", [load_tensors, load_arrays])
def test_a_changed_byte_is_told(file, load):
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match="have changed since"):
        load(file)


def test_numpy_has_no_bfloat16(tmp_path):
    path = tmp_path / "some.safetensors"
    path.write_bytes(serialize_tensors({"a": torch.ones(2, dtype=torch.bfloat16)}))
    assert load_tensors(path)["a"].dtype == torch.bfloat16
    with pytest.raises(ValueError, match="NumPy has no type"):
        load_arrays(path)


def test_arrays_are_read_without_torch(file):
    program = f"""
import sys
from pathlib import Path
import effigie.heads.inference.animation
from effigie.io.tensors import load_arrays
assert len(load_arrays(Path({str(file)!r}))) == {len(TENSORS)}
print("torch" in sys.modules)
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
