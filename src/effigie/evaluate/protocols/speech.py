"""Measures mouths made from sound against those of the people who spoke, each by a model that never saw them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from effigie.errors import MediaError, UsageError
from effigie.evaluate.metrics import spoken_mouth as metrics
from effigie.evaluate.report.speech_table import ClipScores, SpeechScores
from effigie.heads.motion.motion import Motion, read_motion
from effigie.heads.motion.template import is_template, load_motion
from effigie.heads.speech.checkpoint import load_mouth
from effigie.heads.speech.dataset import SpokenClip, read_spoken_clip
from effigie.heads.speech.inference.mouth import predict_mouth
from effigie.heads.speech.inference.shapes import SpokenShapes
from effigie.heads.speech.network import MouthModel
from effigie.heads.speech.trainer import train_mouth
from effigie.progress import CancelToken, Progress, ProgressCallback, ignore_progress


@dataclass(frozen=True)
class Talker:
    """Who speaks in a clip, and by how many seconds its sound is later than its picture."""

    person: str
    sound_late_s: float = 0.0


def evaluate_speech(
    clips: Sequence[str | Path],
    talkers: Mapping[str, Talker] | None = None,
    *,
    motions: Path | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> SpeechScores:
    """Measure the mouth that follows from each clip's sound.

    Args:
        clips: of one person each, with sound.
        talkers: by file name; with them every person is measured by a model trained on all others. None takes the
            model that ships, for people it was not trained on.
        motions: a folder in which motions are kept as templates, so that they are read once.

    Raises:
        MediaError: a clip cannot be read, shows no face or has no sound.
        UsageError: a clip's talker is not named, or there is one talker only.
        CancelledError: asked to stop.
    """
    cancel = cancel or CancelToken()
    spoken_clips = []
    for count, path in enumerate(map(Path, clips)):
        talker = Talker(path.stem) if talkers is None else talkers.get(path.name)
        if talker is None:
            raise UsageError(f"who speaks in {path.name} is not said: add a line for it to the table of talkers")
        motion = _read_motion(path, motions, cancel)
        spoken_clips.append(read_spoken_clip(path, talker.person, motion, talker.sound_late_s))
        progress(Progress("read", count + 1, len(clips), "clips"))
    if talkers is None:
        shipped = load_mouth()
        models = {clip.person: shipped for clip in spoken_clips}
    else:
        if len({clip.person for clip in spoken_clips}) < 2:
            raise UsageError("leaving a talker out needs two or more: add clips of other people")
        models = train_mouth(spoken_clips, progress=progress, cancel=cancel).left_out
    scores = []
    for count, clip in enumerate(spoken_clips):
        scores.append(measure_clip(clip, models[clip.person], cancel))
        progress(Progress("measure", count + 1, len(spoken_clips), "clips"))
    return SpeechScores(tuple(scores))


def measure_clip(clip: SpokenClip, model: MouthModel, cancel: CancelToken | None = None) -> ClipScores:
    """The scores of one clip, made as an animation would make it."""
    track = predict_mouth([clip.samples / clip.loudness.gain], clip.loudness, clip.times, model, cancel=cancel)
    shapes = np.asarray(SpokenShapes(model, track, None))
    output, own = metrics.measure_mouth(shapes), metrics.measure_mouth(clip.unposed)
    step_s = float(np.median(np.diff(clip.times)))
    closures = metrics.find_closures(own[:, 0], clip.audible, step_s)
    quiet = track.activity == 0
    return ClipScores(
        name=clip.name,
        person=clip.person,
        pictures=len(clip.times),
        correlations=tuple(metrics.correlate(output, own).tolist()),
        sizes=tuple(metrics.measure_size(output, own).tolist()),
        closures=len(closures),
        shut=int(metrics.share_shut(output[:, 0], closures, step_s).sum()),
        wrongly_shut=metrics.share_wrongly_shut(output[:, 0], own[:, 0], clip.audible),
        onset_ms=metrics.measure_onset(output[:, 0], own[:, 0], clip.times, clip.loudness.phrases()[0][0]),
        lag_s=metrics.find_lag(output[:, 0], own[:, 0], step_s),
        shake=metrics.measure_shake(output[:, 0], own[:, 0]),
        quiet_cm=float(np.ptp(output[quiet], axis=0).max()) if quiet.any() else float("nan"),
    )


def read_talkers(table: Path) -> dict[str, Talker]:
    """Talkers by file name, from a table with tabs and the columns ``file``, ``person`` and maybe ``sound_late_s``.

    Raises:
        MediaError: it cannot be read.
        UsageError: a column is missing or no number.
    """
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        return {row["file"]: Talker(row["person"], float(row.get("sound_late_s") or 0)) for row in rows}
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{table} cannot be read: {error}") from error
    except (KeyError, ValueError) as error:
        raise UsageError(f"{table} needs the columns file and person, with tabs between: {error}") from error


def _read_motion(clip: Path, folder: Path | None, cancel: CancelToken) -> Motion:
    if folder is None:
        return read_motion(clip, cancel=cancel)
    template = folder / f"{clip.stem}.motion"
    if is_template(template):
        return load_motion(template)
    from effigie.heads.motion.template import save_motion

    motion = read_motion(clip, cancel=cancel)
    save_motion(motion, template)
    return motion
