"""The landmarks that an animation asks for, frame by frame: of a driver, of a template, or of both."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from effigie.arrays import Image
from effigie.errors import UsageError
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.response import fit_gains
from effigie.heads.motion.control_template import ControlTemplate
from effigie.heads.motion.gains import Gains
from effigie.heads.motion.motion import Motion
from effigie.heads.motion.puppet import Puppet, build_motion
from effigie.heads.motion.retarget import Retargeter
from effigie.heads.warp.scene import PortraitWarp
from effigie.io.measurements import measure_once
from effigie.progress import CancelToken

if TYPE_CHECKING:
    from effigie.heads.inference.subject import AnimationSubject

LandmarkSource = Callable[[int], np.ndarray]
"""Frame number -> (478, 3) float32 landmarks that are wanted in it, px of the portrait."""


class Direction:
    """What a portrait does in every frame.

    Args:
        driver: motion of a clip, a motion template or a sound; None where the control template is all.
        template: stands over the driver.
        warp: of the subject's portrait; some moments are made to see how strongly it answers the driver.
        cancel: to stop it.

    Attributes:
        times: when every frame is shown, exact seconds.
    """

    def __init__(
        self,
        subject: AnimationSubject,
        driver: Motion | None,
        template: ControlTemplate | None,
        settings: AnimateSettings,
        warp: PortraitWarp,
        cancel: CancelToken,
    ) -> None:
        self._subject, self._driver, self._template = subject, driver, template
        self._settings, self._warp, self._cancel = settings, warp, cancel
        if driver is not None:
            self.times = driver.times
        elif template is not None:
            self.times = template.times()
        else:
            raise UsageError("nothing moves the portrait: name a driver's clip, a sound, or a template")

    @cached_property
    def gains(self) -> Gains:
        """How strongly the driver's movements are asked for."""
        assert self._driver is not None
        return fit_pair_gains(self._subject, self._driver, self._settings, self._warp, self._cancel)

    def with_template(self, template: ControlTemplate) -> Direction:
        """The same with another template; what was measured of the driver stays."""
        direction = Direction(self._subject, self._driver, template, self._settings, self._warp, self._cancel)
        if self._driver is not None:
            direction.gains = self.gains
        return direction

    @cached_property
    def source(self) -> LandmarkSource:
        """What makes the landmarks; measures first how strongly the portrait answers a driver, for a second or two."""
        portrait, seconds = self._subject.portrait, np.array([float(time - self.times[0]) for time in self.times])
        retarget = None
        if self._driver is not None:
            height, width = portrait.image.shape[:2]
            retarget = Retargeter(
                portrait.landmarks, self._driver, self._settings.controls, (width, height), self.gains
            )
            if self._template is None:
                return retarget
        assert self._template is not None
        return Puppet(portrait.rig, self._template, seconds, retarget)

    @cached_property
    def motion(self) -> Motion:
        """The driver's, or what the template says as one.

        Its blendshapes, by which a person's pictures are chosen, are those of what is shown.
        """
        if self._driver is None:
            assert self._template is not None
            return build_motion(self._template, self._subject.portrait.rig)
        if self._template is None or not self._subject.has_choice:
            return self._driver
        assert isinstance(self.source, Puppet)
        rest = replace(self._driver.rest, blendshapes=self._subject.portrait.rig.rest.blendshapes)
        return replace(self._driver, blendshapes=self.source.measure_blendshapes(), own_rest=rest)


def fit_pair_gains(
    subject: AnimationSubject, motion: Motion, settings: AnimateSettings, warp: PortraitWarp, cancel: CancelToken
) -> Gains:
    """How much more than the driver's movements the portrait is asked for, measured once of both here."""
    portrait = subject.portrait
    height, width = portrait.image.shape[:2]

    def build_show() -> Callable[[np.ndarray, int], Image]:
        renderer = subject.model.build_renderer(motion)  # of its own: renderers remember the frame before

        def show(landmarks: np.ndarray, index: int) -> Image:
            cancel.check()
            return renderer(warp.render(landmarks), landmarks, index)[0]

        return show

    def measure() -> dict[str, float]:
        return asdict(fit_gains(portrait.landmarks, motion, (width, height), build_show))

    if subject.model.sha256 is None and settings.renderer == "network":
        return Gains(**measure())  # with a network that nothing names: a person who is being tuned
    return Gains(**measure_once("gains", _describe_pair(subject, motion, settings), measure, _are_gains))


def _are_gains(values: Any) -> bool:
    return all(0 < gain < math.inf for gain in asdict(Gains(**values)).values())


def _describe_pair(subject: AnimationSubject, motion: Motion, settings: AnimateSettings) -> str:
    """Digest of all that gains depend on: portrait, motion, and who paints."""
    portrait = subject.portrait
    digest = hashlib.sha256(f"{subject.model.sha256} {settings.renderer} {settings.paste}".encode())
    arrays = (portrait.image, portrait.landmarks, motion.present, motion.rotation, motion.scale)
    for array in (*arrays, motion.translation, motion.blendshapes):
        digest.update(np.ascontiguousarray(array).tobytes())
    for first in range(0, len(motion), 1000):  # shapes of a face that speaks are made as they are asked for
        digest.update(np.ascontiguousarray(motion.unposed[first : first + 1000]).tobytes())
    return digest.hexdigest()
