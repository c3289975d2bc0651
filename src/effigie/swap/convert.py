"""`effigie.convert`: a model, or several, and a clip in, the swapped clip out."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from effigie.assets import REQUIRED, fetch_all
from effigie.compose import Compositor
from effigie.errors import MediaError, UsageError
from effigie.faces.analyse import Analysed, analyse
from effigie.faces.track import Tracker
from effigie.media import EncodeSettings, Frame, Reader, Writer
from effigie.occlusion.mask import Visibility
from effigie.progress import Cancel, Progress, ProgressCallback, silent
from effigie.scale.overlap import Ahead, Behind, one_opencv_thread
from effigie.swap.cast import Part, Role, check_distinct, roles
from effigie.swap.model import load_model
from effigie.swap.paint import Paint
from effigie.swap.pick import Picker, Wanted
from effigie.swap.settings import ConvertSettings
from effigie.swap.shots import Shot, Shots
from effigie.swap.swapper import Swapper
from effigie.training import choose_device, choose_precision
from effigie.trust.gate import ConsentLike, check_footage, together
from effigie.trust.outgoing import Outgoing


@dataclass
class ConvertReport:
    """What a conversion did.

    Attributes:
        output: the clip written.
        frames: read and written.
        swapped: frames in which a face was replaced; the others went through untouched.
        each: of each model, by its folder, the frames in which its person's face was replaced.
        seconds: wall time of the frames, loading excluded.
        stages: seconds of each stage; they overlap, so their sum may exceed ``seconds``.
        notes: what could not be carried over untouched.
        output_id: 12 hex digits by which mark, credentials and ledger know the output.
    """

    output: Path
    output_id: str = ""
    frames: int = 0
    swapped: int = 0
    each: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def convert_clip(
    model: str | Path | Role | Sequence[str | Path | Role],
    clip: str | Path,
    output: str | Path,
    settings: ConvertSettings | None = None,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> ConvertReport:
    """Put the model's source face into a clip of its target; with several models, everybody's at once.

    Frames without the target go through untouched, as do all pixels outside the face. Sound, subtitles and exact
    times are carried over. The output appears under its name only when it is whole.

    Args:
        model: a folder made by :func:`effigie.swap.train`, or several, each for the person it was trained on; a
            :class:`effigie.swap.Role` says by number whom it plays.
        clip: the target's footage.
        output: ``.mp4``, ``.mov`` or ``.mkv``, or a folder for PNG frames.
        consent: records (files or ids) instead of those the model was trained with.
        project: what the output is for, where a record is limited to a project.

    Raises:
        RefusedError: no valid consent for the face that would be shown, or the footage is intimate.
        ModelError: the model cannot be used.
        MediaError: the clip cannot be read, or the target is nowhere in it (nothing is written then).
        UsageError: the paint-over mask is not of the clip's size, length or times (nothing is written then).
        Cancelled: asked to stop; nothing is left under the output's name.
    """
    settings = settings or ConvertSettings()
    cancel = cancel or Cancel()
    clip, output, cast = Path(clip), Path(output), roles(model)
    if settings.who is not None:
        if len(cast) > 1 or cast[0].who is not None:
            raise UsageError("who is for one model; of several, say it of each: --map NUMBER=MODEL")
        cast = [Role(cast[0].model, settings.who)]
    if output.exists() and clip.exists() and output.samefile(clip):
        raise UsageError(f"{output} is the input itself: choose another name for the output")
    fetch_all(REQUIRED, progress)
    device = choose_device(settings.device)
    precision = choose_precision("auto", device)
    models = [load_model(role.model, str(device), consent=consent, project=project) for role in cast]
    check_distinct(cast, models)
    check_footage(clip, cancel=cancel)
    with Reader(clip) as reader:
        rate = float(reader.info.rate or 25)
        parts = [
            Part(
                role,
                one,
                Swapper(one, device, precision, rate),
                Compositor(settings.compose),
                Visibility(device=device),
            )
            for role, one in zip(cast, models, strict=True)
        ]
        with contextlib.ExitStack() as stack:
            paint = None
            if settings.paint is not None:
                paint = stack.enter_context(Paint(settings.paint, reader.info, settings.stop_after))
            return _Conversion(parts, reader, output, settings, paint, progress, cancel).run()


class _Conversion:
    """The state of one conversion: who is being swapped, and where the time went."""

    def __init__(
        self,
        parts: list[Part],
        reader: Reader,
        output: Path,
        settings: ConvertSettings,
        paint: Paint | None,
        progress: ProgressCallback,
        cancel: Cancel,
    ) -> None:
        self._parts, self._reader, self._settings, self._paint = parts, reader, settings, paint
        self._progress, self._cancel = progress, cancel
        self._rate = float(reader.info.rate or 25)
        self._picker = Picker([Wanted(part.model.target.embedding, part.role.who) for part in parts])
        self._tracker = Tracker()
        self._shots = Shots(settings.shots)
        self._shot: Shot | None = None
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._report = ConvertReport(output)

    def run(self) -> ConvertReport:
        """Read, analyse, swap and write, overlapping."""
        settings, report = self._settings, self._report
        info = self._reader.info
        total = (
            info.frames if settings.stop_after is None else min(settings.stop_after, info.frames or 1 << 60)
        )
        begun = time.perf_counter()
        with contextlib.ExitStack() as stack:
            outgoing = stack.enter_context(
                Outgoing(
                    report.output,
                    info,
                    together([part.model.permit for part in self._parts]),
                    "convert",
                    ",".join(hash_ for part in self._parts if (hash_ := part.model.manifest_sha256)) or None,
                    settings.trust,
                    settings.encode,
                    self._span(),
                )
            )
            masks = None
            if settings.masks is not None:
                masks = stack.enter_context(Writer(settings.masks, info, EncodeSettings(codec="png")))
            out = stack.enter_context(Behind(self._timed_write(outgoing, masks)))
            stack.enter_context(one_opencv_thread())
            analysed = stack.enter_context(Ahead(analyse(self._frames(), self._tracker, rate=self._rate)))
            for item in analysed:
                self._cancel.check()
                picture, mask = self._swap(item)
                out.put((picture, mask, item.frame.time, item.frame.duration))
                report.frames += 1
                note = f"{report.swapped} swapped"
                self._progress(Progress("convert", report.frames, total, "frames", note))
            if self._paint is not None:
                self._paint.finish()
            if not report.swapped:
                raise MediaError(self._nobody())
        self._progress(
            Progress("convert", report.frames, report.frames, "frames", f"{report.swapped} swapped")
        )
        report.seconds = time.perf_counter() - begun
        for part in self._parts:
            report.each[str(part.role.model)] = part.swapped
            for stage, spent in part.swapper.seconds.items():
                self._seconds[stage] += spent
        report.notes = [*self._reader.notes, *outgoing.notes, *self._absent()]
        report.stages = {**self._seconds, "trust": outgoing.seconds}
        report.output_id = outgoing.output_id
        return report

    def _frames(self) -> Iterator[Frame]:
        frames = itertools.islice(iter(self._reader), self._settings.stop_after)
        while True:
            begun = time.perf_counter()
            frame = next(frames, None)
            self._seconds["decode"] += time.perf_counter() - begun
            if frame is None:
                return
            # The rest of the generator's round trip is the analysis of this frame.
            begun = time.perf_counter()
            yield frame
            self._seconds["landmarks"] += time.perf_counter() - begun

    def _swap(self, item: Analysed[Frame]) -> tuple[np.ndarray, np.ndarray | None]:
        self._enter(self._shots(item.frame.index))
        begun = time.perf_counter()
        faces = self._picker(item.frame.image, item.faces)
        self._seconds["identity"] += time.perf_counter() - begun
        picture, mask = item.frame.image, None
        paint = None if self._paint is None else self._paint(item.frame)
        for part, face in zip(self._parts, faces, strict=True):
            face = None if self._left_alone(part) else face
            part.follow(face)
            if face is None:
                continue
            made = part.swapper(item.frame.image, face)
            begun = time.perf_counter()
            visible = None
            if part.compositor.settings.occlusion == "on":
                visible = part.visibility(item.frame.image, face, made.mask.shape[0])
            self._seconds["occlusion"] += time.perf_counter() - begun
            begun = time.perf_counter()
            picture, own = part.compositor.compose_masked(
                picture, made.picture, made.mask, made.matrix, item.frame.time, visible, paint
            )
            mask = own if mask is None else np.maximum(mask, own)
            self._seconds["compose"] += time.perf_counter() - begun
            part.swapped += 1
        self._report.swapped += mask is not None
        return picture, mask

    def _enter(self, shot: Shot | None) -> None:
        """From here on the settings of a shot hold, or the clip's own."""
        if shot == self._shot:
            return
        self._shot = shot
        compose = self._settings.compose if shot is None or shot.compose is None else shot.compose
        for part in self._parts:
            part.follow(None)
            part.compositor = Compositor(compose)

    def _left_alone(self, part: Part) -> bool:
        shot = self._shot
        return shot is not None and (shot.skip or str(part.role.model) in shot.without)

    def _timed_write(
        self, outgoing: Outgoing, masks: Writer | None
    ) -> Callable[[tuple[np.ndarray, np.ndarray | None, Fraction, Fraction | None]], None]:
        def write(item: tuple[np.ndarray, np.ndarray | None, Fraction, Fraction | None]) -> None:
            picture, mask, moment, duration = item
            begun, traced = time.perf_counter(), outgoing.seconds
            label = outgoing.write(picture, mask, moment, duration)
            self._seconds["encode"] += time.perf_counter() - begun - (outgoing.seconds - traced)
            if masks is not None:
                grey = np.zeros(picture.shape[:2], np.uint8) if mask is None else mask.copy()
                if label is not None:
                    grey[label] = 255
                masks.write(np.repeat(grey[..., None], 3, axis=2), moment, duration)

        return write

    def _span(self) -> tuple[Fraction, Fraction] | None:
        """What part of the sound goes with the first frames; None for all of it."""
        info, count = self._reader.info, self._settings.stop_after
        if count is None or info.rate is None or (info.frames or 0) <= count:
            return None
        return info.clock_origin, info.clock_origin + count / info.rate

    def _absent(self) -> list[str]:
        """A sentence for each model whose person was not there."""
        return [
            f"{part.role.model}: {self._missing(number)}"
            for number, part in enumerate(self._parts)
            if not part.swapped
        ]

    def _nobody(self) -> str:
        return f"{self._missing(0)}; nothing written"

    def _missing(self, number: int) -> str:
        name, who = self._reader.path, self._parts[number].role.who
        by_number = "--who" if len(self._parts) == 1 else "--map NUMBER=MODEL"
        if not self._picker.most:
            return f"{name} shows no face: nothing to swap"
        if who is not None:
            return (
                f"{name} never shows {who + 1} faces at once, at most {self._picker.most}: choose a smaller number "
                f"with {by_number}"
            )
        return (
            f"nobody in {name} is the person this model was trained on (best likeness "
            f"{self._picker.best_seen[number]:.2f}): choose a face with {by_number}, 0 being the largest"
        )
