"""`effigie.convert_clips`: one model, many clips, a folder of outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.consent.gate import ConsentLike, resolve_paths
from effigie.errors import UsageError
from effigie.execution.job import Batch, BatchArguments, JobReport, JobSettings, run_batch
from effigie.io.atomic_write import content_digest
from effigie.io.stored_names import to_stored
from effigie.media.inputs import find_clips
from effigie.progress import CancelToken, ProgressCallback, ignore_progress
from effigie.swap.checkpoint_paths import BANK, CONFIG, MANIFEST, PEOPLE, WEIGHTS
from effigie.swap.config import ConvertSettings
from effigie.swap.inference.people.assignment import PersonAssignment, parse_assignments


def convert_clips(
    model: str | Path | PersonAssignment | Sequence[str | Path | PersonAssignment],
    clips: str | Path | Iterable[str | Path],
    output: str | Path,
    settings: ConvertSettings | None = None,
    job: JobSettings | None = None,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> JobReport:
    """Convert many clips with one model, each as :func:`effigie.convert` would, several at a time.

    Outputs are named after their clips. An output that is there already, of the same clip, model and settings, is not
    made again, so that a rerun, on any number of machines that share the folder, does what is missing. A clip that
    fails is tried again, then reported; it does not stop the others.

    Args:
        model: as for :func:`effigie.convert`.
        clips: files, folders, glob patterns, and addresses that fsspec knows (``s3://bucket/*.mp4``).
        output: a folder, or an address of one.
        settings: of every conversion.
        job: workers, engine, retries, container.
        consent, purpose: as for :func:`effigie.convert`.
        progress: gets clips done and to do.

    Raises:
        RefusedError: no valid consent for the face that would be shown.
        MediaError: there is no clip under these names.
        ModelError: the model cannot be used.
        UsageError: settings that are for one clip alone, or an engine that is not there.
        CancelledError: asked to stop; finished outputs are kept.
    """
    settings, job, cancel = settings or ConvertSettings(), job or JobSettings(), cancel or CancelToken()
    people = tuple(
        PersonAssignment(assignment.model.absolute(), assignment.person) for assignment in parse_assignments(model)
    )
    if settings.mask_clip is not None or settings.masks is not None or settings.layers is not None:
        raise UsageError("painted masks, a folder of masks and layers are for one clip: convert that one by itself")
    clip_paths = find_clips(clips)
    fetch_assets((*REQUIRED_ASSETS, "open_nsfw"), progress)
    arguments = BatchArguments(
        people, replace(settings, trust=settings.trust.resolve_paths()), resolve_paths(consent), purpose
    )
    # Not the machine that an output is made on.
    stored_settings = {
        name: value for name, value in to_stored(settings).items() if name not in ("device", "masks", "layers")
    }
    return run_batch(
        Batch("convert", convert_one, check_models, ("effigie.swap.inference.convert",)),
        arguments,
        clip_paths,
        output,
        job,
        lambda: [_model_digest(assignment) for assignment in people],
        stored_settings,
        progress,
        cancel,
    )


def check_models(arguments: BatchArguments) -> BatchArguments:
    """Load the configurations and ask the consent gate once, before any clip is converted; chooses the precision."""
    from effigie.consent.gate import permit_model
    from effigie.swap.checkpoint import load_config
    from effigie.training.device import choose_device, choose_precision

    for assignment in arguments.subject:
        load_config(assignment.model)
        permit_model(assignment.model, "swap", consent=arguments.consent, purpose=arguments.purpose)
    return replace(arguments, precision=choose_precision("auto", choose_device(arguments.settings.device)))


def convert_one(
    arguments: BatchArguments, clip: Path, output: Path, progress: ProgressCallback, cancel: CancelToken
) -> dict[str, Any]:
    """Convert one clip in a worker, through the same call as a single one."""
    from effigie.swap.checkpoint import enable_model_cache
    from effigie.swap.inference.convert import convert
    from effigie.training.device import fix_precision

    enable_model_cache()
    fix_precision(arguments.precision)
    return arguments.call(convert, clip, output, progress, cancel, "swapped")


def _model_digest(assignment: PersonAssignment) -> list[Any]:
    """Whom a model plays, and digests of its files that an output depends on."""
    paths = [assignment.model / name for name in (CONFIG, WEIGHTS, PEOPLE, MANIFEST, BANK)]
    return [assignment.person, *(content_digest(path) for path in paths if path.exists())]
