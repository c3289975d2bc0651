"""`effigie.animate`: animates a portrait with the motion of a driver."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.consent.gate import ConsentLike
from effigie.errors import UsageError
from effigie.execution.pipeline import BackgroundConsumer, ordered_map, shared_cores
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.driver import DriverReading
from effigie.heads.inference.landmark_source import Direction, LandmarkSource
from effigie.heads.inference.output_plan import build_clip_info, plan_animation, plan_speech, plan_template
from effigie.heads.inference.speech import SpeechReading, read_speech
from effigie.heads.inference.subject import AnimationSubject, load_subject
from effigie.heads.motion.control_template import ControlTemplate, load_template
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.template import is_template
from effigie.heads.warp.scene import PortraitWarp, WarpedPortrait
from effigie.io.locks import with_output_lock
from effigie.media.sound.track import SoundStream
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count, ignore_progress
from effigie.provenance.signed_writer import SignedWriter
from effigie.provenance.watermark import Anchor, measure_anchor
from effigie.speech.whisper import ASSETS as WHISPER_ASSETS


@dataclass
class AnimateReport:
    """The result of an animation.

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


@with_output_lock("output")
def animate(
    portrait: str | Path,
    driver: str | Path | None,
    output: str | Path,
    settings: AnimateSettings | None = None,
    *,
    speech: str | Path | None = None,
    template: str | Path | ControlTemplate | None = None,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> AnimateReport:
    """Let a portrait move and speak as a driver does, or say what a sound says.

    The frames have the driver's exact times, and its sound is carried over. With ``speech`` the mouth follows that
    sound, which is the output's, and the frames are as many as it is long: of the driver, if there is one, come head,
    eyes and rate. With ``template`` the face shows what that says in absolute values, by itself or over the other two.
    The output appears under its name only when it is whole.

    Args:
        portrait: a picture, clip or face set of the person to be shown, or their model made by
            :func:`effigie.heads.tune`.
        driver: a clip of whoever moves, or a motion template; None where ``speech`` or ``template`` is all.
        output: ``.mp4``, ``.mov`` or ``.mkv``, or a folder for PNG frames.
        speech: a sound or video file in which somebody speaks.
        template: a control template, or its file.
        consent: records (files or ids) of the person in the portrait; None looks for one in the store.
        purpose: what the output is for, where a record is limited to one purpose.

    Raises:
        RefusedError: no valid consent of the person in the portrait, or portrait or driver are intimate.
        MediaError: a file cannot be read or shows no face; a broken template. Nothing is written then.
        UsageError: several faces and none chosen; the output is an input.
        CancelledError: asked to stop; nothing is left under the output's name.
    """
    settings, cancel = settings or AnimateSettings(), cancel or CancelToken()
    if driver is None and speech is None and template is None:
        raise UsageError("nothing moves the portrait: name a driver's clip, a sound with speech, or a template")
    portrait, output = Path(portrait), Path(output)
    controls = template if isinstance(template, ControlTemplate) or template is None else load_template(template)
    driver, speech = (None if path is None else Path(path) for path in (driver, speech))
    files = (portrait, driver, speech, None if isinstance(template, ControlTemplate) else template)
    for path in (None if file is None else Path(file) for file in files):
        if path is not None and output.exists() and path.exists() and output.samefile(path):
            raise UsageError(f"{output} is an input itself: choose another name for the output")
    if driver is None and speech is None and settings.save_motion is not None:
        raise UsageError("save_motion keeps a driver's motion, or a sound's: a control template is a file already")
    # What would fail after the last frame fails here, before anything is read.
    if speech is not None:
        plan_speech(portrait, speech, output, settings)
    elif driver is None:
        assert controls is not None
        plan_template(portrait, controls, output, settings)
    elif not is_template(driver):  # of whose clip nothing is known yet
        plan_animation(portrait, driver, output, settings)
    fetch_assets(REQUIRED_ASSETS if speech is None else (*REQUIRED_ASSETS, *WHISPER_ASSETS), progress)
    seconds: defaultdict[str, float] = defaultdict(float)
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        driver_reading: DriverReading | None = None
        if driver is not None:
            driver_settings = settings if speech is None else replace(settings, max_frames=None, save_motion=None)
            driver_reading = stack.enter_context(DriverReading(driver, driver_settings, cancel))
        reading: DriverReading | SpeechReading | None = driver_reading
        if speech is not None:
            reading = stack.enter_context(SpeechReading(speech, driver_reading, settings, cancel))
        # While the driver is read and the networks load.
        subject = load_subject(portrait, settings, consent, purpose, progress, cancel)
        warp = build_warp(subject, settings)
        _ = subject.model  # what is wrong with it is said before the driver is waited for
        seconds["portrait"] = time.perf_counter() - start
        result = None if reading is None else reading.result(progress)
    motion, notes = (result, ()) if result is None or isinstance(result, Motion) else (result.motion, result.notes)
    direction = Direction(subject, motion, controls, settings, warp, cancel)
    seconds["driver"] = time.perf_counter() - start - seconds["portrait"]
    report = _Animation(subject, warp, direction, output, settings, seconds, progress, cancel, speech).run()
    report.notes += notes
    report.seconds = time.perf_counter() - start
    return report


def build_warp(subject: AnimationSubject, settings: AnimateSettings) -> PortraitWarp:
    """The warp of the person's portrait."""
    # A crop may show too little around the head to tell it from the background.
    still_background = True if settings.paste == "portrait" else None
    return PortraitWarp(subject.portrait.image, subject.portrait.landmarks, still_background=still_background)


class _Animation:
    """One animation: its subject, its motion, and the seconds each stage took."""

    def __init__(
        self,
        subject: AnimationSubject,
        warp: PortraitWarp,
        direction: Direction,
        output: Path,
        settings: AnimateSettings,
        seconds: defaultdict[str, float],
        progress: ProgressCallback,
        cancel: CancelToken,
        speech: Path | None = None,
    ) -> None:
        self._speech = speech
        self._subject, self._warp, self._direction, self._settings = subject, warp, direction, settings
        self._motion = motion = direction.motion
        self._progress, self._cancel, self._seconds = progress, cancel, seconds
        self._count = min(settings.max_frames or len(motion), len(motion))
        self._report = AnimateReport(output, neutral=motion.neutral_frame)

    def run(self) -> AnimateReport:
        """Warp, render and write, overlapping."""
        report, motion, settings = self._report, self._motion, self._settings
        clip_info = build_clip_info(motion, self._subject, self._settings.footage)
        # Start and end of the sound that goes with the first frames, s; None for all of it.
        audio_range = None
        if self._count < len(motion):
            audio_range = clip_info.clock_origin, motion.times[self._count]
        with shared_cores(), contextlib.ExitStack() as stack:
            outgoing = stack.enter_context(
                SignedWriter(
                    report.output,
                    clip_info,
                    self._subject.permit,
                    "animate",
                    self._subject.model.sha256,
                    settings.trust,
                    settings.encode,
                    audio_range,
                    source_path=self._subject.path,
                    made_sound=self._open_sound(),
                )
            )
            out = stack.enter_context(BackgroundConsumer(partial(self._write, outgoing)))
            if settings.renderer == "network":
                # Warping, rendering and writing share the cores: more threads for one would only wait for the others.
                from effigie.training.device import choose_device, configure_backend

                stack.enter_context(configure_backend(choose_device(settings.device), 1))
            start = time.perf_counter()
            source = self._direction.source
            self._seconds["response"] = time.perf_counter() - start
            renderer = self._subject.model.build_renderer(self._direction.motion)
            frames = self._list_targets(source)
            results = stack.enter_context(ordered_map(partial(_warp_frame, self._warp), frames))
            for index, portrait, landmarks, seconds in results:
                self._cancel.check()
                self._seconds["scene"] += seconds
                start = time.perf_counter()
                rendered_frame = renderer(portrait, landmarks, index)
                self._seconds["paint"] += time.perf_counter() - start
                out.put((index, *rendered_frame, measure_anchor(landmarks)))
                report.frames += 1
                report.held += not motion.present[index]
                self._progress(Progress("animate", report.frames, self._count, "frames"))
        report.notes = [*self._subject.portrait.notes, *outgoing.notes, *self._collect_notes()]
        report.stages = {**self._seconds, "trust": outgoing.seconds}
        report.output_id = outgoing.output_id
        return report

    def _open_sound(self) -> SoundStream | None:
        """What is said, up to the last frame's end; read while frames are written."""
        if self._speech is None or not self._settings.encode.keep_audio:
            return None
        motion = self._motion
        end = motion.times[self._count] if self._count < len(motion) else None
        return read_speech(self._speech, None if end is None else float(end), self._cancel)

    def _list_targets(self, source: LandmarkSource) -> Iterator[tuple[int, np.ndarray]]:
        """Every frame's number, and the portrait's (478, 3) landmarks in it."""
        for index in range(self._count):
            start = time.perf_counter()
            landmarks = source(index)
            self._seconds["retarget"] += time.perf_counter() - start
            yield index, landmarks

    def _write(self, outgoing: SignedWriter, item: tuple[int, np.ndarray, np.ndarray, Anchor]) -> None:
        index, picture, mask, anchor = item
        start, signing_seconds = time.perf_counter(), outgoing.seconds
        outgoing.write(picture, mask, self._motion.times[index], self._motion.durations[index], anchors=[anchor])
        self._seconds["encode"] += time.perf_counter() - start - (outgoing.seconds - signing_seconds)

    def _collect_notes(self) -> Iterator[str]:
        motion, report = self._motion, self._report
        if report.held:
            yield (
                f"the driver was out of sight in {report.held} of {format_count(report.frames, 'frame')}: "
                "the portrait held still"
            )
        if motion.sha256 and motion.clip is None and self._settings.encode.keep_audio:
            yield "there is no sound: the clip that the template was made of is not there any more"


def _warp_frame(warp: PortraitWarp, target: tuple[int, np.ndarray]) -> tuple[int, WarpedPortrait, np.ndarray, float]:
    """A frame's number, the portrait warped to its landmarks, these, and the seconds spent."""
    index, landmarks = target
    start = time.perf_counter()
    return index, warp.render(landmarks), landmarks, time.perf_counter() - start
