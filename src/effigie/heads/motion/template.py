"""Motion templates: a driver's motion as one Parquet file, small, without any picture of the driver."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from effigie._version import __version__
from effigie.errors import MediaError, UsageError
from effigie.faces.landmarker import BLENDSHAPES, LANDMARK_COUNT
from effigie.heads.motion.motion import Motion
from effigie.io.atomic_write import atomic_write, sha256

FORMAT = "effigie motion"
VERSION = 1
LANDMARK_UNIT_CM = 0.001  # of stored landmarks: a fiftieth of what the landmark network trembles by
BLENDSHAPE_UNIT = 1 / 60000
MAGIC = b"PAR1"
MAX_FRAMES = 1_000_000  # frames; eleven hours, more than memory holds

LIST_COLUMNS: dict[str, tuple[pa.DataType, tuple[int, ...]]] = {
    "rotation": (pa.float64(), (3, 3)),
    "translation": (pa.float64(), (3,)),
    "unposed": (pa.int16(), (LANDMARK_COUNT, 3)),
    "blendshapes": (pa.uint16(), (len(BLENDSHAPES),)),
}
SCHEMA = pa.schema(
    [
        pa.field("time_num", pa.int64(), nullable=False),
        pa.field("time_den", pa.int64(), nullable=False),
        pa.field("duration_num", pa.int64()),
        pa.field("duration_den", pa.int64()),
        pa.field("present", pa.bool_(), nullable=False),
        pa.field("scale", pa.float64(), nullable=False),
        *(
            pa.field(name, pa.list_(kind, int(np.prod(shape))), nullable=False)
            for name, (kind, shape) in LIST_COLUMNS.items()
        ),
    ]
)


def is_template(path: str | Path) -> bool:
    """Whether a file is Parquet, by its first bytes, or says so by its name."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(MAGIC)) == MAGIC or path.suffix.lower() in (".parquet", ".motion")


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write a template, whole or not at all; about 3 KB a frame. Landmarks are rounded to 0.001 cm.

    Raises:
        UsageError: the motion is a change from what is none of its frames.
        EffigieError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    if motion.own_rest is not None:
        raise UsageError(
            "a driver whose mouth follows sound is no template: keep that of the driver or of the sound alone"
        )
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "effigie": __version__,
        "neutral": motion.neutral_frame,
        "rate": motion.rate or "",
        "width": motion.size[0],
        "height": motion.size[1],
        "time_base": motion.time_base,
        "clock_origin": motion.clock_origin,
        "clip": motion.clip or "",
        "sha256": motion.sha256,
    }
    schema = SCHEMA.with_metadata({f"effigie.{key}": str(value) for key, value in metadata.items()})
    durations = motion.durations
    columns = {
        "time_num": [time.numerator for time in motion.times],
        "time_den": [time.denominator for time in motion.times],
        "duration_num": [None if one is None else one.numerator for one in durations],
        "duration_den": [None if one is None else one.denominator for one in durations],
        "present": motion.present,
        "scale": motion.scale,
        "rotation": motion.rotation,
        "translation": motion.translation,
        "unposed": np.clip(np.rint(np.asarray(motion.unposed) / LANDMARK_UNIT_CM), -32767, 32767).astype(np.int16),
        "blendshapes": np.rint(np.clip(motion.blendshapes, 0, 1) / BLENDSHAPE_UNIT).astype(np.uint16),
    }
    arrays = [
        pa.FixedSizeListArray.from_arrays(
            pa.array(np.ascontiguousarray(columns[field.name]).ravel(), field.type.value_type), type=field.type
        )
        if field.name in LIST_COLUMNS
        else pa.array(columns[field.name], field.type)
        for field in schema
    ]
    with atomic_write(path) as temporary:
        pq.write_table(
            pa.Table.from_arrays(arrays, schema=schema),
            temporary,
            compression="zstd",
            write_page_checksum=True,
            row_group_size=1024,
        )


