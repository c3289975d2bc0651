"""`effigie.animate`: a portrait and a driver in, a video of the portrait that moves as the driver does."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from effigie.assets import REQUIRED, fetch_all
from effigie.consent.gate import ConsentLike, check_footage
from effigie.errors import UsageError
from effigie.execution.pipeline import Behind, several, shared_cores
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.subject import Sitter, seat
from effigie.heads.motion.motion import Motion, read_motion
from effigie.heads.motion.retarget import Retargeter
from effigie.heads.motion.template import is_template, load_motion, save_motion
from effigie.heads.warp.scene import Rendered, Scene
from effigie.io.locks import one_writer
from effigie.media import ClipInfo, probe
from effigie.media.color import for_rgb
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.provenance.signed_writer import Outgoing

QUICK = 300  # frames of the driver that are looked at for a quick look at a few


@dataclass
class AnimateReport:
    """What an animation did.

    Attributes:
        output: the video written.
        output_id: 12 hex digits by which mark, credentials and ledger know the output.
        frames: written.
        held: frames in which the driver was out of sight; the portrait held still in them.
        neutral: index of the driver's frame that motion was measured from.
        seconds: wall time from the first look at the portrait to the finished file.
        stages: seconds of each stage; they overlap, so their sum may exceed ``seconds``.
        notes: what to expect of a difficult portrait, and what could not be carried over.
    """

    output: Path
    output_id: str = ""
    frames: int = 0
    held: int = 0
    neutral: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@one_writer("output")
def animate(
    portrait: str | Path,
    driver: str | Path,
    output: str | Path,
    settings: AnimateSettings | None = None,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> AnimateReport:
    """Let a portrait move and speak as a driver does.

    The frames have the driver's exact times, and its sound is carried over. The output appears under its name only
    when it is whole.

    Args:
        portrait: a picture, clip or face set of the person to be shown, or their model made by
            :func:`effigie.heads.tune`.
        driver: a clip of whoever moves, or a motion template.
        output: ``.mp4``, ``.mov`` or ``.mkv``, or a folder for PNG frames.
        consent: records (files or ids) of the person in the portrait; None looks for one in the store.
        project: what the output is for, where a record is limited to a project.

    Raises:
        RefusedError: no valid consent of the person in the portrait, or portrait or driver are intimate.
        MediaError: a file cannot be read or shows no face; a broken template. Nothing is written then.
        UsageError: several faces and none chosen; the output is an input.
        Cancelled: asked to stop; nothing is left under the output's name.
    """
    settings, cancel = settings or AnimateSettings(), cancel or Cancel()
    portrait, driver, output = Path(portrait), Path(driver), Path(output)
    for path in (portrait, driver):
        if output.exists() and path.exists() and output.samefile(path):
            raise UsageError(f"{output} is an input itself: choose another name for the output")
    fetch_all(REQUIRED, progress)
    seconds: defaultdict[str, float] = defaultdict(float)
    begun = time.perf_counter()
    sitter = seat(portrait, settings, consent=consent, project=project, progress=progress, cancel=cancel)
    seconds["portrait"] = time.perf_counter() - begun
    motion = _driven(driver, settings, progress, cancel)
    seconds["driver"] = time.perf_counter() - begun - seconds["portrait"]
    report = _Animation(sitter, motion, output, settings, seconds, progress, cancel).run()
    report.seconds = time.perf_counter() - begun
    return report


def _driven(driver: Path, settings: AnimateSettings, progress: ProgressCallback, cancel: Cancel) -> Motion:
    """The driver's motion; what a clip shows is looked at meanwhile, and nothing is made before both are done."""
    if is_template(driver):
        motion = load_motion(driver)
        if settings.neutral is not None:
            motion = motion.with_neutral(settings.neutral)
    else:
        probe(driver)
        few = None
        if settings.stop_after is not None and settings.save_motion is None:
            # One more than is shown, whose time says where the sound ends; enough to find a calm one among.
            few = max(settings.stop_after + 1, QUICK, (settings.neutral or 0) + 1)
        with ThreadPoolExecutor(1) as beside:
            harmless = beside.submit(check_footage, driver, cancel=cancel)
            motion = read_motion(
                driver,
                settings.driver_who,
                neutral=settings.neutral,
                stop_after=few,
                progress=progress,
                cancel=cancel,
            )
            harmless.result()
    if settings.save_motion is not None:
        save_motion(motion, settings.save_motion)
    return motion


