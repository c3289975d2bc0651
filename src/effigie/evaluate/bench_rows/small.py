"""The smallest of everything: clips of a second, face sets, a model and a portrait, for rows that ask what breaks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from effigie.assets import ASSETS, fetch
from effigie.evaluate.bench_rows.material import cut
from effigie.media import Reader
from effigie.media.writer import save_still
from effigie.progress import Cancel, ProgressCallback, silent

FRAMES = 24
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


def small(work: Path, progress: ProgressCallback = silent, cancel: Cancel | None = None) -> Small:
    """Make what is not there yet; within :func:`own_home`."""
    import effigie
    from effigie.swap import SwapSettings, train
    from effigie.trust import new_consent

    work.mkdir(parents=True, exist_ok=True)
    samples = ("sample_woman", "sample_man")
    clips = [cut(fetch(name), work / f"{name}.mp4", 0, FRAMES) for name in samples]
    faces = [work / f"{name}.faces" for name in samples]
    for clip, path in zip(clips, faces, strict=True):
        effigie.extract([clip], path, progress=progress, cancel=cancel)
    record, portrait, model = work / "consent.json", work / "portrait.png", work / "model"
    if not record.is_file():
        basis = ASSETS["sample_woman"].licence
        new_consent("the woman of the samples", clips[:1], ("swap", "animate"), basis=basis).save(record)
    if not portrait.is_file():
        with Reader(clips[0], stop=1) as reader:
            save_still(portrait, next(iter(reader)).image)
    settings = SwapSettings(steps=2, **QUICK)  # type: ignore[arg-type]
    train(faces[0], faces[1], model, settings, consent=record, progress=progress, cancel=cancel)
    return Small((clips[0], clips[1]), (faces[0], faces[1]), record, portrait, model)
