"""Jobs: one function over a list of clips; missing outputs are made, failures are retried and then reported.

Knows nothing of what is made: a function of a room does that, for one clip, and traces its own output.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from effigie.errors import CancelledError, EffigieError, RefusedError, UsageError
from effigie.execution.executor import Executor, create_executor
from effigie.execution.manifest import (
    Manifest,
    OutputRecord,
    choose_name,
    compute_key,
    longer_name,
    plain_name,
    scratch_name,
)
from effigie.execution.worker import WorkerCancelToken, WorkerLostError, report
from effigie.io.atomic_write import content_digest
from effigie.io.storage import is_remote, local_copy, open_folder, read_content_tag
from effigie.io.stored_names import STORED_NAME
from effigie.progress import CancelToken, Progress, ProgressCallback

LOG = logging.getLogger(__name__)

REPORT_INTERVAL_S = 0.5
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


class ClipTask(Protocol):
    """Makes one output of one clip, whole or not at all; returns facts about it, ``frames`` and ``notes`` at least."""

    def __call__(
        self, arguments: Any, clip: Path, output: Path, progress: ProgressCallback, cancel: CancelToken
    ) -> dict[str, Any]: ...


@dataclass(frozen=True)
class JobPlan:
    """What all items of a job have in common.

    Attributes:
        function: importable.
        arguments: what it needs beside the clip; paths in it are absolute.
        identity: a digest of everything in ``arguments`` that changes an output.
        folder: where outputs go.
        suffix: of their names.
        force: as in :class:`JobSettings`.
    """

    function: ClipTask
    arguments: Any
    identity: str
    folder: str
    suffix: str
    force: bool = False


@dataclass(frozen=True)
class JobItem:
    """One clip of a job; ``has_duplicate_name``: another clip of the job has the same file name."""

    plan: JobPlan
    clip: str
    has_duplicate_name: bool


@dataclass(frozen=True)
class ItemOutcome:
    """Result of one item: ``completed``, ``skipped``, ``claimed`` or ``failed``."""

    kind: str
    reason: str = ""
    retryable: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


def create_job_executor(
    settings: JobSettings, preload: Iterable[str], addresses: Iterable[str | Path]
) -> Executor:
    """The executor of a job's engine; inline for files in this process's memory, which no other process sees."""
    inline = any(str(address).startswith("memory://") for address in addresses)
    return create_executor("inline" if inline else settings.engine, settings.workers, preload)


def run_job(
    plan: JobPlan,
    clips: Sequence[str],
    executor: Executor,
    retries: int,
    stage: str,
    progress: ProgressCallback,
    cancel: CancelToken,
) -> JobReport:
    """Make the missing outputs of all clips.

    Args:
        clips: paths or addresses.
        stage: what progress is called.

    Raises:
        CancelledError: asked to stop; finished outputs are kept.
    """
    begun = time.monotonic()
    job = _Job(plan, clips, executor, stage, progress, cancel)
    left = list(clips)
    for attempt in range(retries + 1):
        left = job.attempt(left, last=attempt == retries)
        if not left:
            break
    job.result.seconds = time.monotonic() - begun
    return job.result


class _Job:
    """State of a running job: results so far and the progress of each clip."""

    def __init__(
        self,
        plan: JobPlan,
        clips: Sequence[str],
        executor: Executor,
        stage: str,
        progress: ProgressCallback,
        cancel: CancelToken,
    ) -> None:
        names = Counter(plain_name(clip, plan.suffix).casefold() for clip in clips)
        self._twins = {name for name, count in names.items() if count > 1}
        self._plan, self._total, self._stage = plan, len(clips), stage
        self._executor, self._progress, self._cancel = executor, progress, cancel
        self._finished = 0
        self._shares: dict[str, float] = {}
        self.result = JobReport(plan.folder)

    def attempt(self, clips: list[str], last: bool) -> list[str]:
        """Process some clips; returns those to be retried."""
        left = []
        self._report_progress()
        run = self._executor.run(
            process_item, self._pieces(clips), self._receive_share, self._cancel, _killed_outcome
        )
        for piece, outcome in run:
            self._shares.pop(piece.clip, None)
            if outcome.kind == "failed" and outcome.retryable and not last:
                left.append(piece.clip)
                self.result.retried += 1
            else:
                self._finished += 1
                self._count_outcome(piece.clip, outcome)
            self._report_progress()
        return left

    def _pieces(self, clips: list[str]) -> Iterator[JobItem]:
        for clip in clips:
            yield JobItem(self._plan, clip, plain_name(clip, self._plan.suffix).casefold() in self._twins)

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

    def _receive_share(self, said: tuple[str, float]) -> None:
        clip, share = said
        self._shares[clip] = share
        self._report_progress()

    def _report_progress(self) -> None:
        result = self.result
        said = [f"{result.frames} frames"] if result.frames else []
        said += [f"{result.skipped} there already"] if result.skipped else []
        said += [f"{len(result.failed)} failed"] if result.failed else []
        done = self._finished + min(sum(self._shares.values()), self._total - self._finished)
        self._progress(Progress(self._stage, done, self._total, "clips", ", ".join(said)))


def _killed_outcome(piece: JobItem) -> ItemOutcome:
    return ItemOutcome("failed", f"{piece.clip}: twice, {WorkerLostError()}")


def process_item(piece: JobItem) -> ItemOutcome:
    """Process one clip in a worker; an error becomes the outcome of this clip alone."""
    try:
        return _process(piece)
    except CancelledError:
        raise
    except (RefusedError, UsageError) as error:  # the answer would be the same
        return ItemOutcome("failed", _with_clip_name(piece.clip, str(error)))
    except EffigieError as error:
        return ItemOutcome("failed", _with_clip_name(piece.clip, str(error)), retryable=True)
    except Exception as error:  # not foreseen, and no reason to lose the others
        return ItemOutcome(
            "failed", _with_clip_name(piece.clip, f"{type(error).__name__}: {error}"), retryable=True
        )


def _with_clip_name(clip: str, reason: str) -> str:
    return reason if clip in reason else f"{clip}: {reason}"


def _process(piece: JobItem) -> ItemOutcome:
    plan, clip = piece.plan, piece.clip
    manifest = Manifest(open_folder(plan.folder))
    token = read_content_tag(clip) if is_remote(clip) else None
    plain = plain_name(clip, plan.suffix)
    known = manifest.known_digest([plain], clip, token)
    if known is not None:
        for name in (plain, longer_name(clip, plan.suffix, known)):
            if manifest.is_finished(name, compute_key(plan.identity, known)):
                return ItemOutcome("skipped")
    with local_copy(clip) as path:
        sha256 = content_digest(path)
        key = compute_key(plan.identity, sha256)
        for _ in range(2):
            name = choose_name(manifest, clip, plan.suffix, sha256, piece.has_duplicate_name, plan.force)
            with manifest.claim(name) as ours:
                if not ours:
                    return ItemOutcome("claimed")
                if manifest.is_finished(name, key):
                    return ItemOutcome("skipped")
                if name != choose_name(manifest, clip, plan.suffix, sha256, piece.has_duplicate_name, True):
                    continue  # another clip of this name was begun between looking and claiming
                begun = OutputRecord(False, key, clip, sha256, token)
                manifest.write(name, begun)
                with manifest.folder.upload_on_exit(name, scratch_name(name)) as output:
                    facts = plan.function(
                        plan.arguments, path, output, _share_reporter(clip), WorkerCancelToken()
                    )
                size = manifest.folder.size(name) or 0
                manifest.write(name, replace(begun, done=True, size=size, facts=facts))
                return ItemOutcome("completed", facts=facts)
    raise EffigieError(f"{clip}: no name is free for its output: choose another folder")


def _share_reporter(clip: str) -> ProgressCallback:
    """Create a progress callback that reports to the caller which share of a clip is done."""
    told = 0.0

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.total and time.monotonic() - told > REPORT_INTERVAL_S:
            told = time.monotonic()
            report((clip, min(1.0, progress.done / progress.total)))

    return tell


def call_in_worker(
    function: Callable[..., Any], *arguments: Any, executor: Executor, cancel: CancelToken
) -> Any:
    """Call a function in a worker, so that the caller's process holds no network; its error is raised here."""
    ((_, answer),) = executor.run(_Call(function), [arguments], lambda _: None, cancel)
    return answer


@dataclass(frozen=True)
class _Call:
    function: Callable[..., Any]

    def __call__(self, arguments: tuple[Any, ...]) -> Any:
        return self.function(*arguments)
