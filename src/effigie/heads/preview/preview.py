"""An animation looked at before it is made: any frame of any template, on a portrait that is opened once."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from effigie.arrays import Image
from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.consent.gate import ConsentLike
from effigie.errors import MediaError, RefusedError
from effigie.execution.pipeline import shared_cores
from effigie.faces.mesh import fit_pose
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.animation import build_warp
from effigie.heads.inference.driver import DriverReading
from effigie.heads.inference.landmark_source import Direction
from effigie.heads.inference.neural_renderer import NeuralRenderer
from effigie.heads.inference.subject import FrameRenderer, load_subject, render_geometry
from effigie.heads.motion.control_template import ControlTemplate
from effigie.heads.motion.face_controls import FaceControls
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.puppet import build_motion
from effigie.heads.warp.scene import PortraitWarp
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.provenance.frame_marker import FrameMarker
from effigie.provenance.watermark import measure_anchor
from effigie.training.device import choose_device, configure_backend

if TYPE_CHECKING:
    from effigie.heads.inference.subject import AnimationSubject

DRAFT_SIDE = 640  # px, larger side of a draft at most
PERMIT_INTERVAL_S = 5.0  # between two questions to the gate, while frames are shown


@dataclass(frozen=True, eq=False)
class PreviewFrame:
    """A frame as it would be written, marked and labelled as everything that leaves effigie.

    Attributes:
        index: counted from 0.
        time: s from the first frame.
        image: (H, W, 3) uint8 RGB; of a large portrait's draft smaller.
        mask: (H, W) uint8, 255 where the face was made.
        shows: what the face shows in it, measured from the landmarks that were asked for.
        state: ``film``: to the last bit what an animation writes, before it is encoded; ``draft``: by geometry alone.
    """

    index: int
    time: Fraction
    image: Image
    mask: np.ndarray
    shows: FaceControls
    state: Literal["draft", "film"]


class Preview:
    """A portrait, opened once. Use as a context manager; calls from several threads wait for each other.

    The consent gate is asked at opening, and again every five seconds of looking: when it refuses, the preview closes.

    Args:
        portrait, settings, consent, purpose: as of :func:`effigie.animate`.
        driver: a clip, a motion template or a motion that controls stand over; None for a portrait by itself.
        output_id: 12 hex digits that the frames' mark carries; by default random.
        progress: of reading the driver.
        cancel: stops it.

    Raises:
        RefusedError, MediaError, UsageError: as of :func:`effigie.animate`.

    Example::

        with effigie.heads.Preview("anna.png") as preview:
            calm = preview.frame(FaceControls.calm()).image
            last = preview.frame(load_template("nod.toml"), 49).image
    """

    def __init__(
        self,
        portrait: str | Path,
        settings: AnimateSettings | None = None,
        *,
        driver: str | Path | Motion | None = None,
        consent: ConsentLike = None,
        purpose: str | None = None,
        output_id: str | None = None,
        progress: ProgressCallback = ignore_progress,
        cancel: CancelToken | None = None,
    ) -> None:
        self.settings = settings or AnimateSettings()
        self._cancel = cancel or CancelToken()
        fetch_assets(REQUIRED_ASSETS, progress)
        self._lock = threading.RLock()
        with contextlib.ExitStack() as stack:
            reading = None
            if isinstance(driver, (str, Path)):
                driver_settings = replace(self.settings, save_motion=None)
                reading = stack.enter_context(DriverReading(Path(driver), driver_settings, self._cancel))
            self._subject: AnimationSubject | None = load_subject(
                Path(portrait), self.settings, consent, purpose, progress, self._cancel
            )
            self._gate_time = time.monotonic()
            self._warp = build_warp(self._subject, self.settings)
            self._driver = driver if isinstance(driver, Motion) else None
            if reading is not None:
                self._driver = reading.result(progress)
        self._portrait = self._subject.portrait
        self._output_id = output_id or secrets.token_hex(6)
        self._marker = self._build_marker(self._subject)
        self._small: tuple[PortraitWarp, float, FrameMarker] | None = None  # for drafts, and its scale
        self._template: ControlTemplate | None = None
        self._direction: Direction | None = None
        self._plain: FrameRenderer | None = None
        self._renderer: FrameRenderer | None = None
        self._next = 0
        if self._driver is not None:  # how strongly the portrait answers it is measured now, not at the first frame
            with self._backend():
                _ = self._direct(FaceControls(), 0)[1].source

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the portrait; nothing is shown any more."""
        with self._lock:
            self._subject = self._direction = None

    @property
    def is_open(self) -> bool:
        """Whether it still shows something."""
        return self._subject is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What to expect of a difficult portrait, a sentence each."""
        return self._portrait.notes

    @property
    def own(self) -> FaceControls:
        """What the portrait itself shows."""
        rig = self._portrait.rig
        return rig.measure(rig.shape, rig.pose)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of a frame, px."""
        height, width = self._portrait.image.shape[:2]
        return width, height

    @property
    def driver_times(self) -> tuple[Fraction, ...] | None:
        """When the driver's frames are shown, s on its clock; None without one."""
        return None if self._driver is None else self._driver.times

    def frame(self, template: ControlTemplate | FaceControls, index: int = 0) -> PreviewFrame:
        """A frame as an animation with this template renders it; of controls alone the portrait showing them.

        Raises:
            MediaError: there is no such frame.
            RefusedError: a consent was revoked, or has ended.
        """
        with self._lock, self._backend():
            subject, direction = self._direct(template, index)
            landmarks = direction.source(index)
            image, mask = self._renew(subject, direction, index)(self._warp.render(landmarks), landmarks, index)
            time_s = float(direction.times[index])
            marked = self._marker.mark(image, mask, [measure_anchor(landmarks)], time_s)
            return self._finish(marked, mask, landmarks, direction, index, "film")

    def draft(self, template: ControlTemplate | FaceControls, index: int = 0) -> PreviewFrame:
        """The same by geometry alone and at most 640 px large: sooner, for a slider that is still moving.

        Raises:
            MediaError, RefusedError: as of :meth:`frame`.
        """
        with self._lock:
            subject, direction = self._direct(template, index)
            landmarks = direction.source(index)
            if self._small is None:
                self._small = self._build_small(subject)
            warp, scale, marker = self._small
            placed = landmarks * np.float32(scale)
            placed[:, :2] += np.float32((scale - 1) / 2)
            image, mask = render_geometry(warp.render(placed), placed, index)
            marked = marker.mark(image, mask, [measure_anchor(placed)], float(direction.times[index]))
            return self._finish(marked, mask, landmarks, direction, index, "draft")

    def _build_marker(self, subject: AnimationSubject) -> FrameMarker:
        marker = FrameMarker(subject.permit, self.settings.trust, self._output_id, subject.path)
        marker.begin(0.0 if self._driver is None else float(self._driver.times[0]))
        return marker

    def _build_small(self, subject: AnimationSubject) -> tuple[PortraitWarp, float, FrameMarker]:
        """The warp of a small portrait, by what it was shrunk, and the marker of such pictures."""
        width, height = self.size
        scale = DRAFT_SIDE / max(width, height)
        if scale >= 1:
            return self._warp, 1.0, self._marker
        small = self._portrait.resize(max(1, round(width * scale)), max(1, round(height * scale)))
        return build_warp(replace(subject, portrait=small), self.settings), scale, self._build_marker(subject)

    def _direct(self, template: ControlTemplate | FaceControls, index: int) -> tuple[AnimationSubject, Direction]:
        """The direction of a template; that of the template before is kept."""
        subject = self._ask_gate()
        if isinstance(template, FaceControls):
            template = ControlTemplate.still(template)
        if self._direction is None or template != self._template:
            if self._direction is not None:
                self._direction = self._direction.with_template(template)
            else:
                self._direction = Direction(subject, self._driver, template, self.settings, self._warp, self._cancel)
            self._template, self._renderer = template, None
        count = len(self._direction.times)
        if not 0 <= index < count:
            raise MediaError(f"there is no frame {index}: the motion has {count}")
        return subject, self._direction

    def _ask_gate(self) -> AnimationSubject:
        if self._subject is None:
            raise RefusedError("the preview is closed: open it again")
        if time.monotonic() - self._gate_time >= PERMIT_INTERVAL_S:
            self._gate_time = time.monotonic()
            try:
                self._subject.ask()
            except RefusedError:
                self.close()
                raise
        return self._subject

    def _renew(self, subject: AnimationSubject, direction: Direction, index: int) -> FrameRenderer:
        """A renderer that remembers the frames before ``index`` as an animation's does."""
        if not subject.has_choice:  # one picture: nothing of earlier frames matters
            if self._plain is None:
                still = build_motion(FaceControls(), self._portrait.rig)
                self._plain = subject.model.build_renderer(still)
            return self._plain
        if self._renderer is None or index < self._next:
            self._renderer, self._next = subject.model.build_renderer(direction.motion), 0
        if isinstance(self._renderer, NeuralRenderer):
            for previous in range(self._next, index):
                self._renderer.skip(direction.source(previous), previous)
        self._next = index + 1
        return self._renderer

    def _finish(
        self,
        image: Image,
        mask: np.ndarray,
        landmarks: np.ndarray,
        direction: Direction,
        index: int,
        state: Literal["draft", "film"],
    ) -> PreviewFrame:
        rig, pose = self._portrait.rig, fit_pose(landmarks)
        shows = rig.measure(pose.to_canonical(landmarks.astype(np.float64)), pose)
        return PreviewFrame(index, direction.times[index] - direction.times[0], image, mask, shows, state)

    @contextlib.contextmanager
    def _backend(self) -> Iterator[None]:
        """As in an animation, for sums round by the number of threads."""
        with shared_cores(), contextlib.ExitStack() as stack:
            if self.settings.renderer == "network":
                stack.enter_context(configure_backend(choose_device(self.settings.device), 1))
            yield
