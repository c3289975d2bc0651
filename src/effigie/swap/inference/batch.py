"""`effigie.convert_clips`: one model, many clips, a folder of outputs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from effigie.assets import REQUIRED, fetch_all
from effigie.consent.gate import ConsentLike, located
from effigie.errors import UsageError
from effigie.execution.job import CONTAINERS, JobReport, JobSettings, Plan, engine_of, run_job, said_by
from effigie.execution.manifest import identity_of
from effigie.io.atomic import content_digest
from effigie.io.storage import absolute
from effigie.media.remote_inputs import clips_in
from effigie.progress import Cancel, ProgressCallback, silent
from effigie.swap.checkpoint_paths import BANK, CONFIG, MANIFEST, PEOPLE, WEIGHTS
from effigie.swap.config import ConvertSettings
from effigie.swap.inference.roles import Role, roles

PRELOAD = ("effigie.swap.inference.convert",)


@dataclass(frozen=True)
class _Arguments:
    """Of :func:`effigie.swap.convert`, the clip and the output apart."""

    people: tuple[Role, ...]
    settings: ConvertSettings
    consent: ConsentLike
    project: str | None
    precision: Literal["fp32", "bf16"] | None = None


def convert_clips(
    model: str | Path | Role | Sequence[str | Path | Role],
    clips: str | Path | Iterable[str | Path],
    output: str | Path,
    settings: ConvertSettings | None = None,
    job: JobSettings | None = None,
    *,
    consent: ConsentLike = None,
    project: str | None = None,
    progress: ProgressCallback = silent,
    cancel: Cancel | None = None,
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
        consent, project: as for :func:`effigie.convert`.
        progress: gets clips done and to do.

    Raises:
        RefusedError: no valid consent for the face that would be shown.
        MediaError: there is no clip under these names.
        ModelError: the model cannot be used.
        UsageError: settings that are for one clip alone, or an engine that is not there.
        Cancelled: asked to stop; finished outputs are kept.
    """
    settings, job, cancel = settings or ConvertSettings(), job or JobSettings(), cancel or Cancel()
    people = tuple(Role(role.model.absolute(), role.who) for role in roles(model))
    if settings.paint is not None or settings.masks is not None:
        raise UsageError("painted masks and a folder of masks are for one clip: convert that one by itself")
    found = clips_in(clips)
    fetch_all((*REQUIRED, "open_nsfw"), progress)
    arguments = _Arguments(
        people, replace(settings, trust=settings.trust.located()), located(consent), project
    )
    engine = engine_of(job, PRELOAD, [*found, output])
    with contextlib.closing(engine) as executor:
        executor.warm_up()
        precision = said_by(allowed, arguments, executor=executor, cancel=cancel)
        arguments = replace(arguments, precision=precision)
        plan = Plan(
            convert_one,
            arguments,
            identity_of("convert", _models(people), _telling(settings)),
            absolute(output),
            CONTAINERS[job.container],
            job.force,
        )
        return run_job(plan, found, executor, job.retries, "convert", progress, cancel)


def allowed(arguments: _Arguments) -> Literal["fp32", "bf16"]:
    """Look for the models and ask the gate once, before thousands of clips fail of it; decide on the precision."""
    from effigie.consent.gate import permit_model
    from effigie.swap.checkpoint import load_config
    from effigie.training.device import choose_device, choose_precision

    for role in arguments.people:
        load_config(role.model)
        permit_model(role.model, "swap", consent=arguments.consent, project=arguments.project)
    return choose_precision("auto", choose_device(arguments.settings.device))


def convert_one(
    arguments: _Arguments, clip: Path, output: Path, progress: ProgressCallback, cancel: Cancel
) -> dict[str, Any]:
    """In a worker: one clip, through the same call as a single one."""
    from effigie.swap.checkpoint import keep_models
    from effigie.swap.inference.convert import convert
    from effigie.training.device import agree_on

    keep_models()
    agree_on(arguments.precision)
    report = convert(
        arguments.people,
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
        "swapped": report.swapped,
        "output_id": report.output_id,
        "seconds": round(report.seconds, 3),
        "notes": report.notes,
    }


def _models(people: tuple[Role, ...]) -> list[Any]:
    """What of the models shows in an output, by content."""
    return [
        [
            role.who,
            *(
                content_digest(path)
                for name in (CONFIG, WEIGHTS, PEOPLE, MANIFEST, BANK)
                if (path := role.model / name).exists()
            ),
        ]
        for role in people
    ]


def _telling(settings: ConvertSettings) -> dict[str, Any]:
    """The settings that change an output: not the machine it is made on."""
    return {name: value for name, value in asdict(settings).items() if name not in ("device", "masks")}
