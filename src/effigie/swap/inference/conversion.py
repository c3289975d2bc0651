"""The stages of a conversion, overlapping: frames are read, analysed, swapped, composed and written."""

from __future__ import annotations

import contextlib
import itertools
import time
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import torch

from effigie.consent.gate import merge_permits
from effigie.errors import MediaError
from effigie.execution import available_cores
from effigie.execution.pipeline import BackgroundConsumer, shared_cores
from effigie.faces.analyzer import AnalyzedFrame, Face
from effigie.faces.person_matcher import PersonMatcher, TargetPerson
from effigie.io.stored_names import STORED_NAME
from effigie.media import EncodeSettings, Frame, VideoWriter
from effigie.media.samples.native_picture import NativePicture
from effigie.progress import CancelToken, Progress, ProgressCallback
from effigie.provenance.signed_writer import SignedWriter
from effigie.swap.config import ConvertSettings
from effigie.swap.editing.mask_clip import MaskClip
from effigie.swap.editing.shot_settings import ComposeSchedule
from effigie.swap.inference.composition import ComposedFrame, FieldJoiner, RenderedFace, compose_faces
from effigie.swap.inference.conversion_notes import collect_notes, explain_absence
from effigie.swap.inference.footage import Footage
from effigie.swap.inference.people.planner import FacePlanner
from effigie.swap.inference.people.state import FaceCompositor, PersonState
from effigie.swap.inference.people.track import describe_face
from effigie.swap.inference.swapper import FaceInputs, FacePlan, SwappedFace
from effigie.training.device import configure_backend


@dataclass
class ConvertReport:
    """The result of a conversion.

    Attributes:
        output: the clip written.
        frames: read and written.
        swapped: frames in which a face was replaced; the others went through untouched.
        swapped_by_model: of each model, by its folder, the frames in which its person's face was replaced.
        seconds: wall time of the frames, loading excluded.
        stages: seconds of each stage; they overlap, so their sum may exceed ``seconds``.
        notes: what could not be carried over untouched, and what of the face is made up.
        output_id: 12 hex digits by which mark, credentials and ledger know the output.
    """

    output: Path
    output_id: str = ""
    frames: int = 0
    swapped: int = 0
    swapped_by_model: dict[str, int] = field(default_factory=dict, metadata={STORED_NAME: "each"})
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


BATCH_FRAMES = 4  # whose faces a network makes in one go: for 8.4 ms each, not 12.2, at tiny on one core

_PreparedFace = tuple[PersonState, FaceCompositor, Face, FaceInputs]
_PreparedFrame = tuple[Frame, np.ndarray | None, list[_PreparedFace]]  # with its matte
_RenderedFrame = tuple[Frame, np.ndarray | None, list[RenderedFace]]


