"""A conversion looked at before it is made: any frame, with any settings of compositing."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.consent.gate import ConsentLike, merge_permits
from effigie.errors import MediaError, UsageError
from effigie.execution import available_cores
from effigie.execution.pipeline import shared_cores
from effigie.faces.person_matcher import PersonMatcher, TargetPerson
from effigie.media import Frame
from effigie.progress import CancelToken
from effigie.provenance.frame_marker import FrameMarker
from effigie.swap.checkpoint import SwapModel
from effigie.swap.config import ConvertSettings
from effigie.swap.editing.shot_settings import ComposeSchedule
from effigie.swap.inference.composition import ComposedFrame
from effigie.swap.inference.conversion import BATCH_FRAMES
from effigie.swap.inference.convert import use_fast
from effigie.swap.inference.footage import Footage
from effigie.swap.inference.people.assignment import PersonAssignment, parse_assignments
from effigie.swap.inference.people.cast import Cast, needs_visibility
from effigie.swap.inference.people.planner import FacePlanner, PlannedFace
from effigie.swap.inference.people.state import PersonState
from effigie.swap.preview.face_cache import FaceCache
from effigie.swap.preview.look_memory import AnswerStore, RememberedEyewear, RememberedVisibility
from effigie.swap.preview.mattes import Mattes
from effigie.swap.preview.measurement import Measurement
from effigie.swap.preview.pictures import PictureWindow
from effigie.swap.preview.preview_frame import PreviewFrame, finish_frame
from effigie.swap.preview.replay import Replay
from effigie.swap.preview.single_frame import SingleFrame
from effigie.training.device import configure_backend

OPENED_WITH = ("person", "device", "extreme_pose", "interior", "eyewear", "deinterlace", "fast", "mask_clip")
"""Settings that a preview is opened with; those of compositing, shots and the notice may change at each call."""


class Preview:
    """A clip and its models, opened once. Use as a context manager; calls from several threads wait for each other.

    The clip's faces are measured in the background, from the first frame on: what a frame will look like depends on
    the frames before it. Until a frame is reached, there is a draft of it alone.

    Args:
        model, clip, settings, consent, purpose: as of :func:`effigie.convert`.
        output_id: 12 hex digits that the frames' mark carries; by default random.

    Raises:
        RefusedError, ModelError, MediaError, UsageError: as of :func:`effigie.convert`.

    Example::

        with effigie.swap.Preview("anna-in-ben", "ben.mp4") as preview:
            draft = preview.draft(120)
            softer = ConvertSettings(compose=ComposeSettings(mask=MaskSettings(feather=0.12)))
            film = preview.frame(120, softer)
    """

    def __init__(
        self,
        model: str | Path | PersonAssignment | Sequence[str | Path | PersonAssignment],
        clip: str | Path,
        settings: ConvertSettings | None = None,
        *,
        consent: ConsentLike = None,
        purpose: str | None = None,
        output_id: str | None = None,
    ) -> None:
        self.settings = settings or ConvertSettings()
        assignments = parse_assignments(model)
        if self.settings.person is not None:
            if len(assignments) > 1:
                raise UsageError("person is for one model; of several, say it of each")
            assignments = [PersonAssignment(assignments[0].model, self.settings.person)]
        fetch_assets(REQUIRED_ASSETS)
        self._lock = threading.RLock()
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            separate_fields = not self.settings.deinterlace
            self._footage = stack.enter_context(
                Footage(Path(clip), None, separate_fields, CancelToken(), self.settings.footage)
            )
            self._cast = Cast(assignments, Path(clip), self.settings, consent, purpose)
            self._footage.require_decent()
            models = self._cast.models
            self._permit = merge_permits([one.permit for one in models])
            self._output_id = output_id or secrets.token_hex(6)
            self._matcher = [
                TargetPerson(one.target.embedding, each.person) for one, each in zip(models, assignments, strict=True)
            ]
            self._pictures = PictureWindow(Path(clip), separate_fields, self.settings.footage)
            stack.callback(self._pictures.close)
            self._measurement = Measurement(self._footage, PersonMatcher(self._matcher))
            stack.callback(self._measurement.close)
            self._stack = stack.pop_all()
        self._answers = AnswerStore()
        self._mattes = Mattes(self.settings.mask_clip, self._footage.reader.info)
        self._marker: FrameMarker | None = None
        self._trust: object = None
        self._structure: object = None
        self._key: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the measuring, and close the clip."""
        with self._lock:
            self._mattes.close()
            self._stack.close()

    @property
    def models(self) -> Sequence[SwapModel]:
        """The models as they are loaded: of one that is trained meanwhile, its weights at that moment."""
        return self._cast.models

    @property
    def count(self) -> int | None:
        """Frames of the clip; until its end is reached, what its container says."""
        return self._measurement.count_frames() if self._measurement.is_complete else self._footage.reader.info.frames

    @property
    def measured(self) -> int:
        """Frames, from the first on, that are measured: of these there is more than a draft."""
        return self._measurement.count_frames()

    @property
    def person_ranges(self) -> list[tuple[int, int]]:
        """Ranges of measured frames, both ends included, in which somebody is found whose face is to be replaced."""
        return self._measurement.list_person_ranges()

    def draft(self, index: int, settings: ConvertSettings | None = None) -> PreviewFrame:
        """A frame at once, composed by itself; where it is not measured yet, with faces that were looked for in it
        alone.

        Raises:
            MediaError: there is no such frame.
            UsageError: a setting that the preview was not opened with.
        """
        with self._lock, self._measurement.pause(), self._backend():
            settings = self._prepare(settings or self.settings)
            parts: list[ComposedFrame]
            if index < self.measured:
                numbers = self._find_numbers(index)
                parts = [self._replay.draft(number, self._faces.of_picture_alone) for number in numbers]
            else:
                schedule = ComposeSchedule(settings.compose, settings.shots, settings.strokes)
                parts = [
                    self._lone.compose(frame, self._mattes(frame), schedule, settings.shots)
                    for frame in self._pictures.read(index)
                ]
            return self._finish(parts, "draft")

    def frame(
        self,
        index: int,
        settings: ConvertSettings | None = None,
        settle: int | None = None,
        cancel: CancelToken | None = None,
    ) -> PreviewFrame:
        """A frame as a conversion with these settings makes it; waits until it is measured.

        Args:
            settle: be content with memory of so many frames before; None composes from as far back as it matters.
            cancel: to stop it; what was composed so far serves the next call.

        Raises:
            MediaError: there is no such frame.
            UsageError: a setting that the preview was not opened with.
            CancelledError: asked to stop.
        """
        cancel = cancel or CancelToken()
        with self._lock:
            self._prepare(settings or self.settings)
            is_there = self._measurement.wait(index, cancel)
            if not is_there:
                raise MediaError(f"{self._footage.reader.path} has no frame {index}")
            pictures = self._measurement.pictures
            last = next(number for number in range(len(pictures) - 1, -1, -1) if pictures[number].index == index)
            # Networks make the faces of a few pictures in one go, and round by how many these are.
            self._measurement.wait(pictures[last].index + BATCH_FRAMES, cancel)
            with self._measurement.pause(), self._backend():
                numbers = self._find_numbers(index)
                steps = None if settle is None else settle * len(numbers)
                parts, is_exact = self._replay.run(numbers[0], numbers[-1], steps, cancel)
                return self._finish(parts, "film" if is_exact else "settled")

    def _prepare(self, settings: ConvertSettings) -> ConvertSettings:
        """Make ready for settings; returns them as a conversion would use them."""
        for name in OPENED_WITH:
            if getattr(settings, name) != getattr(self.settings, name):
                raise UsageError(f"{name} is {getattr(self.settings, name)!r} here: open another preview for another")
        key = (settings.compose, settings.shots, settings.strokes)
        trust = (settings.trust.label, settings.trust.label_text, settings.trust.watermark)
        if self._marker is None or trust != self._trust:
            self._trust = trust
            self._marker = FrameMarker(self._permit, settings.trust, self._output_id, self._footage.reader.info.path)
            self._marker.begin(float(self._pictures.read(0)[0].time))
        settings = use_fast(settings) if settings.fast else settings
        if key == self._key:
            return settings
        # What shots change of whom is shown, and from where on, is planned anew; how faces are put in is not.
        bare = tuple(replace(shot, compose=None, keys=()) for shot in settings.shots)
        looks = needs_visibility(settings)
        if (bare, looks) != self._structure:
            self._plan_anew(settings, looks)
            self._structure = (bare, looks)
        schedule = ComposeSchedule(settings.compose, settings.shots, settings.strokes)
        self._replay = Replay(self._plans, schedule, self._read_picture, self._faces.of_picture)
        self._key = key
        return settings

    def _plan_anew(self, settings: ConvertSettings, looks: bool) -> None:
        people = [self._remember(person) for person in self._cast.people(self._footage.rate, looks)]
        self._planner = FacePlanner(people, settings.shots)
        self._plans: list[list[PlannedFace]] = []
        self._numbers: dict[int, list[int]] = {}
        self._faces = FaceCache(people, self._plans, lambda number: self._read_picture(number)[0].image)
        lone_people = [self._remember(person) for person in self._cast.people(self._footage.rate, looks)]
        self._lone = SingleFrame(lone_people, self._matcher)

    def _remember(self, person: PersonState) -> PersonState:
        """The person with a compositor that remembers what networks said."""
        person.compositor = person.compositor.with_looks(
            lambda visibility: RememberedVisibility(visibility, self._answers),
            lambda eyewear: RememberedEyewear(eyewear, self._answers),
        )
        return person

    def _find_numbers(self, index: int) -> list[int]:
        """The numbers of a frame's pictures; everything measured is planned."""
        for picture in self._measurement.pictures[len(self._plans) :]:
            self._numbers.setdefault(picture.index, []).append(len(self._plans))
            self._plans.append(self._planner(picture.index, picture.faces, picture.matches))
        return self._numbers[index]

    def _read_picture(self, number: int) -> tuple[Frame, np.ndarray | None]:
        index = self._measurement.pictures[number].index
        frame = self._pictures.read(index)[number - self._numbers[index][0]]
        return frame, self._mattes(frame)

    def _finish(self, parts: Sequence[ComposedFrame], state: Literal["draft", "settled", "film"]) -> PreviewFrame:
        assert self._marker is not None
        return finish_frame(parts, self._marker, state)

    @contextlib.contextmanager
    def _backend(self) -> Iterator[None]:
        """As in a conversion, for sums round by the number of threads."""
        with shared_cores(), configure_backend(self._cast.device, max(1, available_cores() // 4)):
            yield
