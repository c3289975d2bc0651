"""The verbs that are killed: how each is run small, and what must hold after a kill and after the run that follows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rows.small import QUICK, Small
from effigie.errors import EffigieError, ModelError
from effigie.media import EncodeSettings

FRAMES = 6
TOLERANCE = 3.0  # of 255, mean: two outputs differ by their invisible marks, which are of different ids
BEFORE, AFTER = 2, 4  # steps that a model has, and that it is to have


@dataclass(frozen=True)
class Verb:
    """A verb in a folder of its own.

    Attributes:
        begin: puts there what the run begins with.
        run: the call; the same again is the resume.
        killed: after a kill, raises AssertionError where something that is visible is not whole; gives what was
            finished, which must still be there at the end.
        done: after the resume, raises AssertionError where the result is not that of the reference, or what was
            finished had to be done again.
    """

    begin: Callable[[Small, Path], None]
    run: Callable[[Small, Path], Any]
    killed: Callable[[Path], dict[str, Any]]
    done: Callable[[Path, Path, dict[str, Any]], None]


def _nothing(things: Small, folder: Path) -> None:
    """An empty folder."""


# --- extract ---


def _extract(things: Small, folder: Path) -> None:
    import effigie
    from effigie.extraction import ExtractSettings

    clips = sorted((things.model.parent / "kill-clips").glob("*.mp4"))
    effigie.extract(clips, folder / "faces", ExtractSettings(size=256, workers=1))


def _extract_killed(folder: Path) -> dict[str, Any]:
    from effigie.faceset import FaceSet
    from effigie.faceset.part_file import PartFile

    faces = folder / "faces"
    parts = sorted(faces.glob("part-*.parquet"))
    for path in parts:
        part = PartFile.open(path)
        part.read(range(len(part.starts) - 1))
    if (faces / "faceset.json").exists():
        found = FaceSet.open(faces, allow_empty=True)
        assert len(found.sources) == len(parts), "a finished clip is not listed"
    return {path.name: path.stat().st_mtime_ns for path in parts}


def _extract_done(folder: Path, reference: Path, finished: dict[str, Any]) -> None:
    from effigie.faceset import FaceSet

    now = {path.name: path.stat().st_mtime_ns for path in (folder / "faces").glob("part-*.parquet")}
    assert all(now.get(name) == when for name, when in finished.items()), "a finished clip was done again"
    ours, theirs = (FaceSet.open(place / "faces") for place in (folder, reference))
    assert list(ours.sources) == list(theirs.sources), "clips are missing"
    mine, wanted = ours.load(), theirs.load()
    for name in ("frame", "track", "landmarks", "embedding", "matrix"):
        assert np.array_equal(mine[name], wanted[name]), f"{name} differs from an extraction without a kill"
    assert all(np.array_equal(mine.crop(row), wanted.crop(row)) for row in range(0, len(mine), 5)), (
        "crops differ"
    )


# --- train ---


def _train_begin(things: Small, folder: Path) -> None:
    """A model that has been trained before: what a kill must not take away."""

    def copy(source: str, target: str) -> str:
        if source.endswith(".safetensors"):  # large, and replaced as a whole or not at all
            os.link(source, target)
            return target
        return str(shutil.copy2(source, target))

    shutil.copytree(things.model, folder / "model", copy_function=copy)


def _train(things: Small, folder: Path) -> None:
    from effigie.swap import SwapSettings, train

    settings = SwapSettings(steps=AFTER, **QUICK)  # type: ignore[arg-type]
    train(*things.faces, folder / "model", settings, consent=things.consent)


def _train_killed(folder: Path) -> dict[str, Any]:
    from effigie.swap import load_swap
    from effigie.training.checkpoint import Checkpoints

    newest = Checkpoints(folder / "model" / "training").newest()
    assert newest is not None and not newest.notes, "no whole checkpoint, or a torn one"
    assert newest.snapshot.step >= BEFORE, "steps are lost"
    load_swap(folder / "model")
    return {"step": newest.snapshot.step}


def _train_done(folder: Path, reference: Path, finished: dict[str, Any]) -> None:
    from effigie.swap import load_swap
    from effigie.training.checkpoint import Checkpoints

    newest = Checkpoints(folder / "model" / "training").newest()
    assert newest is not None and newest.snapshot.step == AFTER, "it did not come to its end"
    load_swap(folder / "model")
    _same_weights(folder, reference, "model/swap.safetensors")


def _same_weights(folder: Path, reference: Path, name: str) -> None:
    from safetensors.numpy import load_file

    ours, theirs = load_file(folder / name), load_file(reference / name)
    assert all(np.array_equal(ours[key], theirs[key]) for key in theirs), (
        "weights differ from those without a kill"
    )


# --- tune ---


def _tune(things: Small, folder: Path) -> None:
    from effigie.heads.finetune.trainer import TuneSettings, tune

    settings = TuneSettings(shots=1, steps=2, batch=2, content="none", precision="fp32")
    tune(None, things.portrait, folder / "person", settings, consent=things.consent)


def _tune_killed(folder: Path) -> dict[str, Any]:
    from effigie.heads.person_checkpoint import load_person

    try:
        load_person(folder / "person")
    except ModelError as error:
        unfinished = "not tuned to the end" in str(error) or "not a model" in str(error)
        assert unfinished, f"half a person is called {error}"
        return {}
    return {"when": (folder / "person" / "manifest.json").stat().st_mtime_ns}


def _tune_done(folder: Path, reference: Path, finished: dict[str, Any]) -> None:
    from effigie.heads.person_checkpoint import load_person

    load_person(folder / "person")
    _same_weights(folder, reference, "person/generator.safetensors")


# --- convert and animate ---


def _older_output(things: Small, folder: Path) -> None:
    """In every second folder lies an output of yesterday, which must stay until the new one is whole."""
    if int(folder.name.rsplit("-", 1)[-1]) % 2:
        (folder / "out.mp4").write_bytes(b"an output of yesterday")


def _convert(things: Small, folder: Path) -> None:
    from effigie.swap import ConvertSettings, convert

    clip = things.model.parent / "kill-clips" / "man.mp4"
    encode = EncodeSettings(preset="ultrafast", threads=1)
    convert(things.model, clip, folder / "out.mp4", ConvertSettings(encode=encode))


def _animate(things: Small, folder: Path) -> None:
    from effigie.heads.config import AnimateSettings
    from effigie.heads.inference.animation import animate

    clip = things.model.parent / "kill-clips" / "man.mp4"
    settings = AnimateSettings(size=160, encode=EncodeSettings(preset="ultrafast", threads=1))
    animate(things.portrait, clip, folder / "out.mp4", settings, consent=things.consent)


def _output_killed(folder: Path) -> dict[str, Any]:
    path = folder / "out.mp4"
    if not path.exists():
        older = int(folder.name.rsplit("-", 1)[-1]) % 2
        assert not older, "the older output is gone"
        return {}
    if path.read_bytes() != b"an output of yesterday":
        _whole(path)
    return {}


def _whole(path: Path) -> list[np.ndarray]:
    """The frames of an output, with its traces."""
    from effigie.media import Reader
    from effigie.provenance.c2pa.credentials import read_credentials

    with Reader(path) as reader:
        frames = [frame.image for frame in reader]
    assert len(frames) == FRAMES and not reader.damaged, f"{len(frames)} frames"
    credentials = read_credentials(path)
    assert credentials.ours and credentials.state != "broken", f"credentials are {credentials.state}"
    return frames


def _output_done(folder: Path, reference: Path, finished: dict[str, Any]) -> None:
    from effigie.provenance.ledger.ledger import Ledger

    ours, theirs = _whole(folder / "out.mp4"), _whole(reference / "out.mp4")
    for mine, wanted in zip(ours, theirs, strict=True):
        away = float(np.abs(mine.astype(int) - wanted.astype(int)).mean())
        assert away < TOLERANCE, f"a frame differs by {away:.1f} of 255"
    try:
        names = [entry.name for entry in Ledger(folder / "home" / "ledger.sqlite").entries()]
    except EffigieError as error:
        raise AssertionError(str(error)) from error
    assert "out.mp4" in names, "the ledger does not know the output"
    assert (folder / "out.mp4.notice.txt").is_file(), "the notice is missing"


EXTRACT = Verb(_nothing, _extract, _extract_killed, _extract_done)
TRAIN = Verb(_train_begin, _train, _train_killed, _train_done)
TUNE = Verb(_nothing, _tune, _tune_killed, _tune_done)
CONVERT = Verb(_older_output, _convert, _output_killed, _output_done)
ANIMATE = replace(CONVERT, run=_animate)

VERBS = {"extract": EXTRACT, "train": TRAIN, "tune": TUNE, "convert": CONVERT, "animate": ANIMATE}
