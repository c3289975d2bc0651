"""What an animation's output will be: its clock, its size, its colors."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effigie.errors import MediaError
from effigie.heads.config import AnimateSettings
from effigie.heads.inference.speech import measure_length
from effigie.heads.motion.control_template import ControlTemplate
from effigie.heads.motion.motion import Motion
from effigie.media import ClipInfo, FootageSettings, OutputPlan, probe
from effigie.media.samples.color import choose_rgb_color
from effigie.provenance.output_plan import plan_signed_output

if TYPE_CHECKING:
    from effigie.heads.inference.subject import AnimationSubject


def plan_animation(
    portrait: str | Path, driver: str | Path, output: str | Path, settings: AnimateSettings | None = None
) -> OutputPlan:
    """Plan the output of :func:`effigie.animate`: the driver's clock and sound, the portrait's size.

    Raises:
        UsageError, MediaError, EffigieError: as :func:`effigie.provenance.plan_signed_output`.
    """
    settings = settings or AnimateSettings()
    info = probe(driver, settings.footage)
    with contextlib.suppress(MediaError):  # a face set or a model: its portrait's size is not known yet
        portrait_info = probe(portrait)
        info = replace(info, width=portrait_info.width, height=portrait_info.height, pixel_aspect=Fraction(1), notes=())
    info = replace(info, sequence=None)  # the portrait's pictures are no frames of the driver's
    return plan_signed_output(info, output, settings.encode, settings.trust, max_frames=settings.max_frames)


def plan_speech(
    portrait: str | Path, speech: str | Path, output: str | Path, settings: AnimateSettings | None = None
) -> OutputPlan:
    """Plan the output of :func:`effigie.animate` with ``speech``: its length, the portrait's size.

    Raises:
        UsageError, MediaError, EffigieError: as :func:`effigie.provenance.plan_signed_output`; the file has no sound.
    """
    settings = settings or AnimateSettings()
    duration = measure_length(Path(speech))
    rate = Fraction(settings.speech.frame_rate)
    frames = None if duration is None else max(1, round(duration * rate))
    info = _describe_synthetic(portrait, Path(speech), rate, frames, settings)
    return plan_signed_output(info, output, settings.encode, settings.trust, max_frames=settings.max_frames)


def plan_template(
    portrait: str | Path, template: ControlTemplate, output: str | Path, settings: AnimateSettings | None = None
) -> OutputPlan:
    """Plan the output of :func:`effigie.animate` with ``template`` alone: its length, the portrait's size.

    Raises:
        UsageError, MediaError, EffigieError: as :func:`effigie.provenance.plan_signed_output`.
    """
    settings = settings or AnimateSettings()
    info = _describe_synthetic(portrait, Path(portrait), Fraction(template.rate), template.count, settings)
    return plan_signed_output(info, output, settings.encode, settings.trust, max_frames=settings.max_frames)


def _describe_synthetic(
    portrait: str | Path, path: Path, rate: Fraction, frames: int | None, settings: AnimateSettings
) -> ClipInfo:
    """A clip of the portrait's size that nobody filmed."""
    width = height = settings.size or 512  # of a face set or a model: its portrait's size is not known yet
    with contextlib.suppress(MediaError):
        portrait_info = probe(portrait)
        width, height = portrait_info.width, portrait_info.height
    return ClipInfo(
        path=path,
        kind="sequence",
        width=width,
        height=height,
        rotation=0,
        rate=rate,
        frames=frames,
        duration=None if frames is None else frames / rate,
        time_base=1 / rate,
        codec="none",
        pixel_format="yuv420p",
        color=choose_rgb_color(height),
    )


def build_clip_info(motion: Motion, subject: AnimationSubject, footage: FootageSettings | None = None) -> ClipInfo:
    """The clip info of the output: the driver's clock and sound, the portrait's size and colours."""
    height, width = subject.portrait.image.shape[:2]
    overrides: dict[str, Any] = {
        "width": width,
        "height": height,
        "rotation": 0,
        "pixel_aspect": Fraction(1),
        "file_size": None,
        "field_order": "progressive",
        "sequence": None,  # the portrait's pictures are no frames of the driver's
        "pixel_format": "yuv420p",  # what every player shows, whatever the driver is
        "color": choose_rgb_color(height),
    }
    if motion.clip is not None:
        return replace(probe(motion.clip, footage), **overrides)
    return ClipInfo(
        path=subject.path,
        kind="sequence",
        rate=motion.rate,
        frames=len(motion),
        duration=None,
        time_base=motion.time_base,
        clock_origin=motion.clock_origin,
        codec="none",
        **overrides,
    )
