"""The writer of all made sound: marked, written, signed and entered in the ledger, or not at all."""

from __future__ import annotations

import contextlib
import time as clock
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from effigie.consent.gate import Permit
from effigie.errors import UsageError
from effigie.media.output.place import check_place
from effigie.media.sound.writer import SoundSettings, SoundWriter
from effigie.provenance.config import TrustSettings
from effigie.provenance.output_record import OutputRecord
from effigie.provenance.sound_trace import SoundTrace


class SignedSoundWriter:
    """Writes sound that carries the invisible mark to a file that is signed; needs a permit of the gate.

    The file, its credentials and its entry in the ledger appear together when the block ends well. Beside it lies
    ``<name>.notice.txt``, which says in words what it is; beside .opus and .ogg, which hold no credentials, ``.c2pa``.

    Args:
        path: .wav, .flac, .mp3, .m4a, .opus or .ogg.
        rate: samples a second, see :class:`~effigie.media.SoundWriter`.
        channels: 1 or 2.
        command: the verb.
        model_hash: SHA-256 of the voice's manifest; of several separated by commas.
        settings: notice, mark and certificate.
        encode: bits or bit rate.
        source_path: the performance that it was converted from, which the credentials name.

    Attributes:
        output_id: 48 bits as 12 hex digits, in mark, credentials and ledger.
        seconds: spent on being traceable.

    Raises:
        UsageError: another kind of file, rate or number of channels than can be written, or a place where no file can.
        TypeError: no permit.

    Example::

        with SignedSoundWriter(path, 24000, 1, permit, command="voice speak") as writer:
            for sentence in sentences:
                writer.write(sentence)  # (1, n) float32 in -1..1
    """

    def __init__(
        self,
        path: Path,
        rate: int,
        channels: int,
        permit: Permit,
        command: str,
        model_hash: str | None = None,
        settings: TrustSettings | None = None,
        encode: SoundSettings | None = None,
        source_path: Path | None = None,
    ) -> None:
        path, settings = Path(path), settings or TrustSettings()
        if isinstance(permit, Permit) and permit.use != "voice":
            raise TypeError(f"a made voice needs a permit for it, not one for {permit.use}")
        if source_path is not None and path.exists() and source_path.exists() and path.samefile(source_path):
            raise UsageError(f"{path} is the recording being read: choose another name for the output")
        self._record = OutputRecord(
            path,
            permit,
            command,
            model_hash,
            settings,
            ingredients=() if source_path is None else (source_path,),
            sound_watermarked=settings.watermark,
        )
        self.output_id = self._record.output_id
        self.seconds = 0.0
        self._writer = SoundWriter(path, rate, channels, encode, finalizer=self._finalize)
        check_place(path, "still", None)
        self._trace = SoundTrace(self.output_id, rate, channels, settings.watermark)
        self._stack = contextlib.ExitStack()

    @property
    def path(self) -> Path:
        return self._record.path

    @property
    def settings(self) -> TrustSettings:
        """As given, the notice on where the weakest consent asks for it: whoever makes the sound speaks it first."""
        return self._record.settings

    @property
    def notes(self) -> list[str]:
        """What a user should know of the signing, a sentence each."""
        return list(self._record.notes)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._writer)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if kind is None:
            try:
                self._write(self._trace.finalize())
            except BaseException as problem:
                self._stack.__exit__(type(problem), problem, problem.__traceback__)
                raise
        return self._stack.__exit__(kind, error, trace)

    def write(self, samples: np.ndarray) -> None:
        """Append samples.

        Args:
            samples: (channels, n) float32; what is beyond -1..1 is clipped.
        """
        if samples.ndim != 2 or samples.shape[0] != self._writer.channels:
            raise UsageError(f"samples of {self.path} must be ({self._writer.channels}, n), not {samples.shape}")
        self._write(self._trace.write(samples))

    def _write(self, samples: np.ndarray) -> None:
        self.seconds = self._trace.seconds
        if samples.shape[1]:
            self._writer.write(samples)

    def _finalize(self, whole: Path) -> None:
        start = clock.perf_counter()
        self._record.complete(whole, sound_fingerprints=self._trace.fingerprints)
        self.seconds += clock.perf_counter() - start
