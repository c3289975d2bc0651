"""The stages of a dub, overlapping: frames are read again, mouths made, and written."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from effigie.arrays import Image
from effigie.compositing.canvas import Canvas
from effigie.consent.gate import Permit
from effigie.dubbing.config import DubSettings
from effigie.dubbing.lips import DubbedFace
from effigie.dubbing.mouths import MouthBank, choose_pictures, cut_mouths, find_features
from effigie.dubbing.own_speech import find_own_speech, hear_clip
from effigie.dubbing.performance import DubPerformance
from effigie.dubbing.renderer import MouthRenderer
from effigie.dubbing.resting_face import RestingFace
from effigie.dubbing.sound import SpeechSource, stream_fitted
from effigie.dubbing.take import Take
from effigie.execution.pipeline import BackgroundConsumer, Prefetcher, shared_cores
from effigie.faces.analyzer import Face
from effigie.faces.crop import apply_affine, crop
from effigie.heads.speech.network import MouthModel
from effigie.media import EncodeSettings, Frame, VideoReader, VideoWriter
from effigie.media.sound.track import SoundStream
from effigie.occlusion.network import INPUT_SIZE
from effigie.occlusion.predictor import VisibilityPredictor, measure_mouth
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count
from effigie.provenance.signed_writer import SignedWriter
from effigie.provenance.watermark import Anchor
from effigie.swap.inference.composition import ComposedFrame, FieldJoiner
from effigie.training.device import choose_device

if TYPE_CHECKING:
    from effigie.dubbing.dubber import DubReport

OUTPUT_RATE = 48000  # samples a second
LEAST_VISIBLE = 0.95  # of the lips, of a mouth that others are made of
VISIBILITY_SIDE = 256  # px, in which what is before the face is looked for

_DubItem = tuple[ComposedFrame, Face | None]


class DubConversion:
    """One dub.

    Args:
        clip: whose take it is.
        said: what is heard, as ``performance`` fits it.
        model: that the performance was made by.
    """

    def __init__(
        self,
        clip: Path,
        take: Take,
        source: SpeechSource,
        performance: DubPerformance,
        model: MouthModel,
        settings: DubSettings,
        progress: ProgressCallback,
        cancel: CancelToken,
    ) -> None:
        self._clip, self._take, self._source, self._performance = clip, take, source, performance
        self._settings, self._progress, self._cancel = settings, progress, cancel
        rest = RestingFace(take)
        speech_spans = hear_clip(clip, float(take.length), cancel) if take.info.audio else None
        speaks = find_own_speech(take.seconds, rest.gaps, take.stretches(), speech_spans)
        self.face = DubbedFace(take, rest, performance.mouth, model, speaks)
        self._predictor = VisibilityPredictor(device=choose_device(settings.device))
        self._weights: dict[int, dict[int, float]] = {}
        self._renderer = MouthRenderer([])
        self._coverage = 0
        self._track: int | None = None
        self._joiner = FieldJoiner()

    def run(
        self,
        report: DubReport,
        permission: Permit,
        spoken_by: tuple[Permit, str | None] | None,
        seconds: defaultdict[str, float],
    ) -> None:
        """Make and write; fills in the report.

        Args:
            spoken_by: permit and manifest's hash of a voice that was made.
            seconds: of each stage; more are added.
        """
        settings, take, run_start = self._settings, self._take, time.perf_counter()
        total = take.info.frames if settings.max_frames is None else settings.max_frames
        self._prepare_mouths()
        seconds["mouths"] += time.perf_counter() - run_start
        voice_permit, voice_hash = spoken_by or (None, None)
        with shared_cores(), contextlib.ExitStack() as stack:
            outgoing = stack.enter_context(
                SignedWriter(
                    report.output,
                    take.info,
                    permission,
                    "dub",
                    voice_hash,
                    settings.trust,
                    settings.encode,
                    None if settings.max_frames is None else (take.info.clock_origin, take.end),
                    made_sound=self._open_sound(),
                    voice_permit=voice_permit,
                )
            )
            masks = None
            if settings.masks is not None:
                masks = stack.enter_context(
                    VideoWriter(settings.masks, take.info, EncodeSettings(codec="png", frame_files="png"))
                )
            out = stack.enter_context(BackgroundConsumer(partial(self._write, outgoing, masks, seconds)))
            for number, frame in enumerate(self._read(stack)):
                self._cancel.check()
                start = time.perf_counter()
                result = self._make(number, frame)
                seconds["make"] += time.perf_counter() - start
                out.put(result)
                report.frames += not frame.is_second_field
                report.dubbed += result[0].mask is not None and not frame.is_second_field
                self._progress(Progress("dub", report.frames, total, "frames"))
        self._progress(Progress("dub", report.frames, report.frames, "frames"))
        seconds["trust"] = outgoing.seconds
        report.output_id = outgoing.output_id
        report.notes = [*outgoing.notes, *self._collect_notes()]

    def _read(self, stack: contextlib.ExitStack) -> Iterator[Frame]:
        """The take's pictures with the file's own samples."""
        reader = stack.enter_context(VideoReader(self._clip, native=True, fields=True))
        frames = stack.enter_context(Prefetcher(iter(reader)))
        for _, frame in zip(range(len(self._take)), frames, strict=False):
            yield frame

    def _prepare_mouths(self) -> None:
        """Choose the mouths that others are made of, and for each picture which."""
        take, face = self._take, self.face
        visible = [number for number, one in enumerate(take.faces) if one is not None]
        features = find_features(face, visible, as_filmed=True)
        rows = choose_pictures(features)
        with VideoReader(self._clip, fields=True) as reader:
            mouths = cut_mouths(self._read_on(reader), [visible[row] for row in rows], take, self._is_covered)
        bank = MouthBank(mouths, features[rows])
        for stretch in take.stretches():
            numbers = [number for number in range(stretch.start, stretch.stop) if face.shares[number] > 0]
            if numbers:
                rate = len(numbers) / max(float(take.seconds[numbers[-1]] - take.seconds[numbers[0]]), 1e-3)
                weights = bank.choose(find_features(face, numbers, as_filmed=False), rate)
                self._weights |= zip(numbers, weights, strict=True)
        self._renderer = MouthRenderer(mouths)

    def _read_on(self, reader: VideoReader) -> Iterator[Frame]:
        for frame in reader:
            self._cancel.check()
            yield frame

    def _is_covered(self, image: Image, number: int) -> bool:
        face = self._take.faces[number]
        assert face is not None
        matrix = face.matrix(INPUT_SIZE)
        landmarks = apply_affine(matrix, face.landmarks)
        return (
            measure_mouth(self._predictor.predict(crop(image, matrix, INPUT_SIZE), landmarks), landmarks)
            < LEAST_VISIBLE
        )

    def _make(self, number: int, frame: Frame) -> _DubItem:
        canvas, mask = Canvas(frame.image, None if frame.image_native is None else frame.image_native.read), None
        face, share = self._take.faces[number], float(self.face.shares[number])
        if face is None or share == 0:
            return ComposedFrame(frame, canvas, None, ()), None
        visible = None
        if self._settings.occlusion == "on":
            visible = self._find_visible(frame.image, face)
        mask = self._renderer(
            canvas, self.face.own(number), self.face.target(number), self._weights[number], share, visible
        )
        return ComposedFrame(frame, canvas, mask if mask.any() else None, ()), face

    def _find_visible(self, image: Image, face: Face) -> np.ndarray:
        """(H, W) float32, 0 where something is before the face."""
        if face.track != self._track:
            self._predictor.reset()
            self._track = face.track
        side = VISIBILITY_SIDE
        visible = self._predictor(image, face, side)
        size = image.shape[1], image.shape[0]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(visible, face.matrix(side), size, flags=flags, borderValue=1.0)

    def _write(
        self, outgoing: SignedWriter, masks: VideoWriter | None, seconds: defaultdict[str, float], item: _DubItem
    ) -> None:
        composition, face = item
        picture = self._joiner(composition)
        if picture is None:
            return
        start, signing = time.perf_counter(), outgoing.seconds
        frame = picture.frame
        anchors = [] if face is None else [Anchor.from_placement(face.placement)]
        label = outgoing.write(
            picture.image, picture.mask, frame.time, picture.duration, frame.native, picture.edits, anchors
        )
        seconds["encode"] += time.perf_counter() - start - (outgoing.seconds - signing)
        if masks is not None:
            gray = np.zeros(picture.image.shape[:2], np.uint8) if picture.mask is None else picture.mask.copy()
            if label is not None:
                gray[label] = 255
            masks.write(np.repeat(gray[..., None], 3, axis=2), frame.time, picture.duration)

    def _open_sound(self) -> SoundStream:
        fit, length = self._performance.fit, float(self._take.length)
        return SoundStream(
            stream_fitted(self._source, fit, OUTPUT_RATE, length, self._cancel), OUTPUT_RATE, self._source.channels
        )

    def _collect_notes(self) -> Iterator[str]:
        face, take, speaks = self.face, self._take, self._performance.mouth.activity > 0
        unseen = sum(one is None and bool(is_active) for one, is_active in zip(take.faces, speaks, strict=True))
        if unseen:
            yield f"in {format_count(unseen, 'picture')} in which something is said the face is not seen"
        if face.turned_count:
            pictures = format_count(face.turned_count, "picture")
            yield f"in {pictures} the head is turned too far: the mouth is the footage's"
        if face.limited_count:
            pictures = format_count(face.limited_count, "picture")
            yield (
                f"in {pictures} lips part less than the sound wants: the clip never shows "
                f"them further apart than {face.most_gap:.1f} cm"
            )
