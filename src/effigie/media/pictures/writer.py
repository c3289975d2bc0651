"""Writes pictures: one file, or a folder of numbered PNG files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2

from effigie.errors import MediaError
from effigie.media.clip import Image
from effigie.media.pictures.native_still import to_picture_samples
from effigie.media.samples.native_picture import NativePicture

STILL_SUFFIXES = (".png", ".jpg", ".jpeg")
JPEG_QUALITY = 95


class PictureFiles:
    """Writes one picture, or numbered PNG files into a folder; each is complete at once.

    Args:
        temporary: the file or folder to write.
        path: its name later, for messages.
    """

    def __init__(self, temporary: Path, path: Path, folder: bool) -> None:
        self._temporary, self._path, self._folder = temporary, path, folder
        self._count = 0

    def write(self, picture: Image | NativePicture, time: Fraction, duration: Fraction | None) -> None:
        if self._folder:
            self._temporary.mkdir(exist_ok=True)
            path = self._temporary / f"{self._count:06d}.png"
        elif self._count:
            raise MediaError(f"{self._path} holds one picture: give a name without suffix for a folder, or .mp4")
        else:
            path = self._temporary
        write_still(path, picture)
        self._count += 1

    def finalize(self) -> None:
        pass

    def abort(self) -> None:
        """The caller removes the file or folder."""


def note_picture_losses(path: Path, folder: bool, picture: NativePicture, notes: list[str]) -> None:
    """Add to ``notes`` what a picture file cannot hold of a picture as decoded, each sentence once."""
    jpeg = not folder and _is_jpeg(path)
    kind = "JPEG" if jpeg else "PNG"
    losses = []
    if picture.layout.model == "yuv" and picture.exceeds_white():
        losses.append(f"what is brighter than white was cut off because {kind} holds RGB: --codec ffv1 (.mkv) keeps it")
    if picture.is_hdr:
        losses.append(f"the pictures are in the clip's HDR transfer, {picture.color.transfer}, and do not say so")
    if not picture.has_square_pixels:
        losses.append(f"pictures have the clip's own pixels, which are not square, and {kind} files do not say so")
    if jpeg and picture.layout.bits > 8:
        losses.append(f"{picture.layout.bits}-bit pictures were written with 8 bits because JPEG holds no more")
    if jpeg and picture.is_transparent():
        losses.append("what is transparent was laid over black because JPEG holds no transparency")
    notes += [note for note in losses if note not in notes]


def write_still(path: Path, picture: Image | NativePicture) -> None:
    """Write a picture to ``path``, PNG or JPEG by its suffix: (H, W, 3) uint8 RGB, or one as decoded."""
    jpeg = _is_jpeg(path)
    # OpenCV's own PNG setting: 4.7 ms a 640x480 frame; any level asked for takes 12 ms and saves a quarter.
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if jpeg else []
    if isinstance(picture, NativePicture):
        samples = to_picture_samples(picture, deep=not jpeg, alpha=not jpeg)
    else:
        samples = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    is_encoded, data = cv2.imencode(path.suffix.lower(), samples, options)
    if not is_encoded:
        raise MediaError(f"cannot encode {path}")
    path.write_bytes(data.tobytes())


def _is_jpeg(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg")
