"""The writer of all outputs: watermarked, labelled, written, signed and entered in the ledger, or not at all."""

from __future__ import annotations

import contextlib
import time as clock
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from effigie.arrays import Image
from effigie.consent.gate import Permit
from effigie.edit import Edit
from effigie.media import EncodeSettings, VideoWriter
from effigie.media.clip import ClipInfo
from effigie.media.layers.writer import LayerFiles
from effigie.media.output.stream_copy import TimeSpan
from effigie.media.output.video_encoder import OUTPUT_FORMATS
from effigie.media.samples.native_picture import NativePicture
from effigie.media.sound.reader import Sound
from effigie.media.sound.track import SoundStream
from effigie.provenance.config import TrustSettings
from effigie.provenance.frame_marker import FrameMarker
from effigie.provenance.ledger.fingerprint import FINGERPRINT_INTERVAL_S, compute_fingerprint
from effigie.provenance.output_record import OutputRecord
from effigie.provenance.sound_trace import SoundTrace
from effigie.provenance.watermark import Anchor


class SignedWriter:
    """Writes a video or picture whose frames carry the watermark and whose file is signed; needs a permit of the gate.

    The output, its credentials and its entry in the ledger appear together when the block ends well. Beside the output
    lies ``<name>.notice.txt``, which says in words what it is.

    Args:
        like: the clip whose pictures these replace; also the ingredient that the credentials name.
        command: the verb.
        model_hash: SHA-256 of the model's manifest; of several separated by commas.
        path, encode, span: as for :class:`~effigie.media.VideoWriter`.
        source_path: what the pictures were made from, where that is not ``like`` itself: a portrait in motion has the
            driver's clock and sound and another's pictures. A folder counts as unknown.
        layers: a folder for the same as layers over the footage, see :mod:`effigie.media.layers.writer`; frames must be
            written as decoded, then.
        made_sound: sound that stands in place of the clip's own, its first sample at the output's time 0. It carries
            the mark too. Outputs that hold no sound (pictures) leave it out and say so.
        voice_permit: the gate's, for the person whose voice a model made in ``made_sound``; None where it was recorded.

    Attributes:
        output_id: 48 bits as 12 hex digits, in mark, credentials and ledger.
        seconds: spent on being traceable; frames spent in the writer not included.
    """

    def __init__(
        self,
        path: Path,
        like: ClipInfo,
        permit: Permit,
        command: str,
        model_hash: str | None = None,
        settings: TrustSettings | None = None,
        encode: EncodeSettings | None = None,
        span: TimeSpan | None = None,
        source_path: Path | None = None,
        layers: Path | None = None,
        made_sound: Sound | SoundStream | None = None,
        voice_permit: Permit | None = None,
    ) -> None:
        settings = settings or TrustSettings()
        self._record = OutputRecord(
            path,
            permit,
            command,
            model_hash,
            settings,
            ingredients=_ingredients(like.path, source_path),
            watermarked=settings.watermark,
            sound_watermarked=settings.watermark and made_sound is not None and path.suffix.lower() in OUTPUT_FORMATS,
            voice_permit=voice_permit,
        )
        self.settings = self._record.settings
        self.output_id = self._record.output_id
        self.seconds = 0.0
        self._marker = FrameMarker(permit, self.settings, self.output_id, source_path or like.path)
        self._trace: SoundTrace | None = None
        sound = None if made_sound is None else self._trace_sound(SoundStream.from_sound(made_sound))
        self._writer = VideoWriter(path, like, encode, span, finalizer=self._finalize, sound=sound)
        self._layers = None if layers is None else LayerFiles(layers, like, self.output_id)
        self._stack = contextlib.ExitStack()
        self._fingerprints: list[tuple[float, int]] = []
        self._next_fingerprint = 0.0

    @property
    def path(self) -> Path:
        return self._writer.path

    @property
    def notes(self) -> list[str]:
        """What could not be copied or done, a sentence each."""
        return [*self._writer.notes, *self._record.notes]

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            if self._layers is not None:
                stack.enter_context(self._layers)
            stack.enter_context(self._writer)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def write(
        self,
        image: Image,
        mask: np.ndarray | None,
        time: Fraction,
        duration: Fraction | None = None,
        native: NativePicture | None = None,
        edits: Sequence[Edit] = (),
        anchors: Sequence[Anchor] = (),
        tracks: Sequence[Mapping[str, Any]] = (),
    ) -> tuple[slice, slice] | None:
        """Add one frame; returns the rows and columns that the label covers, if it is drawn.

        Args:
            image: (H, W, 3) uint8 RGB.
            mask: (H, W) uint8, 255 where the face was made; None where nothing was.
            time, duration: as for the writer.
            native: the frame as decoded, taken over: with the edits it is written in place of ``image``, so that every
                sample that nothing changed goes to the encoder as it came.
            edits: what was done to the frame to make ``image`` of it.
            anchors: of the made faces, which the mark is tied to.
            tracks: of each made face what the tracking data of layers shall say.
        """
        start = clock.perf_counter()
        if float(time) >= self._next_fingerprint:
            # Of the picture as it was made: mark and label are too faint and too small to matter.
            self._fingerprints.append((float(time), compute_fingerprint(image)))
            self._next_fingerprint = float(time) + FINGERPRINT_INTERVAL_S
        if native is None:
            image = self._marker.mark(image, mask, anchors, float(time))
        else:
            native = self._writer.prepare(native)
            original = None if self._layers is None else self._layers.read_before(native)
            native.apply(edits)
            self._marker.mark_native(native, mask, anchors, float(time))
            if self._layers is not None and original is not None:
                self._layers.write(original, native, edits, time, tracks)
        self.seconds += clock.perf_counter() - start
        self._writer.write(image if native is None else native, time, duration)
        return self._marker.area(image.shape[0], image.shape[1], float(time))

    def _finalize(self, whole: Path) -> None:
        """Sign the finished output, still under its temporary name, and enter it in the ledger."""
        start = clock.perf_counter()
        layers = None
        if self._layers is not None:
            self._layers.finalize()
            layers = self._layers.temporary, self._layers.folder
        sound_fingerprints = () if self._trace is None else self._trace.fingerprints
        self._record.complete(whole, tuple(self._fingerprints), sound_fingerprints, layers, self._marker.free_bits)
        self.seconds += clock.perf_counter() - start

    def _trace_sound(self, sound: SoundStream) -> SoundStream:
        """The sound with the mark, remembered for the ledger."""
        trace = SoundTrace(self.output_id, sound.rate, sound.channels, self.settings.watermark)
        self._trace = trace

        def mark() -> Iterator[np.ndarray]:
            for block in sound.blocks:
                yield trace.write(block)
            yield trace.finalize()

        return SoundStream(mark(), sound.rate, sound.channels)


def _ingredients(clip: Path, source_path: Path | None) -> tuple[Path, ...]:
    """Ingredients: what was edited first, then what was put into it."""
    files = dict.fromkeys(path for path in (source_path, clip) if path is not None and path.is_file())
    return tuple(files) or (clip,)
