"""Reads the weights of an ONNX file, quantized ones as floating point, without any package for ONNX."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from effigie.io.protobuf import decode_varint, iterate_fields, iterate_submessages

# Field numbers of onnx.proto.
_MODEL_GRAPH, _GRAPH_NODE, _GRAPH_INITIALIZER = 7, 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_KIND = 1, 2, 3, 4
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_SMALL, _TENSOR_NAME, _TENSOR_BYTES = 1, 2, 4, 5, 8, 9
_TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 10: np.float16}


@dataclass(frozen=True)
class Node:
    """One operation of a graph."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class OnnxGraph:
    """Operations and constants of a file."""

    nodes: list[Node] = field(default_factory=list)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def dequantize(self, name: str, zero_point: str | None = None) -> np.ndarray:
        """The constant ``name`` as float32; one that ends in _quantized by its scale and zero point.

        Args:
            zero_point: name of the zero point where it is shared with other constants.
        """
        value = self.constants[name]
        if not name.endswith("_quantized"):
            return value.astype(np.float32)
        stem = name.removesuffix("_quantized")
        scale, zero = self.constants[f"{stem}_scale"], self.constants.get(zero_point or f"{stem}_zero_point")
        offset = np.float32(0) if zero is None else zero.astype(np.float32)
        if scale.ndim and scale.size == value.shape[0] and scale.size != value.shape[-1]:
            shape = (-1,) + (1,) * (value.ndim - 1)  # of each direction of an LSTM
            scale, offset = scale.reshape(shape), offset.reshape(shape) if np.ndim(offset) else offset
        return ((value.astype(np.float32) - offset) * scale).astype(np.float32)


def read_onnx(path: Path) -> OnnxGraph:
    """Read a file's graph.

    Raises:
        ValueError: it is no ONNX file, or is damaged.
    """
    try:
        graph = next(iterate_submessages(path.read_bytes(), _MODEL_GRAPH))
        nodes = [_read_node(message) for message in iterate_submessages(graph, _GRAPH_NODE)]
        constants = dict(_read_tensor(message) for message in iterate_submessages(graph, _GRAPH_INITIALIZER))
    except (StopIteration, IndexError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is no ONNX file, or damaged ({error})") from error
    return OnnxGraph(nodes, constants)


def _read_node(message: bytes) -> Node:
    texts: dict[int, list[str]] = {_NODE_INPUT: [], _NODE_OUTPUT: [], _NODE_NAME: [], _NODE_KIND: []}
    for number, value, _ in iterate_fields(message):
        if number in texts and isinstance(value, bytes):
            texts[number].append(value.decode())
    name, kind = (texts[number][0] if texts[number] else "" for number in (_NODE_NAME, _NODE_KIND))
    return Node(name, kind, tuple(texts[_NODE_INPUT]), tuple(texts[_NODE_OUTPUT]))


def _read_tensor(message: bytes) -> tuple[str, np.ndarray]:
    name, kind, data = "", 0, b""
    shape: list[int] = []
    small: list[int] = []  # integers of up to 32 bits, where they are written one by one
    for number, value, _ in iterate_fields(message):
        if number == _TENSOR_NAME and isinstance(value, bytes):
            name = value.decode()
        elif number == _TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number in (_TENSOR_BYTES, _TENSOR_FLOATS) and isinstance(value, bytes):
            data += value
        elif number == _TENSOR_SHAPE:
            shape += _read_integers(value)
        elif number == _TENSOR_SMALL:
            small += _read_integers(value)
    if kind in _TYPES and small:
        whole = np.array([one - (1 << 64) if one >> 63 else one for one in small], np.int64)
        return name, whole.astype(_TYPES[kind]).reshape(shape)
    if kind not in _TYPES or not data:
        return name, np.zeros(0, np.float32)  # kinds that hold no weights
    return name, np.frombuffer(data, _TYPES[kind]).reshape(shape)


def _read_integers(value: int | bytes) -> list[int]:
    if isinstance(value, int):
        return [value]
    numbers, position = [], 0
    while position < len(value):
        number, position = decode_varint(value, position)
        numbers.append(number)
    return numbers
