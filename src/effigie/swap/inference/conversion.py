"""The stages of a conversion, overlapping: frames are read, analysed, swapped, composed and written."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from effigie.compositing.canvas import Canvas
from effigie.consent.gate import merge_permits
from effigie.errors import MediaError
from effigie.execution import available_cores
from effigie.execution.pipeline import BackgroundConsumer, Prefetcher, shared_cores
from effigie.faces.analyzer import AnalyzedFrame, Face, analyze
from effigie.faces.person_matcher import PersonMatcher, TargetPerson
from effigie.faces.tracker import Tracker
from effigie.media import EncodeSettings, Frame, VideoReader, VideoWriter
from effigie.progress import CancelToken, Progress, ProgressCallback
from effigie.provenance.signed_writer import SignedWriter
from effigie.provenance.watermark import Anchor
from effigie.swap.config import ConvertSettings
from effigie.swap.inference.mask_clip import MaskClip
from effigie.swap.inference.person_state import FaceCompositor, PersonState
from effigie.swap.inference.shot_settings import ShotList, ShotSettings
from effigie.swap.inference.swapper import FaceInputs, SwappedFace
from effigie.training.device import configure_backend

Item = TypeVar("Item")


@dataclass
class ConvertReport:
    """The result of a conversion.

    Attributes:
        output: the clip written.
        frames: read and written.
        swapped: frames in which a face was replaced; the others went through untouched.
        each: of each model, by its folder, the frames in which its person's face was replaced.
        seconds: wall time of the frames, loading excluded.
        stages: seconds of each stage; they overlap, so their sum may exceed ``seconds``.
        notes: what could not be carried over untouched, and what of the face is made up.
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


BATCH_FRAMES = 4  # whose faces a network makes in one go: for 8.4 ms each, not 12.2, at tiny on one core

_PreparedFace = tuple[PersonState, FaceCompositor, Face, FaceInputs]
_RenderedFace = tuple[FaceCompositor, Face, SwappedFace]
_PreparedFrame = tuple[Frame, np.ndarray | None, list[_PreparedFace]]  # with its matte
_RenderedFrame = tuple[Frame, np.ndarray | None, list[_RenderedFace]]
_ComposedFrame = tuple[Frame, Canvas, np.ndarray | None, list[Anchor]]  # with its mask, and where its faces lie


