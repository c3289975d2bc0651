"""`effigie.convert`: a model, or several, and a clip in, the swapped clip out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.compositing import ComposeSettings
from effigie.consent.gate import ConsentLike
from effigie.errors import UsageError
from effigie.io.locks import with_output_lock
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.provenance.output_plan import plan_signed_output
from effigie.swap.config import ConvertSettings
from effigie.swap.inference.footage import Footage
from effigie.swap.inference.people.assignment import PersonAssignment, parse_assignments

if TYPE_CHECKING:
    from effigie.swap.editing.mask_clip import MaskClip
    from effigie.swap.inference.conversion import ConvertReport

FAST_GRAIN_INTERVAL = 3  # frames: sharpness changes with the face's distance and focus, not from frame to frame


@with_output_lock("output")
def convert(
    model: str | Path | PersonAssignment | Sequence[str | Path | PersonAssignment],
    clip: str | Path,
    output: str | Path,
    settings: ConvertSettings | None = None,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> ConvertReport:
    """Put the model's source face into a clip of its target; with several models, everybody's at once.

    Frames without the target go through untouched, as do all pixels outside the face. Sound, subtitles and exact
    times are carried over. The output appears under its name only when it is whole.

    Args:
        model: a folder made by :func:`effigie.swap.train`, or several, each for the person it was trained on; a
            :class:`effigie.swap.PersonAssignment` says by number whom it plays.
        clip: the target's footage.
        output: ``.mp4``, ``.mov`` or ``.mkv``, or a folder for PNG frames.
        consent: records (files or ids) instead of those the model was trained with.
        purpose: what the output is for, where a record is limited to one purpose.

    Raises:
        RefusedError: no valid consent for the face that would be shown, or the footage is intimate.
        ModelError: the model cannot be used.
        MediaError: the clip cannot be read, or the target is nowhere in it (nothing is written then).
        UsageError: the paint-over mask is not of the clip's size, length or times, or layers cannot be written (nothing
            is written then).
        CancelledError: asked to stop; nothing is left under the output's name.
    """
    settings, cancel = settings or ConvertSettings(), cancel or CancelToken()
    settings = use_fast(settings) if settings.fast else settings
    clip, output, assignments = Path(clip), Path(output), parse_assignments(model)
    if settings.person is not None:
        if len(assignments) > 1 or assignments[0].person is not None:
            raise UsageError("person is for one model; of several, say it of each: --map NUMBER=MODEL")
        assignments = [PersonAssignment(assignments[0].model, settings.person)]
    if output.exists() and clip.exists() and output.samefile(clip):
        raise UsageError(f"{output} is the input itself: choose another name for the output")
    # What would fail after the last frame fails here, before networks are loaded.
    plan_signed_output(
        clip,
        output,
        settings.encode,
        settings.trust,
        max_frames=settings.max_frames,
        layers=settings.layers,
        footage=settings.footage,
    )
    fetch_assets(REQUIRED_ASSETS, progress)
    with Footage(clip, settings.max_frames, not settings.deinterlace, cancel, settings.footage) as footage:
        return _convert_footage(footage, assignments, output, settings, (consent, purpose), progress, cancel)


def _convert_footage(
    footage: Footage,
    assignments: Sequence[PersonAssignment],
    output: Path,
    settings: ConvertSettings,
    permission: tuple[ConsentLike, str | None],
    progress: ProgressCallback,
    cancel: CancelToken,
) -> ConvertReport:
    """Load the models and convert; ``permission``: consent and purpose."""
    # Two seconds or more, mostly of torch, in which the clip is looked at.
    from effigie.swap.editing.mask_clip import MaskClip
    from effigie.swap.inference.conversion import Conversion
    from effigie.swap.inference.people.cast import Cast, needs_visibility

    cast = Cast(assignments, footage.reader.path, settings, *permission)
    footage.require_decent()
    people = cast.people(footage.rate, needs_visibility(settings))
    mask_clip: contextlib.AbstractContextManager[MaskClip | None] = contextlib.nullcontext()
    if settings.mask_clip is not None:
        mask_clip = MaskClip(settings.mask_clip, footage.reader.info, settings.max_frames)
    with mask_clip as mask:
        return Conversion(people, cast.device, footage, output, settings, mask, progress, cancel).run()


def use_fast(settings: ConvertSettings) -> ConvertSettings:
    """The settings with what the fast mode changes of compositing."""
    shots = tuple(
        replace(
            shot,
            compose=shot.compose and use_fast_grain(shot.compose),
            keys=tuple(replace(key, compose=use_fast_grain(key.compose)) for key in shot.keys),
        )
        for shot in settings.shots
    )
    return replace(settings, compose=use_fast_grain(settings.compose), shots=shots)


def use_fast_grain(settings: ComposeSettings) -> ComposeSettings:
    """The settings with sharpness and grain measured in every third frame."""
    interval = max(settings.grain.interval, FAST_GRAIN_INTERVAL)
    return replace(settings, grain=replace(settings.grain, interval=interval))