def load_motion(path: str | Path) -> Motion:
    """Read a template.

    The driver's clip, for its sound, is found under the name it had or beside the template, and only with the very
    bytes that were measured; else ``clip`` is None.

    Raises:
        MediaError: missing, damaged, no template, or of a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise MediaError(f"{path} does not exist: name a clip of the driver, or a template")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = _read_metadata(path, file.schema_arrow.metadata or {})
            if not 0 < file.metadata.num_rows <= MAX_FRAMES:
                raise ValueError(f"{file.metadata.num_rows} frames")
            if not file.schema_arrow.equals(SCHEMA):
                raise ValueError("other columns than those of a template")
            table = file.read()
        motion = _build_motion(table, metadata)
        _check_motion(motion)
        clip = _find_clip(metadata["clip"], metadata["sha256"], path)
    except MediaError:
        raise
    except (OSError, pa.ArrowException, ValueError, KeyError, ArithmeticError, TypeError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise MediaError(
            f"damaged motion template {path} ({reason[0]}): make it again from the driver's clip with --save-motion"
        ) from error
    return Motion(**{**motion.__dict__, "clip": clip})


def _read_metadata(path: Path, metadata: dict[bytes, bytes]) -> dict[str, str]:
    """The metadata of the footer, as strings; refuses what is no template or a newer one."""
    prefix = b"effigie."
    values = {key[len(prefix) :].decode(): value.decode() for key, value in metadata.items() if key.startswith(prefix)}
    if values.get("format") != FORMAT:
        raise MediaError(f"{path} is no motion template: name a clip of the driver, or what --save-motion wrote")
    if (version := int(values["version"])) > VERSION:
        raise MediaError(
            f"{path} is a motion template of version {version}, this effigie reads up to {VERSION}: update effigie"
        )
    return values


def _build_motion(table: pa.Table, metadata: dict[str, str]) -> Motion:
    values = {name: _read_array(table, name, shape) for name, (_, shape) in LIST_COLUMNS.items()}
    columns = {name: table[name].to_pylist() for name in SCHEMA.names[:4]}
    return Motion(
        times=tuple(map(Fraction, columns["time_num"], columns["time_den"])),
        durations=tuple(
            None if top is None or bottom is None else Fraction(top, bottom)
            for top, bottom in zip(columns["duration_num"], columns["duration_den"], strict=True)
        ),
        present=table["present"].to_numpy().astype(bool),
        rotation=values["rotation"].astype(np.float64),
        scale=table["scale"].to_numpy().astype(np.float64),
        translation=values["translation"].astype(np.float64),
        unposed=(values["unposed"] * LANDMARK_UNIT_CM).astype(np.float32),
        blendshapes=(values["blendshapes"] * BLENDSHAPE_UNIT).astype(np.float32),
        neutral_frame=int(metadata["neutral"]),
        rate=Fraction(metadata["rate"]) if metadata["rate"] else None,
        size=(int(metadata["width"]), int(metadata["height"])),
        time_base=Fraction(metadata["time_base"]),
        clock_origin=Fraction(metadata["clock_origin"]),
        sha256=metadata["sha256"],
    )


def _read_array(table: pa.Table, name: str, shape: tuple[int, ...]) -> np.ndarray:
    values = table[name].combine_chunks()
    if values.null_count or values.flatten().null_count:
        raise ValueError(f"{name} has holes")
    return np.asarray(values.flatten().to_numpy()).reshape(table.num_rows, *shape)


def _check_motion(motion: Motion) -> None:
    """Refuse values that no picture can be made of."""
    turns = motion.rotation
    checks: dict[str, Callable[[], bool]] = {
        "times do not ascend": lambda: all(a < b for a, b in zip(motion.times, motion.times[1:], strict=False)),
        "a scale is not above 0": lambda: bool((np.isfinite(motion.scale) & (motion.scale > 0)).all()),
        "a place is not finite": lambda: bool(np.isfinite(motion.translation).all()),
        "a rotation is none": lambda: (
            bool(np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-3))
            and bool((np.linalg.det(turns) > 0).all())
        ),
        "a picture has no size": lambda: min(motion.size) > 0,
        "the clock does not tick": lambda: motion.time_base > 0 and (motion.rate is None or motion.rate > 0),
    }
    for fault, holds in checks.items():
        if not holds():
            raise ValueError(fault)


def _find_clip(name: str, digest: str, template: Path) -> Path | None:
    """The driver's clip, if it is still there with the same bytes."""
    if not name or not digest:
        return None
    for path in (Path(name), template.parent / Path(name).name):
        if path.is_file() and sha256(path) == digest:
            return path
    return None
