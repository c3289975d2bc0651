"""`effigie.animate_clips`: one portrait, many drivers, a folder of outputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from effigie.assets import REQUIRED, fetch_all
from effigie.consent.gate import ConsentLike, located
from effigie.errors import UsageError
from effigie.execution.job import CONTAINERS, JobReport, JobSettings, Plan, engine_of, run_job, said_by
from effigie.execution.manifest import identity_of
from effigie.heads.config import AnimateSettings
from effigie.io.atomic import content_digest
from effigie.io.storage import absolute, is_remote
from effigie.media.remote_inputs import clips_in
from effigie.progress import Cancel, ProgressCallback, silent

PRELOAD = ("effigie.heads.inference.animation", "effigie.heads.inference.neural_renderer")


@dataclass(frozen=True)
class _Arguments:
    """Of :func:`effigie.heads.animate`, the driver and the output apart."""

    portrait: Path
    settings: AnimateSettings
    consent: ConsentLike
    project: str | None
    precision: Literal["fp32", "bf16"] | None = None


def animate_clips(
    portrait: str | Path,
    drivers: str | Path | Iterable[str | Path],
    output: str | Path,
    settings: AnimateSettings | None = None,
    job: JobSettings | None = None,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
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
        consent, project: as for :func:`effigie.animate`.
        progress: gets clips done and to do.

    Raises:
        RefusedError: no valid consent of the person in the portrait, or it is intimate.
        MediaError: there is no clip under these names, or no face in the portrait.
        UsageError: settings that are for one driver alone, or an engine that is not there.
        Cancelled: asked to stop; finished outputs are kept.
    """
    settings, job, cancel = settings or AnimateSettings(), job or JobSettings(), cancel or Cancel()
    if settings.save_motion is not None:
        raise UsageError("a motion template is kept of one driver: animate that one by itself")
    found = _drivers(drivers)
    fetch_all((*REQUIRED, "open_nsfw"), progress)
    heads = None if settings.heads is None else Path(settings.heads).absolute()
    settings = replace(settings, trust=settings.trust.located(), heads=heads)
    shown = Path(portrait).absolute()
    arguments = _Arguments(shown, settings, located(consent), project)
    engine = engine_of(job, PRELOAD, [*found, output])
    with contextlib.closing(engine) as executor:
        executor.warm_up()
        precision = said_by(allowed, arguments, executor=executor, cancel=cancel)
        arguments = replace(arguments, precision=precision)
        models = [content_digest(path) for path in (shown, settings.heads) if path is not None]
        telling = {
            name: value for name, value in asdict(settings).items() if name not in ("device", "save_motion")
        }
        plan = Plan(
            animate_one,
            arguments,
            identity_of("animate", models, telling),
            absolute(output),
            CONTAINERS[job.container],
            job.force,
        )
        return run_job(plan, found, executor, job.retries, "animate", progress, cancel)


def allowed(arguments: _Arguments) -> Literal["fp32", "bf16"]:
    """Read the portrait and ask the gate once, before thousands of clips fail of the same; decide on the precision."""
    from effigie.heads.inference.subject import seat
    from effigie.training.device import choose_device, choose_precision

    seat(arguments.portrait, arguments.settings, consent=arguments.consent, project=arguments.project)
    return choose_precision("auto", choose_device(arguments.settings.device))


def animate_one(
    arguments: _Arguments, clip: Path, output: Path, progress: ProgressCallback, cancel: Cancel
) -> dict[str, Any]:
    """In a worker: one driver, through the same call as a single one."""
    from effigie.heads.inference.animation import animate
    from effigie.training.device import agree_on

    agree_on(arguments.precision)
    report = animate(
        arguments.portrait,
        clip,
        output,
        arguments.settings,
        consent=arguments.consent,
        project=arguments.project,
        progress=progress,
        cancel=cancel,
    )
    return {
        "frames": report.frames,
        "held": report.held,
        "output_id": report.output_id,
        "seconds": round(report.seconds, 3),
        "notes": report.notes,
    }


def _drivers(drivers: str | Path | Iterable[str | Path]) -> list[str]:
    """Clips, and the templates among the names: Parquet files, which no reader of clips knows."""
    from effigie.heads.motion.template import is_template

    names = [drivers] if isinstance(drivers, (str, Path)) else list(drivers)
    templates = [name for name in names if not is_remote(name) and is_template(name)]
    clips = [name for name in names if name not in templates]
    return [*(absolute(name) for name in templates), *(clips_in(clips) if clips or not templates else [])]
