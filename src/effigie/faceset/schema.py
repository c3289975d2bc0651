"""Arrow schema of a face set: a row is one face in one frame."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from effigie.arrays import AffineMatrix, Embedding, Landmarks
from effigie.errors import FaceSetError
from effigie.faces.landmarker import BLENDSHAPES as BLENDSHAPES

VERSION = 1
LANDMARKS = 478
EMBEDDING = 128

LIST_COLUMNS: dict[str, tuple[int, ...]] = {
    "box": (4,),
    "landmarks": (LANDMARKS, 3),
    "blendshapes": (len(BLENDSHAPES),),
    "pose": (3,),
    "matrix": (2, 3),
    "embedding": (EMBEDDING,),
}
SCALAR_COLUMNS = {
    "clip": pa.string(),
    "frame": pa.int64(),
    "time_num": pa.int64(),
    "time_den": pa.int64(),
    "track": pa.int64(),
    "sharpness": pa.float64(),
    "confidence": pa.float64(),
}
COLUMNS = ("clip", "frame", "time_num", "time_den", "track", *LIST_COLUMNS, "sharpness", "confidence", "crop")


@dataclass(frozen=True, slots=True, eq=False)
class FaceRecord:
    """One face in one frame."""

    clip: str  # name of its source in the face set
    frame: int  # index of the frame in the clip, from 0; for a folder of stills, index of the picture
    time: Fraction  # presentation time in seconds, exact
    track: int  # the face followed over frames, unique within the clip
    box: np.ndarray  # (4,) float32 x0 y0 x1 y1, px in the frame
    landmarks: Landmarks  # (478, 3) float32, px in the frame, z in the same scale
    blendshapes: np.ndarray  # (52,) float32 in 0..1, in the order of BLENDSHAPES
    pose: np.ndarray  # (3,) float32 yaw, pitch, roll in degrees
    matrix: AffineMatrix  # (2, 3) float32, takes px in the frame to px in the crop
    embedding: Embedding  # (128,) float32 unit identity embedding of its track; zeros where there is none
    sharpness: float  # variance of the Laplacian of the grey crop
    confidence: float  # presence score, 0..1
    crop: bytes  # JPEG bytes, crop_size x crop_size


def picture_name(clip: str, frame: int, track: int) -> str:
    """File name of one face's crop; sorts by clip, frame, track. Clip names hold no dot, so it parses."""
    return f"{clip}.f{frame:07d}.t{track:02d}.jpg"


def schema(crop_size: int) -> pa.Schema:
    """The Arrow schema of a part, with version, crop size, Hugging Face features."""
    types = SCALAR_COLUMNS | {name: pa.list_(pa.float32(), _length(name)) for name in LIST_COLUMNS}
    types["crop"] = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    metadata = {
        "effigie.version": str(VERSION),
        "effigie.crop_size": str(crop_size),
        "huggingface": json.dumps({"info": {"features": _hugging_face_features()}}),
    }
    return pa.schema([pa.field(name, types[name]) for name in COLUMNS], metadata=metadata)


def to_table(records: Sequence[FaceRecord], crop_size: int) -> pa.Table:
    """Convert records to an Arrow table."""
    arrays: dict[str, pa.Array] = {}
    for name in ("clip", "frame", "track", "sharpness", "confidence"):
        arrays[name] = pa.array([getattr(record, name) for record in records], SCALAR_COLUMNS[name])
    try:
        for name, part in (("time_num", "numerator"), ("time_den", "denominator")):
            arrays[name] = pa.array([getattr(record.time, part) for record in records], SCALAR_COLUMNS[name])
    except OverflowError as error:
        raise FaceSetError(f"a frame of {records[0].clip} has a time beyond 64 bits: {error}") from error
    for name in LIST_COLUMNS:
        arrays[name] = list_array(name, [getattr(record, name) for record in records])
    names = [picture_name(record.clip, record.frame, record.track) for record in records]
    arrays["crop"] = crop_array(pa.array([record.crop for record in records], pa.binary()), names)
    return pa.Table.from_arrays([arrays[name] for name in COLUMNS], schema=schema(crop_size))


def to_records(table: pa.Table) -> list[FaceRecord]:
    """Convert a table that holds every column to records."""
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in SCALAR_COLUMNS}
    columns |= {name: list_values(name, table[name]) for name in LIST_COLUMNS}
    columns["crop"] = crop_bytes(table).to_pylist()
    columns["time"] = list(map(Fraction, columns.pop("time_num"), columns.pop("time_den")))
    return [FaceRecord(**{name: values[row] for name, values in columns.items()}) for row in range(table.num_rows)]


def list_array(name: str, values: Sequence[np.ndarray] | np.ndarray) -> pa.Array:
    """Rows of the list column ``name`` as an Arrow array, shapes checked."""
    shape = LIST_COLUMNS[name]
    for value in values:
        if np.shape(value) != shape:
            raise FaceSetError(f"{name} has shape {np.shape(value)}, a face set holds {shape}")
    flat = np.asarray(values, np.float32).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float32()), _length(name))


def list_values(name: str, column: pa.ChunkedArray) -> np.ndarray:
    """A list column as an array (N, *shape) float32, writable."""
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.array(flat, np.float32).reshape(-1, *LIST_COLUMNS[name])


def crop_array(crops: pa.Array, names: Sequence[str]) -> pa.Array:
    """The struct that the Hugging Face ``datasets`` library shows as a picture."""
    return pa.StructArray.from_arrays([crops, pa.array(names, pa.string())], names=["bytes", "path"])


def crop_bytes(table: pa.Table) -> pa.Array:
    """JPEG bytes of the crops of a table."""
    return table["crop"].combine_chunks().field("bytes")


def leaf_paths(columns: Iterable[str]) -> list[str]:
    """The Parquet leaf paths of columns."""
    paths = []
    for name in columns:
        if name == "crop":
            paths += ["crop.bytes", "crop.path"]
        else:
            paths.append(f"{name}.list.element" if name in LIST_COLUMNS else name)
    return paths


def _length(name: str) -> int:
    return int(np.prod(LIST_COLUMNS[name]))


def _hugging_face_features() -> dict[str, Any]:
    features: dict[str, Any] = {"crop": {"_type": "Image"}}
    for name, dtype in SCALAR_COLUMNS.items():
        # Arrow calls its float64 "double".
        features[name] = {"dtype": str(dtype).replace("double", "float64"), "_type": "Value"}
    for name in LIST_COLUMNS:
        value = {"dtype": "float32", "_type": "Value"}
        features[name] = {"feature": value, "length": _length(name), "_type": "Sequence"}
    return {name: features[name] for name in COLUMNS}
