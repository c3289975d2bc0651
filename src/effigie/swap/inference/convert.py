"""`effigie.convert`: a model, or several, and a clip in, the swapped clip out."""

from __future__ import annotations

import contextlib
import functools
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
from effigie.swap.inference.person_assignment import PersonAssignment, parse_assignments

if TYPE_CHECKING:
    from effigie.swap.inference.conversion import ConvertReport
    from effigie.swap.inference.mask_clip import MaskClip

# What the fast mode gives up for speed. A made face's side is this share of the usual: warping it, and all that is done
# to it before it lies in the frame, costs half.
FAST_SIDE_SHARE = 0.75
FAST_GRAIN_INTERVAL = 3  # frames: sharpness changes with the face's distance and focus, not from frame to frame
FAST_VISIBILITY_INTERVAL = 2  # frames: a crop follows the face, and a hand before it moves little in one


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
    side_share, visibility_interval = 1.0, 1
    if settings.fast:
        side_share, visibility_interval = FAST_SIDE_SHARE, FAST_VISIBILITY_INTERVAL
        shots = (replace(shot, compose=shot.compose and use_fast_grain(shot.compose)) for shot in settings.shots)
        settings = replace(settings, compose=use_fast_grain(settings.compose), shots=tuple(shots))
    clip, output, assignments = Path(clip), Path(output), parse_assignments(model)
    if settings.person is not None:
        if len(assignments) > 1 or assignments[0].person is not None:
            raise UsageError("person is for one model; of several, say it of each: --map NUMBER=MODEL")
        assignments = [PersonAssignment(assignments[0].model, settings.person)]
    if output.exists() and clip.exists() and output.samefile(clip):
        raise UsageError(f"{output} is the input itself: choose another name for the output")
    # What would fail after the last frame fails here, before networks are loaded.
    plan_signed_output(
        clip, output, settings.encode, settings.trust, max_frames=settings.max_frames, layers=settings.layers
    )
    fetch_assets(REQUIRED_ASSETS, progress)
    with Footage(clip, settings.max_frames, not settings.deinterlace, cancel) as footage:
        shares, asked = (side_share, visibility_interval), (consent, purpose)
        return _convert_footage(footage, assignments, output, settings, shares, asked, progress, cancel)


def _convert_footage(
    footage: Footage,
    assignments: Sequence[PersonAssignment],
    output: Path,
    settings: ConvertSettings,
    shares: tuple[float, int],
    asked: tuple[ConsentLike, str | None],
    progress: ProgressCallback,
    cancel: CancelToken,
) -> ConvertReport:
    """Load the models and convert.

    Args:
        shares: a made face's side, of the usual; in which of how many frames is looked for what covers it.
        asked: consent and purpose.
    """
    # Two seconds or more, mostly of torch, in which the clip is looked at.
    from effigie.occlusion.predictor import VisibilityPredictor
    from effigie.swap.checkpoint import load_swap
    from effigie.swap.inference.conversion import Conversion
    from effigie.swap.inference.mask_clip import MaskClip
    from effigie.swap.inference.person_state import FaceCompositor, PersonState, check_distinct_people
    from effigie.swap.inference.source_eyewear import SourceEyewear, choose_eyewear
    from effigie.swap.inference.source_visibility import SourceVisibility
    from effigie.swap.inference.swapper import Swapper
    from effigie.swap.inference.target_eyewear import TargetEyewear
    from effigie.training.device import choose_device, choose_precision

    (side_share, visibility_interval), (consent, purpose), reader = shares, asked, footage.reader
    device = choose_device(settings.device)
    precision = choose_precision("auto", device)
    models = [load_swap(one.model, str(device), consent=consent, purpose=purpose) for one in assignments]
    check_distinct_people(assignments, models)
    footage.require_decent()
    visibility = VisibilityPredictor(device=device, half=precision == "bf16")
    compose_settings = [settings.compose, *(shot.compose for shot in settings.shots if shot.compose)]
    needs_visibility = any(compose.occlusion == "on" for compose in compose_settings)
    eyewear = [
        choose_eyewear(model.bank, settings.eyewear, visibility) if model.prior else SourceEyewear(model.bank, [])
        for model in models
    ]
    models = [replace(model, bank=one.bank) for model, one in zip(models, eyewear, strict=True)]
    mask_clip: contextlib.AbstractContextManager[MaskClip | None] = contextlib.nullcontext()
    if settings.mask_clip is not None:
        mask_clip = MaskClip(settings.mask_clip, reader.info, settings.max_frames)
    with mask_clip as mask:
        people = [
            PersonState(
                assignment,
                loaded,
                functools.partial(
                    Swapper,
                    loaded,
                    device,
                    precision,
                    footage.rate,
                    side_share,
                    settings.extreme_pose == "leave",
                    SourceVisibility(
                        loaded.bank,
                        visibility,
                        loaded.network is not None,
                        settings.eyewear == "source",
                        worn.find_hidden,
                    )
                    if needs_visibility
                    else None,
                    settings.interior == "footage",
                    worn.find_hidden is not None,
                ),
                FaceCompositor(
                    settings.compose,
                    visibility.fresh_copy(),
                    visibility_interval,
                    TargetEyewear(visibility, is_kept=settings.eyewear == "target"),
                ),
                [*loaded.notes, *worn.notes],
            )
            for assignment, loaded, worn in zip(assignments, models, eyewear, strict=True)
        ]
        return Conversion(people, device, footage, output, settings, mask, progress, cancel).run()


def use_fast_grain(settings: ComposeSettings) -> ComposeSettings:
    """The settings with sharpness and grain measured in every third frame."""
    interval = max(settings.grain.interval, FAST_GRAIN_INTERVAL)
    return replace(settings, grain=replace(settings.grain, interval=interval))
