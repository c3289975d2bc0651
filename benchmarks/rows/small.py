"""The smallest of everything: clips of a second, face sets, a model and a portrait, for rows that ask what breaks."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.rows.cuts import cut
from effigie.assets import ASSETS, fetch
from effigie.media import EncodeSettings, Reader, Writer
from effigie.media.writer import save_still
from effigie.progress import Cancel, ProgressCallback, silent

FRAMES = 24
SMALLER = EncodeSettings(crf=8, keep_audio=False)
QUICK = {"batch": 2, "precision": "fp32", "bank": 12}
"""Settings of :class:`effigie.swap.SwapSettings` with which a step takes little."""


@dataclass(frozen=True)
class Small:
    """Where everything lies.

    Attributes:
        clips: the woman, who consents to everything, and the man.
        faces: their face sets.
        consent: the woman's record.
        portrait: a picture of her.
        model: a swap of the woman into the man's footage, two steps old.
    """

    clips: tuple[Path, Path]
    faces: tuple[Path, Path]
    consent: Path
    portrait: Path
    model: Path


class Kept:
    """What has been found so far, a line of JSON each, so that a row that was stopped goes on.

    Attributes:
        found: key -> value.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: dict[str, Any] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):  # the last one may have been cut off
                    key, value = json.loads(line)
                    self.found[key] = value

    def add(self, key: str, value: Any) -> None:
        """Keep what was found."""
        self.found[key] = value
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([key, value]) + "\n")


@contextlib.contextmanager
def own_home(folder: Path) -> Iterator[None]:
    """Keys, records and ledger lie in ``folder`` meanwhile, apart from those of whoever runs the bench."""
    before = os.environ.get("EFFIGIE_HOME")
    os.environ["EFFIGIE_HOME"] = str(folder.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ["EFFIGIE_HOME"]
        else:
            os.environ["EFFIGIE_HOME"] = before


def shrunk(clip: Path, output: Path, start: int, stop: int) -> None:
    """Some frames of a clip at half its size, without sound; made once."""
    if output.is_file():
        return
    with Reader(clip, start, stop) as reader, Writer(output, reader.info, SMALLER) as writer:
        for frame in reader:
            half = cv2.resize(frame.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            writer.write(np.asarray(half, np.uint8), frame.time, frame.duration)


def small(work: Path, progress: ProgressCallback = silent, cancel: Cancel | None = None) -> Small:
    """Make what is not there yet; within :func:`own_home`."""
    import effigie
    from effigie.consent import new_consent
    from effigie.swap import SwapSettings, train

    work.mkdir(parents=True, exist_ok=True)
    samples = ("sample_woman", "sample_man")
    clips = [cut(fetch(name), work / f"{name}.mp4", 0, FRAMES) for name in samples]
    faces = [work / f"{name}.faces" for name in samples]
    for clip, path in zip(clips, faces, strict=True):
        effigie.extract([clip], path, progress=progress, cancel=cancel)
    record, portrait, model = work / "consent.json", work / "portrait.png", work / "model"
    if not record.is_file():
        basis = ASSETS["sample_woman"].license
        new_consent("the woman of the samples", clips[:1], ("swap", "animate"), basis=basis).save(record)
    if not portrait.is_file():
        with Reader(clips[0], stop=1) as reader:
            save_still(portrait, next(iter(reader)).image)
    settings = SwapSettings(steps=2, **QUICK)  # type: ignore[arg-type]
    train(faces[0], faces[1], model, settings, consent=record, progress=progress, cancel=cancel)
    return Small((clips[0], clips[1]), (faces[0], faces[1]), record, portrait, model)
