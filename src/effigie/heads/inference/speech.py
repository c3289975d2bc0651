"""The sound that a portrait speaks: performed in a thread, while the person is read, and written with the pictures."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from effigie.execution.pipeline import BackgroundCalls
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.driver import DriverReading
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.template import save_motion
from effigie.media.container import open_container
from effigie.media.sound.reader import SOUND_FORMATS, select_audio_stream, stream_sound
from effigie.media.sound.track import SoundStream
from effigie.progress import CancelToken, ProgressCallback

if TYPE_CHECKING:
    from effigie.heads.speech.inference.performance import Performance

OUTPUT_RATE = 48000  # samples a second


class SpeechReading:
    """A sound that is performed in a thread; with a driver, when the driver's motion is read.

    Use as a context manager, so that the thread ends.

    Args:
        driver: being read.
    """

    def __init__(
        self, sound: Path, driver: DriverReading | None, settings: AnimateSettings, cancel: CancelToken
    ) -> None:
        self._sound, self._driver, self._settings = sound, driver, settings
        self._calls = BackgroundCalls(1, cancel)
        self._performance = None if driver is not None else self._calls.submit(self._perform, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.__exit__(kind, error, trace)

    def result(self, progress: ProgressCallback) -> Performance:
        """Wait for the performance.

        Raises:
            RefusedError, MediaError, UsageError, AssetError: as of the driver, and of
                :func:`~effigie.heads.speech.inference.performance.perform`.
            CancelledError: asked to stop.
        """
        future = self._performance
        if future is None:
            assert self._driver is not None
            future = self._calls.submit(self._perform, self._driver.result(progress))
        self._calls.wait([future], progress)
        performance = future.result()
        if self._driver is None and self._settings.save_motion is not None:
            save_motion(performance.motion, self._settings.save_motion)
        return performance

    def _perform(self, driver: Motion | None) -> Performance:
        # Imported here: whoever has a driver alone need not wait for it.
        from effigie.heads.speech.inference.performance import perform

        settings = self._settings
        return perform(
            self._sound,
            settings.speech,
            driver,
            max_frames=settings.max_frames,
            progress=self._calls.report,
            cancel=self._calls.stop,
        )


def measure_length(sound: Path) -> float | None:
    """Seconds that a file says it is long; None where it does not say.

    Raises:
        MediaError: missing, damaged, or without sound.
    """
    with open_container(sound, SOUND_FORMATS) as container:
        select_audio_stream(container, sound)
        return None if container.duration is None else max(container.duration / 1_000_000, 0.04)


def read_speech(sound: Path, end_s: float | None, cancel: CancelToken) -> SoundStream:
    """A file's sound as it goes into an output: 48 kHz, one channel or two, by blocks of ten seconds.

    Args:
        end_s: where it ends; None takes all.
    """
    blocks = stream_sound(sound, OUTPUT_RATE, duration=end_s)
    first = next(blocks)
    channels = first.channels if first.channels <= 2 else 1

    def samples() -> Iterator[np.ndarray]:
        for block in itertools.chain([first], blocks):
            cancel.check()
            yield block.samples if channels == block.channels else block.mono()[None]

    return SoundStream(samples(), OUTPUT_RATE, channels)
