"""Jobs: one function over a list of clips; missing outputs are made, failures are retried and then reported."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from effigie.errors import UsageError
from effigie.execution.executor import Executor, create_executor
from effigie.execution.job_item import ClipTask, ItemOutcome, JobItem, JobPlan, process_item
from effigie.execution.manifest import compute_identity, plain_name
from effigie.execution.worker import WorkerLostError
from effigie.io.storage import absolute_name
from effigie.io.stored_names import STORED_NAME
from effigie.progress import CancelToken, Progress, ProgressCallback, format_count

LOG = logging.getLogger(__name__)

MAX_NOTES = 50  # kept in the report; all of them lie in the outputs' records
CONTAINERS = {"mp4": ".mp4", "mov": ".mov", "mkv": ".mkv", "frames": ""}


@dataclass(frozen=True)
class JobSettings:
    """Settings of a job over a list of clips.

    Attributes:
        workers: clips or parts of them at a time; None takes what suits the machine or the cluster.
        engine: ``local``: processes of this machine; ``ray``, ``ray://host:port``, ``ray://auto``: Ray.
        retries: how often a clip that failed is tried again, after all the others.
        container: of several clips, what the outputs are: ``mp4``, ``mov``, ``mkv``, or ``frames`` for a folder of PNGs
            each.
        force: replace files in the output folder that no such job has made.
    """

    workers: int | None = None
    engine: str = "local"
    retries: int = 1
    container: Literal["mp4", "mov", "mkv", "frames"] = "mp4"
    force: bool = field(default=False, metadata={"help": "Replace an existing output."})

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"workers must be 1 or more, not {self.workers}")
        if self.retries < 0:
            raise UsageError(f"retries must be 0 or more, not {self.retries}")
        if self.container not in CONTAINERS:
            raise UsageError(f"container must be one of {', '.join(CONTAINERS)}, not {self.container!r}")


@dataclass
class JobReport:
    """Result of a job over a list of clips. `--json` calls its first counts ``made``, ``there`` and ``elsewhere``.

    Attributes:
        output: the folder.
        completed: outputs made in this call.
        skipped: outputs that were there already, of the same clip, model and settings.
        claimed_elsewhere: clips that another run is working on at this moment.
        failed: clip -> why it could not be done; the others are.
        notes: sentences about single outputs, each once, the first fifty.
        frames: in the outputs made.
        seconds: wall time.
        retried: attempts that failed and were made again.
    """

    output: str
    completed: int = field(default=0, metadata={STORED_NAME: "made"})
    skipped: int = field(default=0, metadata={STORED_NAME: "there"})
    claimed_elsewhere: list[str] = field(default_factory=list, metadata={STORED_NAME: "elsewhere"})
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    seconds: float = 0.0
    retried: int = 0


@dataclass(frozen=True)
class BatchArguments:
    """Arguments of the public call that makes an output, without clip and output.

    Attributes:
        subject: what it takes first.
        precision: that all workers use.
    """

    subject: Any
    settings: Any
    consent: Any
    purpose: str | None
    precision: Any = None

    def call(
        self,
        function: Callable[..., Any],
        clip: Path,
        output: Path,
        progress: ProgressCallback,
        cancel: CancelToken,
        counter: str,
    ) -> dict[str, Any]:
        """Make one output; returns facts of the report, ``counter`` among them."""
        options = {"consent": self.consent, "purpose": self.purpose, "progress": progress, "cancel": cancel}
        report = function(self.subject, clip, output, self.settings, **options)
        facts = {name: getattr(report, name) for name in ("frames", counter, "output_id")}
        return {**facts, "seconds": round(report.seconds, 3), "notes": report.notes}


@dataclass(frozen=True)
class Batch:
    """A kind of job.

    Attributes:
        name: of its progress; part of what an output is known by.
        task: makes one output; importable.
        check: takes the arguments once, in a worker, before any clip; returns them completed, or raises.
        modules: that workers need.
    """

    name: str
    task: ClipTask
    check: Callable[[BatchArguments], BatchArguments]
    modules: tuple[str, ...]


def run_batch(
    batch: Batch,
    arguments: BatchArguments,
    clips: Sequence[str],
    output: str | Path,
    settings: JobSettings,
    digests: Callable[[], list[Any]],
    output_settings: dict[str, Any],
    progress: ProgressCallback,
    cancel: CancelToken,
) -> JobReport:
    """Make an output of every clip in a folder, named after it, unless it is there already.

    Workers do all of it, so that the caller's process holds no network.

    Args:
        digests: of the models that outputs depend on; asked for once they have been checked.
        output_settings: those that an output depends on.
    """
    # Files in this process's memory are seen by no other.
    in_memory = any(str(address).startswith("memory://") for address in (*clips, output))
    engine = create_executor("inline" if in_memory else settings.engine, settings.workers, batch.modules)
    with contextlib.closing(engine) as executor:
        executor.warm_up()
        ((_, completed),) = executor.run(batch.check, [arguments], lambda _: None, cancel)
        plan = JobPlan(
            batch.task,
            completed,
            compute_identity(batch.name, digests(), output_settings),
            absolute_name(output),
            CONTAINERS[settings.container],
            settings.force,
        )
        return run_job(plan, clips, executor, settings.retries, batch.name, progress, cancel)


def run_job(
    plan: JobPlan,
    clips: Sequence[str],
    executor: Executor,
    retries: int,
    stage: str,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> JobReport:
    """Make the missing outputs of all clips, paths or addresses; ``stage`` is what progress is called."""
    start = time.monotonic()
    job = _Job(plan.folder, len(clips), stage, progress)
    names = [plain_name(clip, plan.suffix).casefold() for clip in clips]
    counts = Counter(names)
    items = [JobItem(plan, clip, counts[name] > 1) for clip, name in zip(clips, names, strict=True)]
    for attempt in range(retries + 1):
        items = job.attempt(items, executor, attempt == retries, cancel)
        if not items:
            break
    job.result.seconds = time.monotonic() - start
    return job.result


class _Job:
    """State of a running job: results so far and the progress of each clip."""

    def __init__(self, folder: str, total: int, stage: str, progress: ProgressCallback) -> None:
        self._total, self._stage, self._progress = total, stage, progress
        self._finished_count = 0
        self._shares: dict[str, float] = {}
        self.result = JobReport(folder)

    def attempt(self, items: list[JobItem], executor: Executor, last: bool, cancel: CancelToken) -> list[JobItem]:
        """Process some clips; returns those to be retried."""
        retries = []
        self._report_progress()
        run = executor.run(process_item, items, self._receive_share, cancel, _killed_outcome)
        for item, outcome in run:
            self._shares.pop(item.clip, None)
            if outcome.kind == "failed" and outcome.retryable and not last:
                retries.append(item)
                self.result.retried += 1
            else:
                self._finished_count += 1
                self._count_outcome(item.clip, outcome)
            self._report_progress()
        return retries

    def _count_outcome(self, clip: str, outcome: ItemOutcome) -> None:
        LOG.debug("%s: %s", clip, outcome.kind)
        result = self.result
        if outcome.kind == "completed":
            result.completed += 1
            result.frames += int(outcome.facts.get("frames", 0))
            for note in outcome.facts.get("notes", ()):
                if note not in result.notes and len(result.notes) < MAX_NOTES:
                    result.notes.append(note)
        elif outcome.kind == "skipped":
            result.skipped += 1
        elif outcome.kind == "claimed":
            result.claimed_elsewhere.append(clip)
        else:
            result.failed[clip] = outcome.reason

    def _receive_share(self, report: tuple[str, float]) -> None:
        clip, share = report
        self._shares[clip] = share
        self._report_progress()

    def _report_progress(self) -> None:
        result = self.result
        phrases = [format_count(result.frames, "frame")] if result.frames else []
        phrases += [f"{result.skipped} there already"] if result.skipped else []
        phrases += [f"{len(result.failed)} failed"] if result.failed else []
        count = self._finished_count + min(sum(self._shares.values()), self._total - self._finished_count)
        self._progress(Progress(self._stage, count, self._total, "clips", ", ".join(phrases)))


def _killed_outcome(item: JobItem) -> ItemOutcome:
    return ItemOutcome("failed", f"{item.clip}: twice, {WorkerLostError()}")
