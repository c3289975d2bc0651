"""One conversion as it runs: frames are read, measured, swapped and written, the stages overlapping."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from effigie.consent.gate import together
from effigie.errors import MediaError
from effigie.execution import available_cores
from effigie.execution.pipeline import Ahead, Behind, shared_cores
from effigie.faces.analyzer import Analyzed, Face, analyze
from effigie.faces.tracker import Tracker
from effigie.media import EncodeSettings, Frame, Reader, Writer
from effigie.progress import Cancel, Progress, ProgressCallback
from effigie.provenance.signed_writer import Outgoing
from effigie.swap.config import ConvertSettings
from effigie.swap.inference.cast import Part
from effigie.swap.inference.compositing import Finish
from effigie.swap.inference.mask_clip import Paint
from effigie.swap.inference.person_matcher import Picker, Wanted
from effigie.swap.inference.shots import Shot, Shots
from effigie.swap.inference.swapper import MadeFace, Sketch
from effigie.training.device import tuned


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


AT_ONCE = 4  # frames whose faces a network makes in one go: for 8.4 ms each, not 12.2, at tiny on one core

_Sketched = tuple[Part, Finish, Face, Sketch]
_Placed = tuple[Finish, Face, MadeFace]
_Taken = tuple[Frame, np.ndarray | None, list[_Sketched]]
"""A frame, what is painted over it, and the faces to be made in it."""
_Composed = tuple[Frame, np.ndarray | None, list[_Placed]]
_Written = tuple[np.ndarray, np.ndarray | None, Fraction, Fraction | None]
"""Picture, mask, time, duration."""


class Conversion:
    """The state of one conversion: who is being swapped, and where the time went."""

    def __init__(
        self,
        parts: list[Part],
        device: torch.device,
        reader: Reader,
        output: Path,
        settings: ConvertSettings,
        paint: Paint | None,
        progress: ProgressCallback,
        cancel: Cancel,
    ) -> None:
        self._parts, self._device, self._reader = parts, device, reader
        self._settings, self._paint = settings, paint
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
            composed = stack.enter_context(Behind(self._composer(out)))
            stack.enter_context(shared_cores())
            # Four threads share the cores: more of them for the network would wait for the others.
            stack.enter_context(tuned(self._device, max(1, available_cores() // 4)))
            analyzed = stack.enter_context(Ahead(self._analyzed()))
            taken: list[_Taken] = []
            for item in analyzed:
                self._cancel.check()
                paint = None if self._paint is None else self._paint(item.frame)
                taken.append((item.frame, paint, self._sketch(item)))
                if len(taken) == AT_ONCE:
                    self._make(taken, composed)
                    taken = []
                report.frames += 1
                note = f"{report.swapped} swapped"
                self._progress(Progress("convert", report.frames, total, "frames", note))
            self._make(taken, composed)
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
            for stage, spent in (*part.swapper.seconds.items(), *part.finish.seconds.items()):
                self._seconds[stage] += spent
        report.notes = [*self._reader.notes, *outgoing.notes, *self._absent(), *self._turned()]
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
            yield frame

    def _analyzed(self) -> Iterator[Analyzed[Frame]]:
        items = analyze(self._frames(), self._tracker, rate=self._rate)
        while True:
            begun, decoded = time.perf_counter(), self._seconds["decode"]
            item = next(items, None)
            self._seconds["landmarks"] += time.perf_counter() - begun - (self._seconds["decode"] - decoded)
            if item is None:
                return
            yield item

    def _sketch(self, item: Analyzed[Frame]) -> list[_Sketched]:
        self._enter(self._shots(item.frame.index))
        begun = time.perf_counter()
        faces = self._picker(item.frame.image, item.faces)
        self._seconds["identity"] += time.perf_counter() - begun
        sketched = []
        for part, face in zip(self._parts, faces, strict=True):
            face = None if self._left_alone(part) else face
            part.follow(face)
            if face is None:
                continue
            sketch = part.swapper.sketch(item.frame.image, face, item.frame.index)
            if sketch is None:
                part.leave()
                continue
            sketched.append((part, part.finish, face, sketch))
            part.swapped += 1
        self._report.swapped += bool(sketched)
        return sketched

    def _make(
        self,
        taken: list[_Taken],
        composed: Behind[_Composed],
    ) -> None:
        """Make the faces of a few frames, each network run once, and hand them on."""
        made: dict[int, Iterator[MadeFace]] = {}
        for part in self._parts:
            own = [sketch for _, _, each in taken for whose, _, _, sketch in each if whose is part]
            made[id(part)] = iter(part.swapper.make(own) if own else [])
        for frame, paint, each in taken:
            placed = [(finish, face, next(made[id(part)])) for part, finish, face, _ in each]
            composed.put((frame, paint, placed))

    def _composer(self, out: Behind[_Written]) -> Callable[[_Composed], None]:
        def compose(item: _Composed) -> None:
            frame, paint, placed = item
            picture, mask = frame.image, None
            for finish, face, made in placed:
                picture, own = finish(picture, frame, face, made, paint)
                mask = own if mask is None else np.maximum(mask, own)
            out.put((picture, mask, frame.time, frame.duration))

        return compose

    def _enter(self, shot: Shot | None) -> None:
        """From here on the settings of a shot hold, or the clip's own."""
        if shot == self._shot:
            return
        self._shot = shot
        compose = self._settings.compose if shot is None or shot.compose is None else shot.compose
        for part in self._parts:
            part.follow(None)
            part.finish = part.finish.again(compose)

    def _left_alone(self, part: Part) -> bool:
        shot = self._shot
        return shot is not None and (shot.skip or str(part.role.model) in shot.without)

    def _timed_write(self, outgoing: Outgoing, masks: Writer | None) -> Callable[[_Written], None]:
        def write(item: _Written) -> None:
            picture, mask, moment, duration = item
            begun, traced = time.perf_counter(), outgoing.seconds
            label = outgoing.write(picture, mask, moment, duration)
            self._seconds["encode"] += time.perf_counter() - begun - (outgoing.seconds - traced)
            if masks is not None:
                gray = np.zeros(picture.shape[:2], np.uint8) if mask is None else mask.copy()
                if label is not None:
                    gray[label] = 255
                masks.write(np.repeat(gray[..., None], 3, axis=2), moment, duration)

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

    def _turned(self) -> list[str]:
        """Where heads were turned farther than the source's footage shows; of several models it is said whose."""
        several = len(self._parts) > 1
        return [
            f"{part.role.model}: {note}" if several else note
            for part in self._parts
            for note in part.swapper.turned.notes()
        ]

    def _nobody(self) -> str:
        return f"{self._missing(0)}; nothing written"

    def _missing(self, number: int) -> str:
        name, who = self._reader.path, self._parts[number].role.who
        if turned := self._parts[number].swapper.turned.notes():
            return f"{name}: {turned[0]}"
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