class Conversion:
    """One conversion: its people, its stages, and the seconds each took."""

    def __init__(
        self,
        people: list[PersonState],
        device: torch.device,
        footage: Footage,
        output: Path,
        settings: ConvertSettings,
        mask_clip: MaskClip | None,
        progress: ProgressCallback,
        cancel: CancelToken,
    ) -> None:
        self._people, self._device, self._footage, self._reader = people, device, footage, footage.reader
        self._settings, self._mask_clip = settings, mask_clip
        self._progress, self._cancel = progress, cancel
        self._person_matcher = PersonMatcher(
            [TargetPerson(state.model.target.embedding, state.assignment.person) for state in people]
        )
        self._planner = FacePlanner(people, settings.shots)
        self._schedule = ComposeSchedule(settings.compose, settings.shots, settings.strokes)
        self._inputs: dict[int, tuple[FacePlan, FaceInputs]] = {}  # of the frame before, by state
        self._latest_faces: dict[int, tuple[FaceInputs, SwappedFace]] = {}  # of the frame rendered last, by state
        self._joiner = FieldJoiner()
        self._matte: tuple[int, np.ndarray] | None = None  # of the frame before, by its index
        self._swapped_frame = -1  # index of the last frame that counts as swapped
        self._seconds = footage.seconds
        self._report = ConvertReport(output)

    def run(self) -> ConvertReport:
        """Read, analyse, swap and write, overlapping."""
        settings, report, info = self._settings, self._report, self._reader.info
        total = info.frames
        if settings.max_frames is not None:
            total = min(settings.max_frames, total or settings.max_frames)
        models = ",".join(digest for state in self._people if (digest := state.model.manifest_sha256))
        start = time.perf_counter()
        with shared_cores(), contextlib.ExitStack() as stack:
            outgoing = stack.enter_context(
                SignedWriter(
                    report.output,
                    replace(info, field_order="progressive") if settings.deinterlace else info,
                    merge_permits([state.model.permit for state in self._people]),
                    "convert",
                    models or None,
                    settings.trust,
                    settings.encode,
                    self._audio_range(),
                    layers=settings.layers,
                )
            )
            masks = None
            if settings.masks is not None:
                masks = stack.enter_context(
                    VideoWriter(settings.masks, info, EncodeSettings(codec="png", frame_files="png"))
                )
            out = stack.enter_context(BackgroundConsumer(partial(self._write, outgoing, masks)))
            composed = stack.enter_context(BackgroundConsumer(partial(self._compose, out)))
            # Four threads share the cores: more of them for the network would wait for the others.
            stack.enter_context(configure_backend(self._device, max(1, available_cores() // 4)))
            prepared_frames: list[_PreparedFrame] = []
            for item in self._footage.analyzed:
                self._cancel.check()
                matte = None if self._mask_clip is None else self._read_matte(self._mask_clip, item.frame)
                prepared_frames.append((item.frame, matte, self._prepare_frame(item)))
                if len(prepared_frames) == BATCH_FRAMES:
                    self._render_frames(prepared_frames, composed)
                    prepared_frames = []
                report.frames += not item.frame.is_second_field
                note = f"{report.swapped} swapped"
                self._progress(Progress("convert", report.frames, total, "frames", note))
            self._render_frames(prepared_frames, composed)
            if self._mask_clip is not None:
                self._mask_clip.check_end()
            if not report.swapped:
                raise MediaError(
                    f"{explain_absence(self._people, self._person_matcher, self._reader.path, 0)}; nothing written"
                )
        self._progress(Progress("convert", report.frames, report.frames, "frames", f"{report.swapped} swapped"))
        report.seconds = time.perf_counter() - start
        for state in self._people:
            report.swapped_by_model[str(state.assignment.model)] = state.swapped
            stage_seconds = [one.swapper.seconds for one in state.states] + [state.compositor.seconds]
            for stage, spent in itertools.chain(*(seconds.items() for seconds in stage_seconds)):
                self._seconds[stage] += spent
        report.notes = [
            *self._reader.notes,
            *outgoing.notes,
            *collect_notes(self._people, self._person_matcher, self._reader.path),
        ]
        report.stages = {**self._seconds, "trust": outgoing.seconds}
        report.output_id = outgoing.output_id
        return report

    def _prepare_frame(self, item: AnalyzedFrame[Frame]) -> list[_PreparedFace]:
        index = item.frame.index
        start = time.perf_counter()
        faces = self._person_matcher(item.frame.image, item.faces)
        self._seconds["identity"] += time.perf_counter() - start
        previous_inputs, self._inputs = self._inputs, {}
        prepared: list[_PreparedFace] = []
        for planned in self._planner(index, item.faces, faces):
            state, plan = planned.state, planned.plan
            previous = previous_inputs.get(id(state))
            if previous is not None and previous[0] is plan:
                inputs = previous[1]
            else:
                inputs = state.swapper.prepare_inputs(item.frame.image, planned.face, plan)
            self._inputs[id(state)] = plan, inputs
            prepared.append((state, planned.compositor, planned.face, inputs))
            if not item.frame.is_second_field:
                state.inventions.add(inputs.warper.target, inputs.unknown_mouth)
        if prepared and index != self._swapped_frame:
            self._report.swapped, self._swapped_frame = self._report.swapped + 1, index
        return prepared

    def _read_matte(self, mask_clip: MaskClip, frame: Frame) -> np.ndarray:
        """The painted mask of a frame; its fields have the same."""
        if self._matte is None or self._matte[0] != frame.index:
            self._matte = frame.index, mask_clip(frame)
        return self._matte[1]

    def _render_frames(
        self, prepared_frames: list[_PreparedFrame], composed: BackgroundConsumer[_RenderedFrame]
    ) -> None:
        """Make the faces of a few frames, each network run once, and pass them to the compositor."""
        swapped: dict[int, SwappedFace] = {id(inputs): face for inputs, face in self._latest_faces.values()}
        for person in self._people:
            own = {id(state) for state in person.states}
            requests = [
                (state, one) for _, _, faces in prepared_frames for state, _, _, one in faces if id(state) in own
            ]
            new = {id(inputs): inputs for _, inputs in requests if id(inputs) not in swapped}
            if new:
                swapped |= zip(new, person.swapper.render_faces(list(new.values())), strict=True)
            for state, inputs in requests:
                self._latest_faces[id(state)] = inputs, swapped[id(inputs)]
        for frame, matte, faces in prepared_frames:
            rendered = [
                (state.assignment.model.name, compositor, face, swapped[id(inputs)])
                for state, compositor, face, inputs in faces
            ]
            composed.put((frame, matte, rendered))

    def _compose(self, out: BackgroundConsumer[ComposedFrame], item: _RenderedFrame) -> None:
        frame, matte, rendered = item
        out.put(compose_faces(frame, matte, rendered, self._schedule))

    def _write(self, outgoing: SignedWriter, masks: VideoWriter | None, item: ComposedFrame) -> None:
        picture = self._joiner(item)
        if picture is None:
            return
        frame, mask, native, tracks = picture.frame, picture.mask, picture.frame.native, []
        if self._settings.layers is not None:
            native = native or NativePicture.from_rgb(frame.image, self._reader.info.color)
            tracks = [
                describe_face(name, face, swapped, native.grid, part.frame.field)
                for part in picture.parts
                for name, _, face, swapped in part.faces
            ]
        start, signing_seconds = time.perf_counter(), outgoing.seconds
        label = outgoing.write(
            picture.image, mask, frame.time, picture.duration, native, picture.edits, picture.anchors, tracks
        )
        self._seconds["encode"] += time.perf_counter() - start - (outgoing.seconds - signing_seconds)
        if masks is not None:
            gray = np.zeros(picture.image.shape[:2], np.uint8) if mask is None else mask.copy()
            if label is not None:
                gray[label] = 255
            masks.write(np.repeat(gray[..., None], 3, axis=2), frame.time, picture.duration)

    def _audio_range(self) -> tuple[Fraction, Fraction] | None:
        """Start and end of the sound that goes with the first frames, s; None for all of it."""
        info, count = self._reader.info, self._settings.max_frames
        if count is None or info.rate is None or (info.frames or 0) <= count:
            return None
        return info.clock_origin, info.clock_origin + count / info.rate
