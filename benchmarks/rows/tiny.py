"""Thousands of tiny clips: a few frames of the sample woman's face each, no two alike."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from benchmarks.rows.row import Setting
from effigie.assets import fetch
from effigie.errors import EffigieError
from effigie.faces.detector import ShortRange
from effigie.media import EncodeSettings, Reader, Writer
from effigie.media.clip import ClipInfo, Image
from effigie.progress import Progress

SIDE = 96  # px
REACH = 1.9  # side of the square that is shown, in heights of the face
LARGEST = 0.85  # of the film's height, so that squares can be moved
PLACES = 5  # squares are moved by so many steps each way, so that a stretch of film gives many clips


def tiny_clips(setting: Setting, count: int, frames: int) -> Path:
    """A folder of ``count`` clips of ``frames`` frames, 96 x 96 px, made once; in subfolders of a thousand."""
    folder = setting.work / f"tiny-{frames}"
    clip = fetch("sample_woman")
    with Reader(clip) as reader:
        info = reader.info
        film = [frame.image for frame in reader]
    squares = _squares(film[0])
    starts = len(film) - frames
    if count > starts * len(squares):
        raise EffigieError(f"the sample gives {starts * len(squares)} clips that differ, not {count}")
    for number in range(count):
        output = folder / f"{number // 1000:02d}" / f"tiny-{number:05d}.mp4"
        if output.is_file():
            continue
        if number % 50 == 0:
            setting.cancel.check()
            setting.progress(Progress("make tiny clips", number, count, "clips"))
        top, left, side = squares[number // starts]
        stretch = film[number % starts : number % starts + frames]
        _write(output, info, (picture[top : top + side, left : left + side] for picture in stretch))
    if len(list(folder.rglob("*.mp4"))) != count:
        raise EffigieError(f"{folder} holds another number of clips than {count}: remove it")
    return folder


def _squares(picture: Image) -> list[tuple[int, int, int]]:
    """Top, left and side of squares around the face."""
    found = ShortRange()(picture)
    x0, y0, x1, y1 = max((face.box for face in found), key=lambda box: float(box[3] - box[1]))
    height, width = picture.shape[:2]
    side = int(min(REACH * (y1 - y0), LARGEST * height))
    step = max(1, round(0.02 * side))
    room = PLACES - 1  # steps that the first place leaves above and beside itself
    top = int(np.clip((y0 + y1 - side) / 2, room * step, height - side))
    left = int(np.clip((x0 + x1 - side) / 2, room * step, width - side))
    return [(top - down * step, left - along * step, side) for down, along in np.ndindex(PLACES, PLACES)]


def _write(output: Path, like: ClipInfo, pictures: Iterator[Image]) -> None:
    encode = EncodeSettings(crf=12, preset="ultrafast", keep_audio=False, threads=1)
    with Writer(output, like, encode) as writer:
        for index, picture in enumerate(pictures):
            small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
            writer.write(np.asarray(small), like.clock_origin + Fraction(index, 25), Fraction(1, 25))