class Conversion:
    """One conversion: its people, its stages, and the seconds each took."""

    def __init__(
        self,
        people: list[PersonState],
        device: torch.device,
        reader: VideoReader,
        output: Path,
        settings: ConvertSettings,
        mask_clip: MaskClip | None,
        progress: ProgressCallback,
        cancel: CancelToken,
    ) -> None:
        self._people, self._device, self._reader = people, device, reader
        self._settings, self._mask_clip = settings, mask_clip
        self._progress, self._cancel = progress, cancel
        self._rate = float(reader.info.rate or 25)
        self._person_matcher = PersonMatcher(
            [TargetPerson(state.model.target.embedding, state.assignment.person) for state in people]
        )
        self._shots = ShotList(settings.shots)
        self._shot: ShotSettings | None = None
        self._repeated_faces: list[Face] | None = None  # of the frame before; a frame that repeats it has the same list
        self._inputs: dict[int, FaceInputs] = {}  # of that frame, by person
        self._made: dict[int, tuple[FaceInputs, SwappedFace]] = {}  # of the frame rendered last, by person
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._report = ConvertReport(output)

    def run(self) -> ConvertReport:
        """Read, analyse, swap and write, overlapping."""
        settings, report, info = self._settings, self._report, self._reader.info
        total = info.frames
        if settings.max_frames is not None:
            total = min(settings.max_frames, total or settings.max_frames)
        models = ",".join(digest for state in self._people if (digest := state.model.manifest_sha256))
        tracker = Tracker()
        start = time.perf_counter()
        with contextlib.ExitStack() as stack:
            outgoing = stack.enter_context(
                SignedWriter(
                    report.output,
                    info,
                    merge_permits([state.model.permit for state in self._people]),
                    "convert",
                    models or None,
                    settings.trust,
                    settings.encode,
                    self._audio_range(),
                )
            )
            masks = None
            if settings.masks is not None:
                masks = stack.enter_context(VideoWriter(settings.masks, info, EncodeSettings(codec="png")))
            out = stack.enter_context(BackgroundConsumer(partial(self._write, outgoing, masks)))
            composed = stack.enter_context(BackgroundConsumer(partial(self._compose, out)))
            stack.enter_context(shared_cores())
            # Four threads share the cores: more of them for the network would wait for the others.
            stack.enter_context(configure_backend(self._device, max(1, available_cores() // 4)))
            frames = self._time("decode", itertools.islice(iter(self._reader), settings.max_frames))
            faces = self._time("landmarks", analyze(frames, tracker, rate=self._rate))
            analyzed = stack.enter_context(Prefetcher(faces))
            prepared_frames: list[_PreparedFrame] = []
            for item in analyzed:
                self._cancel.check()
                matte = None if self._mask_clip is None else self._mask_clip(item.frame)
                prepared_frames.append((item.frame, matte, self._prepare_frame(item)))
                if len(prepared_frames) == BATCH_FRAMES:
                    self._render_frames(prepared_frames, composed)
                    prepared_frames = []
                report.frames += 1
                note = f"{report.swapped} swapped"
                self._progress(Progress("convert", report.frames, total, "frames", note))
            self._render_frames(prepared_frames, composed)
            if self._mask_clip is not None:
                self._mask_clip.check_end()
            if not report.swapped:
                raise MediaError(f"{self._absence_message(0)}; nothing written")
        self._progress(Progress("convert", report.frames, report.frames, "frames", f"{report.swapped} swapped"))
        report.seconds = time.perf_counter() - start
        for state in self._people:
            report.each[str(state.assignment.model)] = state.swapped
            for stage, spent in (*state.swapper.seconds.items(), *state.compositor.seconds.items()):
                self._seconds[stage] += spent
        report.notes = [*self._reader.notes, *outgoing.notes, *self._collect_notes()]
        report.stages = {**self._seconds, "trust": outgoing.seconds}
        report.output_id = outgoing.output_id
        return report

    def _time(self, stage: str, items: Iterator[Item]) -> Iterator[Item]:
        """The items; counts the seconds that each takes for a stage, without those of decoding meanwhile."""
        while True:
            start, decoded = time.perf_counter(), self._seconds["decode"]
            item = next(items, None)
            self._seconds[stage] += time.perf_counter() - start - (self._seconds["decode"] - decoded)
            if item is None:
                return
            yield item

    def _prepare_frame(self, item: AnalyzedFrame[Frame]) -> list[_PreparedFace]:
        self._apply_shot(self._shots(item.frame.index))
        start = time.perf_counter()
        faces = self._person_matcher(item.frame.image, item.faces)
        self._seconds["identity"] += time.perf_counter() - start
        prepared = []
        earlier = self._inputs if item.faces is self._repeated_faces else {}
        self._repeated_faces, self._inputs = item.faces, {}
        for state, face in zip(self._people, faces, strict=True):
            face = None if self._is_excluded(state) else face
            state.update(face)
            if face is None:
                continue
            inputs = state.swapper.prepare_inputs(item.frame.image, face, item.frame.index)
            same = earlier.get(id(state))
            if inputs is not None and same is not None and inputs.pose_state.opacity == same.pose_state.opacity == 1:
                # The same picture once more: the same face. What fades from frame to frame has gone on meanwhile.
                inputs = same
            if inputs is None:
                state.reset_compositor()
                continue
            self._inputs[id(state)] = inputs
            prepared.append((state, state.compositor, face, inputs))
            state.inventions.add(inputs.warper.target, inputs.unknown_mouth)
            state.swapped += 1
        self._report.swapped += bool(prepared)
        return prepared

    def _render_frames(
        self, prepared_frames: list[_PreparedFrame], composed: BackgroundConsumer[_RenderedFrame]
    ) -> None:
        """Make the faces of a few frames, each network run once, and pass them to the compositor."""
        swapped: dict[int, SwappedFace] = {id(inputs): face for inputs, face in self._made.values()}
        for state in self._people:
            wanted = [one for _, _, faces in prepared_frames for owner, _, _, one in faces if owner is state]
            new = {id(inputs): inputs for inputs in wanted if id(inputs) not in swapped}
            if new:
                swapped |= zip(new, state.swapper.render_faces(list(new.values())), strict=True)
            if wanted:
                self._made[id(state)] = wanted[-1], swapped[id(wanted[-1])]
        for frame, matte, faces in prepared_frames:
            rendered = [(compositor, face, swapped[id(inputs)]) for _, compositor, face, inputs in faces]
            composed.put((frame, matte, rendered))

    def _compose(self, out: BackgroundConsumer[_ComposedFrame], item: _RenderedFrame) -> None:
        frame, matte, rendered = item
        canvas, mask = Canvas(frame.image, None if frame.native is None else frame.native.read), None
        for compositor, face, swapped in rendered:
            face_mask = compositor(canvas, frame, face, swapped, matte)
            mask = face_mask if mask is None else np.maximum(mask, face_mask)
        anchors = [Anchor.from_placement(face.placement) for _, face, _ in rendered]
        out.put((frame, canvas, mask, anchors))

    def _apply_shot(self, shot: ShotSettings | None) -> None:
        """Use the settings of a shot, or without one the clip's own, from this frame on."""
        if shot == self._shot:
            return
        self._shot, self._repeated_faces = shot, None
        compose = self._settings.compose if shot is None or shot.compose is None else shot.compose
        for state in self._people:
            state.update(None)
            state.compositor = state.compositor.fresh_copy(compose)

    def _is_excluded(self, state: PersonState) -> bool:
        shot = self._shot
        return shot is not None and (shot.skip or str(state.assignment.model) in shot.excluded_models)

    def _write(self, outgoing: SignedWriter, masks: VideoWriter | None, item: _ComposedFrame) -> None:
        frame, canvas, mask, anchors = item
        start, signing_seconds = time.perf_counter(), outgoing.seconds
        label = outgoing.write(canvas.image, mask, frame.time, frame.duration, frame.native, canvas.edits, anchors)
        self._seconds["encode"] += time.perf_counter() - start - (outgoing.seconds - signing_seconds)
        if masks is not None:
            gray = np.zeros(canvas.shape[:2], np.uint8) if mask is None else mask.copy()
            if label is not None:
                gray[label] = 255
            masks.write(np.repeat(gray[..., None], 3, axis=2), frame.time, frame.duration)

    def _audio_range(self) -> tuple[Fraction, Fraction] | None:
        """Start and end of the sound that goes with the first frames, s; None for all of it."""
        info, count = self._reader.info, self._settings.max_frames
        if count is None or info.rate is None or (info.frames or 0) <= count:
            return None
        return info.clock_origin, info.clock_origin + count / info.rate

    def _collect_notes(self) -> Iterator[str]:
        """Notes on people who were not found, and on heads that turn farther than in the source's footage."""
        for number, state in enumerate(self._people):
            if not state.swapped:
                yield f"{state.assignment.model}: {self._absence_message(number)}"
        several = len(self._people) > 1
        for state in self._people:
            for note in (*state.notes, *state.inventions.notes(), *state.swapper.pose_log.notes()):
                yield f"{state.assignment.model}: {note}" if several else note

    def _absence_message(self, number: int) -> str:
        name, person = self._reader.path, self._people[number].assignment.person
        if notes := self._people[number].swapper.pose_log.notes():
            return f"{name}: {notes[0]}"
        by_number = "--person" if len(self._people) == 1 else "--map NUMBER=MODEL"
        if not self._person_matcher.max_faces:
            return f"{name} shows no face: nothing to swap"
        if person is not None:
            return (
                f"{name} never shows {person + 1} faces at once, at most {self._person_matcher.max_faces}: "
                f"choose a smaller number with {by_number}"
            )
        return (
            f"nobody in {name} is the person this model was trained on (best likeness "
            f"{self._person_matcher.best_similarity[number]:.2f}): choose a face with {by_number}, 0 being the largest"
        )
