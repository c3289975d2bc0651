"""`effigie.animate_clips`: one portrait, many drivers, a folder of outputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from effigie.assets import REQUIRED_ASSETS, fetch_assets
from effigie.consent.gate import ConsentLike, resolve_paths
from effigie.errors import UsageError
from effigie.execution.job import Batch, BatchArguments, JobReport, JobSettings, run_batch
from effigie.heads.config import AnimateSettings
from effigie.io.atomic_write import content_digest
from effigie.io.storage import absolute_name, is_remote
from effigie.io.stored_names import to_stored
from effigie.media.inputs import find_clips
from effigie.progress import CancelToken, ProgressCallback, ignore_progress

PRELOAD = ("effigie.heads.inference.animation", "effigie.heads.inference.neural_renderer")


def animate_clips(
    portrait: str | Path,
    drivers: str | Path | Iterable[str | Path],
    output: str | Path,
    settings: AnimateSettings | None = None,
    job: JobSettings | None = None,
    *,
    consent: ConsentLike = None,
    purpose: str | None = None,
    progress: ProgressCallback = ignore_progress,
    cancel: CancelToken | None = None,
) -> JobReport:
    """Let a portrait move as many drivers do, each as :func:`effigie.animate` would, several at a time.

    As :func:`effigie.convert_clips`: named after the drivers, what is there already is not made again, what fails is
    tried again and then reported.

    Args:
        portrait: as for :func:`effigie.animate`.
        drivers: clips: files, folders, glob patterns, and addresses that fsspec knows; motion templates by their files.
        output: a folder, or an address of one.
        settings: of every animation.
        job: workers, engine, retries, container.
        consent, purpose: as for :func:`effigie.animate`.
        progress: gets clips done and to do.

    Raises:
        RefusedError: no valid consent of the person in the portrait, or it is intimate.
        MediaError: there is no clip under these names, or no face in the portrait.
        UsageError: settings that are for one driver alone, or an engine that is not there.
        CancelledError: asked to stop; finished outputs are kept.
    """
    settings, job, cancel = settings or AnimateSettings(), job or JobSettings(), cancel or CancelToken()
    if settings.save_motion is not None:
        raise UsageError("a motion template is kept of one driver: animate that one by itself")
    driver_paths = _find_drivers(drivers)
    fetch_assets((*REQUIRED_ASSETS, "open_nsfw"), progress)
    heads = None if settings.heads is None else Path(settings.heads).absolute()
    settings = replace(settings, trust=settings.trust.resolve_paths(), heads=heads)
    portrait_path = Path(portrait).absolute()
    arguments = BatchArguments(portrait_path, settings, resolve_paths(consent), purpose)
    # Not the machine that an output is made on.
    stored_settings = {
        name: value for name, value in to_stored(settings).items() if name not in ("device", "save_motion")
    }
    return run_batch(
        Batch("animate", animate_one, check_portrait, PRELOAD),
        arguments,
        driver_paths,
        output,
        job,
        lambda: [content_digest(path) for path in (portrait_path, heads) if path is not None],
        stored_settings,
        progress,
        cancel,
    )


def check_portrait(arguments: BatchArguments) -> BatchArguments:
    """Read portrait and networks and ask the consent gate once, before any driver is read; chooses the precision."""
    from effigie.heads.inference.subject import load_subject
    from effigie.training.device import choose_device, choose_precision

    subject = load_subject(arguments.subject, arguments.settings, consent=arguments.consent, purpose=arguments.purpose)
    _ = subject.model
    return replace(arguments, precision=choose_precision("auto", choose_device(arguments.settings.device)))


def animate_one(
    arguments: BatchArguments, clip: Path, output: Path, progress: ProgressCallback, cancel: CancelToken
) -> dict[str, Any]:
    """Animate with one driver in a worker, through the same call as a single one."""
    from effigie.heads.inference.animation import animate
    from effigie.training.device import fix_precision

    fix_precision(arguments.precision)
    return arguments.call(animate, clip, output, progress, cancel, "held")


def _find_drivers(drivers: str | Path | Iterable[str | Path]) -> list[str]:
    """Clips, and the templates among the names: Parquet files, which no reader of clips knows."""
    from effigie.heads.motion.template import is_template

    names = [drivers] if isinstance(drivers, (str, Path)) else list(drivers)
    templates = [name for name in names if not is_remote(name) and is_template(name)]
    clips = [name for name in names if name not in templates]
    return [*(absolute_name(name) for name in templates), *(find_clips(clips) if clips or not templates else [])]
