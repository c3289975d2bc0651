"""Reads a driver in a thread, so that the person who is animated is read and networks are loaded meanwhile."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from effigie.consent.nsfw_detector import check_clip
from effigie.execution.pipeline import BackgroundCalls
from effigie.heads.config import AnimateSettings
from effigie.heads.motion.motion import Motion, read_motion
from effigie.heads.motion.template import is_template, load_motion, save_motion
from effigie.media import probe
from effigie.progress import CancelToken, Progress, ProgressCallback

QUICK_LOOK_FRAMES = 300
"""Frames of the driver that are read for an animation of a few: enough to find a calm one among."""


class DriverReading:
    """A driver whose motion is read in a thread, and whose clip is checked for intimate content in another.

    Use as a context manager, so that the threads end.

    Raises:
        MediaError: the clip cannot be read.
    """

    def __init__(self, driver: Path, settings: AnimateSettings, cancel: CancelToken) -> None:
        self._settings, self._calls = settings, BackgroundCalls(2, cancel)
        self._check: Future[Any] | None = None
        if is_template(driver):
            self._motion = self._calls.submit(load_motion, driver)
            return
        probe(driver, settings.footage)
        self._check = self._calls.submit(check_clip, driver, cancel=self._calls.stop)
        max_read = None
        if settings.max_frames is not None and settings.save_motion is None:
            # One more than is shown, whose time says where the sound ends; enough to find a calm one among.
            max_read = max(settings.max_frames + 1, QUICK_LOOK_FRAMES, (settings.neutral_frame or 0) + 1)
        self._motion = self._calls.submit(
            read_motion,
            driver,
            settings.driver_person,
            neutral_frame=settings.neutral_frame,
            max_frames=max_read,
            footage=settings.footage,
            progress=self._calls.report,
            cancel=self._calls.stop,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.__exit__(kind, error, trace)

    def result(self, progress: ProgressCallback) -> Motion:
        """Wait for the motion, and for the check.

        Raises:
            RefusedError: the driver's clip is intimate.
            MediaError, UsageError: as of :func:`effigie.heads.read_motion` and :func:`effigie.heads.load_motion`.
            CancelledError: asked to stop.
        """
        settings = self._settings
        futures: list[Future[Any]] = [self._motion] if self._check is None else [self._motion, self._check]
        self._calls.wait(futures, progress)
        motion = self._motion.result()
        if self._check is None:
            if settings.neutral_frame is not None:
                motion = motion.with_neutral_frame(settings.neutral_frame)
        else:
            self._check.result()
        progress(Progress("driver", len(motion), len(motion), "frames"))
        if settings.save_motion is not None:
            save_motion(motion, settings.save_motion)
        return motion
