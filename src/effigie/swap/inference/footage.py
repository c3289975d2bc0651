"""The clip of a conversion, looked at from before the networks are loaded: in threads, while torch is imported."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from effigie.consent.nsfw_detector import check_clip
from effigie.execution.pipeline import BackgroundCalls, Prefetcher
from effigie.faces.analyzer import AnalyzedFrame, analyze
from effigie.faces.tracker import Tracker
from effigie.media import FootageSettings, Frame, VideoReader
from effigie.progress import CancelToken

Item = TypeVar("Item")


class Footage:
    """A clip whose frames are decoded and measured ahead, a few at a time, and which is checked to be no intimate one.

    Use as a context manager, so that its threads end.

    Args:
        max_frames: so many are looked at; None looks at all.
        fields: whether the fields of interlaced frames are pictures of their own, two a frame.
        footage: what a sequence of pictures does not say itself.

    Attributes:
        reader: of the clip; frames come with the file's own samples.
        rate: pictures a second.
        analyzed: its frames with their faces, in order; to be iterated once.
        seconds: spent on decoding and on landmarks.
    """

    def __init__(
        self,
        clip: Path,
        max_frames: int | None,
        fields: bool,
        cancel: CancelToken,
        footage: FootageSettings | None = None,
    ) -> None:
        self.reader = VideoReader(clip, native=True, fields=fields, footage=footage)
        pictures = 2 if fields and self.reader.info.field_order != "progressive" else 1
        self.rate = float(self.reader.info.rate or 25) * pictures
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._calls = BackgroundCalls(1, cancel)
        self._check = self._calls.submit(check_clip, clip, self._calls.stop)
        self._prefetcher = Prefetcher(self._measure(None if max_frames is None else max_frames * pictures))
        self.analyzed: Iterator[AnalyzedFrame[Frame]] = self._prefetcher.__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.stop.set()
        self._prefetcher.__exit__(kind, error, trace)
        self._calls.__exit__(kind, error, trace)
        self.reader.close()

    def require_decent(self) -> None:
        """Wait for the check; RefusedError where the clip looks intimate, MediaError where it cannot be read."""
        self._calls.wait([self._check])
        self._check.result()

    def _measure(self, max_pictures: int | None) -> Iterator[AnalyzedFrame[Frame]]:
        frames = self._time("decode", itertools.islice(iter(self.reader), max_pictures))
        return self._time("landmarks", analyze(frames, Tracker(), rate=self.rate))

    def _time(self, stage: str, items: Iterator[Item]) -> Iterator[Item]:
        """The items; counts the seconds that each takes for a stage, without those of decoding meanwhile."""
        while True:
            start, decoded = time.perf_counter(), self.seconds["decode"]
            item = next(items, None)
            self.seconds[stage] += time.perf_counter() - start - (self.seconds["decode"] - decoded)
            if item is None:
                return
            yield item
