"""`effigie.convert`: a model, or several, and a clip in, the swapped clip out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from effigie.assets import REQUIRED, fetch_all
from effigie.consent.gate import ConsentLike, check_footage
from effigie.errors import UsageError
from effigie.io.locks import one_writer
from effigie.media import Reader
from effigie.occlusion.predictor import Visibility
from effigie.progress import Cancel, ProgressCallback, silent
from effigie.swap.checkpoint import load_swap
from effigie.swap.config import ConvertSettings
from effigie.swap.inference import fast
from effigie.swap.inference.cast import Part, check_distinct
from effigie.swap.inference.compositing import Finish
from effigie.swap.inference.conversion import Conversion, ConvertReport
from effigie.swap.inference.mask_clip import Paint
from effigie.swap.inference.roles import Role, roles
from effigie.swap.inference.source_visibility import Hairline
from effigie.swap.inference.swapper import Swapper
from effigie.training import choose_device, choose_precision


@one_writer("output")
def convert(
    model: str | Path | Role | Sequence[str | Path | Role],
    clip: str | Path,
    output: str | Path,
    settings: ConvertSettings | None = None,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
) -> ConvertReport:
    """Put the model's source face into a clip of its target; with several models, everybody's at once.

    Frames without the target go through untouched, as do all pixels outside the face. Sound, subtitles and exact
    times are carried over. The output appears under its name only when it is whole.

    Args:
        model: a folder made by :func:`effigie.swap.train`, or several, each for the person it was trained on; a
            :class:`effigie.swap.Role` says by number whom it plays.
        clip: the target's footage.
        output: ``.mp4``, ``.mov`` or ``.mkv``, or a folder for PNG frames.
        consent: records (files or ids) instead of those the model was trained with.
        project: what the output is for, where a record is limited to a project.

    Raises:
        RefusedError: no valid consent for the face that would be shown, or the footage is intimate.
        ModelError: the model cannot be used.
        MediaError: the clip cannot be read, or the target is nowhere in it (nothing is written then).
        UsageError: the paint-over mask is not of the clip's size, length or times (nothing is written then).
        Cancelled: asked to stop; nothing is left under the output's name.
    """
    settings = settings or ConvertSettings()
    if settings.fast:
        settings = replace(
            settings,
            compose=fast.composed(settings.compose),
            shots=tuple(
                replace(shot, compose=shot.compose and fast.composed(shot.compose)) for shot in settings.shots
            ),
        )
    cancel = cancel or Cancel()
    clip, output, cast = Path(clip), Path(output), roles(model)
    if settings.who is not None:
        if len(cast) > 1 or cast[0].who is not None:
            raise UsageError("who is for one model; of several, say it of each: --map NUMBER=MODEL")
        cast = [Role(cast[0].model, settings.who)]
    if output.exists() and clip.exists() and output.samefile(clip):
        raise UsageError(f"{output} is the input itself: choose another name for the output")
    fetch_all(REQUIRED, progress)
    device = choose_device(settings.device)
    precision = choose_precision("auto", device)
    models = [load_swap(role.model, str(device), consent=consent, project=project) for role in cast]
    check_distinct(cast, models)
    check_footage(clip, cancel=cancel)
    visibility = Visibility(device=device, half=precision == "bf16")
    composed = [settings.compose, *(shot.compose for shot in settings.shots if shot.compose)]
    looked_for = any(compose.occlusion == "on" for compose in composed)
    with Reader(clip) as reader:
        rate = float(reader.info.rate or 25)
        parts = [
            Part(
                role,
                one,
                Swapper(
                    one,
                    device,
                    precision,
                    rate,
                    fast.FINEST if settings.fast else 1.0,
                    settings.turned == "leave",
                    Hairline(one.bank, visibility) if looked_for else None,
                ),
                Finish(settings.compose, visibility.again(), fast.COVERS_EVERY if settings.fast else 1),
            )
            for role, one in zip(cast, models, strict=True)
        ]
        with contextlib.ExitStack() as stack:
            paint = None
            if settings.paint is not None:
                paint = stack.enter_context(Paint(settings.paint, reader.info, settings.stop_after))
            return Conversion(parts, device, reader, output, settings, paint, progress, cancel).run()