class _Animation:
    """The state of one animation: what is shown, how it moves, and where the time went."""

    def __init__(
        self,
        sitter: Sitter,
        motion: Motion,
        output: Path,
        settings: AnimateSettings,
        seconds: defaultdict[str, float],
        progress: ProgressCallback,
        cancel: Cancel,
    ) -> None:
        self._sitter, self._motion, self._settings = sitter, motion, settings
        self._progress, self._cancel, self._seconds = progress, cancel, seconds
        self._count = min(settings.stop_after or len(motion), len(motion))
        self._report = AnimateReport(output, neutral=motion.neutral)

    def run(self) -> AnimateReport:
        """Bend, paint and write, overlapping."""
        report, motion, count = self._report, self._motion, self._count
        like = clock_of(motion, self._sitter)
        with contextlib.ExitStack() as stack:
            outgoing = stack.enter_context(
                Outgoing(
                    report.output,
                    like,
                    self._sitter.permit,
                    "animate",
                    self._sitter.model_hash,
                    self._settings.trust,
                    self._settings.encode,
                    self._span(like),
                    shows=self._sitter.path,
                )
            )
            out = stack.enter_context(Behind(self._timed_write(outgoing)))
            if self._settings.paint == "network":
                # Bending, painting and writing share the cores: more threads for one would only wait for the others.
                from effigie.training.device import choose_device, tuned

                stack.enter_context(tuned(choose_device(self._settings.device), 1))
            painter = self._sitter.painter(motion)
            stack.enter_context(shared_cores())
            bent = stack.enter_context(several(self._bender(), self._placed()))
            for index, rendered, landmarks, seconds in bent:
                self._cancel.check()
                self._seconds["scene"] += seconds
                begun = time.perf_counter()
                painted = painter(rendered, landmarks, index)
                self._seconds["paint"] += time.perf_counter() - begun
                out.put((index, *painted))
                report.frames += 1
                report.held += not motion.present[index]
                self._progress(Progress("animate", report.frames, count, "frames"))
        report.notes = [*self._sitter.portrait.notes, *outgoing.notes, *self._said()]
        report.stages = {**self._seconds, "trust": outgoing.seconds}
        report.output_id = outgoing.output_id
        return report

    def _placed(self) -> Iterator[tuple[int, np.ndarray]]:
        """Every frame's number, and (478, 3) where the portrait's landmarks go."""
        portrait = self._sitter.portrait
        height, width = portrait.image.shape[:2]
        retarget = Retargeter(portrait.landmarks, self._motion, self._settings.controls, (width, height))
        for index in range(self._count):
            begun = time.perf_counter()
            landmarks = retarget(index)
            self._seconds["retarget"] += time.perf_counter() - begun
            yield index, landmarks

    def _bender(self) -> Callable[[tuple[int, np.ndarray]], tuple[int, Rendered, np.ndarray, float]]:
        """Bends the portrait to landmarks and says how long it took; its frames do not depend on each other."""
        portrait = self._sitter.portrait
        still = self._settings.paste == "portrait"
        scene = Scene(portrait.image, portrait.landmarks, still_background=still)

        def bend(placed: tuple[int, np.ndarray]) -> tuple[int, Rendered, np.ndarray, float]:
            index, landmarks = placed
            begun = time.perf_counter()
            rendered = scene.render(landmarks)
            return index, rendered, landmarks, time.perf_counter() - begun

        return bend

    def _timed_write(self, outgoing: Outgoing) -> Callable[[tuple[int, np.ndarray, np.ndarray]], None]:
        def write(item: tuple[int, np.ndarray, np.ndarray]) -> None:
            index, picture, mask = item
            begun, traced = time.perf_counter(), outgoing.seconds
            outgoing.write(picture, mask, self._motion.times[index], self._motion.durations[index])
            self._seconds["encode"] += time.perf_counter() - begun - (outgoing.seconds - traced)

        return write

    def _span(self, like: ClipInfo) -> tuple[Fraction, Fraction] | None:
        """What part of the sound goes with the first frames; None for all of it."""
        if self._count == len(self._motion):
            return None
        return like.clock_origin, self._motion.times[self._count]

    def _said(self) -> list[str]:
        motion, report = self._motion, self._report
        notes = []
        if report.held:
            notes.append(
                f"the driver was out of sight in {report.held} of {report.frames} frames: "
                "the portrait held still"
            )
        if motion.sha256 and motion.clip is None and self._settings.encode.keep_audio:
            notes.append("there is no sound: the clip that the template was made of is not there any more")
        return notes


def clock_of(motion: Motion, sitter: Sitter) -> ClipInfo:
    """What the output is like: the driver's clock and sound, the portrait's size and colours."""
    height, width = sitter.portrait.image.shape[:2]
    shown_as: dict[str, Any] = {
        "width": width,
        "height": height,
        "rotation": 0,
        "pixel_aspect": Fraction(1),
        "pixel_format": "rgb24",
        "color": for_rgb(height),
    }
    if motion.clip is not None:
        return replace(probe(motion.clip), **shown_as)
    return ClipInfo(
        path=sitter.path,
        kind="sequence",
        rate=motion.rate,
        frames=len(motion),
        duration=None,
        time_base=motion.time_base,
        clock_origin=motion.clock_origin,
        codec="none",
        **shown_as,
    )
