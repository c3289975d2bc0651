"""Writes a sequence of pictures as the footage has them: format, depth, numbers, names, and all else that it says."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from effigie.errors import MediaError, UsageError
from effigie.media.clip import ClipInfo, Image
from effigie.media.config import EncodeSettings
from effigie.media.pictures.exr import LUMA, rewrite_exr
from effigie.media.pictures.exr_header import read_exr_header
from effigie.media.pictures.native_still import to_picture_samples
from effigie.media.pictures.png_chunks import carry_chunks, is_whole
from effigie.media.pictures.sequence import PictureSequence
from effigie.media.pictures.signature import read_kind
from effigie.media.pictures.tiff import write_tiff
from effigie.media.samples.native_picture import NativePicture
from effigie.media.samples.scene_picture import ScenePicture

FrameFormat = Literal["png", "tiff", "exr"]
FRAMES_MANIFEST = "frames.json"
"""Lists and signs files that hold no credentials themselves."""
MANIFEST_NAMES = r"|frames\.(json|c2pa)"
OWN_FORMATS: dict[str, tuple[FrameFormat, tuple[str, ...]]] = {
    "png": ("png", (".png",)),
    "tiff": ("tiff", (".tif", ".tiff")),
    "exr": ("exr", (".exr",)),
}


def choose_frame_format(info: ClipInfo, settings: EncodeSettings) -> FrameFormat | None:
    """The footage's own format, in which its frames are written again; None where they become PNG, numbered anew."""
    if info.sequence is None or settings.frame_files == "png":
        return None
    frame_format, suffixes = OWN_FORMATS.get(info.codec, (None, ()))
    return frame_format if info.sequence.suffix in suffixes else None


def check_frames(sequence: PictureSequence, frame_format: FrameFormat) -> None:
    """See that every file is whole, as far as can be told without decoding it.

    Raises:
        MediaError: one is not, or is of another format.
    """
    for file in sequence.files:
        kind = read_kind(file)
        if kind is not None and {"pages": "tiff"}.get(kind, kind) != frame_format:
            raise MediaError(
                f"{file} is a {kind} and no {frame_format}, unlike its sequence: convert it, or leave it out"
            )
        if frame_format == "exr":
            read_exr_header(file)
        elif kind is None or (frame_format == "png" and not is_whole(_read_end(file))):
            raise MediaError(f"{file} cannot be decoded: it is damaged or cut short; render or copy it again")


class SequenceFiles:
    """Writes frames into a folder under the names of the footage's own files.

    Args:
        temporary: the folder to write.
        info: of the footage.
        notes: gets what cannot be carried over, each sentence once.
    """

    def __init__(self, temporary: Path, info: ClipInfo, frame_format: FrameFormat, notes: list[str]) -> None:
        assert info.sequence is not None
        self._temporary, self._info, self._format, self._notes = temporary, info, frame_format, notes
        self._files = info.sequence.files

    def write(self, picture: Image | NativePicture, time: Fraction, duration: Fraction | None) -> None:
        index = (time - self._info.clock_origin) / self._info.time_base
        if index.denominator != 1 or not 0 <= index < len(self._files):
            raise MediaError(f"no picture of {self._info.path} is shown at {float(time):g} s")
        source = self._files[int(index)]
        self._temporary.mkdir(exist_ok=True)
        path = self._temporary / source.name
        if self._format == "exr":
            notes = rewrite_exr(path, source, self._require_light(picture))
        elif self._format == "tiff":
            notes = write_tiff(path, self._merge_samples(picture, source), source)
        else:
            notes = self._write_png(path, picture, source)
        self._notes += [note for note in notes if note not in self._notes]

    def finalize(self) -> None:
        pass

    def abort(self) -> None:
        """The caller removes the folder."""

    def _require_light(self, picture: Image | NativePicture) -> NDArray[np.float32]:
        if not isinstance(picture, ScenePicture):
            raise UsageError(
                f"frames of {self._info.path} are scene-linear: read them with native=True and write what was read, or "
                'give EncodeSettings(frame_files="png")'
            )
        return picture.light

    def _merge_samples(self, picture: Image | NativePicture, source: Path) -> NDArray[Any]:
        """Samples in the order R G B A; of floats those of the file, but where they were changed."""
        if not isinstance(picture, ScenePicture):
            samples = picture if isinstance(picture, np.ndarray) else to_picture_samples(picture, deep=True, alpha=True)
            if samples.ndim == 2 or isinstance(picture, np.ndarray):
                return samples
            return np.asarray(
                cv2.cvtColor(samples, cv2.COLOR_BGR2RGB if samples.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
            )
        stored = cv2.imdecode(np.frombuffer(source.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        if stored is None:
            raise MediaError(f"{source} cannot be decoded: it is damaged or cut short; copy or export it again")
        light = picture.light
        if stored.ndim == 2:
            gray = light @ LUMA
            changed = (_bits(light) != _bits(np.repeat(stored[..., None], 3, axis=2))).any(axis=2)
            np.copyto(stored, gray.astype(stored.dtype), where=changed)
            return np.asarray(stored)
        order = [2, 1, 0, 3][: stored.shape[2]]
        stored = np.ascontiguousarray(stored[..., order])
        changed = _bits(light) != _bits(stored[..., :3])
        np.copyto(stored[..., :3], light.astype(stored.dtype), where=changed)
        return stored

    def _write_png(self, path: Path, picture: Image | NativePicture, source: Path) -> list[str]:
        if isinstance(picture, np.ndarray):
            samples = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        else:
            samples = to_picture_samples(picture, deep=True, alpha=True)
        is_encoded, data = cv2.imencode(".png", samples)
        if not is_encoded:
            raise MediaError(f"cannot encode {path}")
        png, left = carry_chunks(data.tobytes(), source.read_bytes())
        path.write_bytes(png)
        return [f"of the PNG chunks these were left out: {', '.join(left)}"] if left else []


def _bits(values: NDArray[Any]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(values, np.float32).view(np.uint32)


def _read_end(file: Path) -> bytes:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - 4096))
        return stream.read()
