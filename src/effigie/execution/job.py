"""The same thing done to every clip of a list: what is missing is made, what fails is tried again and then reported.

Knows nothing of what is made: a function of a room does that, for one clip, and traces its own output.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from effigie.errors import Cancelled, EffigieError, RefusedError, UsageError
from effigie.execution.executor import Executor, executor_for
from effigie.execution.manifest import (
    Manifest,
    Record,
    choose_name,
    key_of,
    longer_name,
    plain_name,
    scratch_of,
)
from effigie.execution.worker import Lost, Overheard, report
from effigie.io.atomic import content_digest
from effigie.io.storage import content_token, folder, is_remote, near
from effigie.progress import Cancel, Progress, ProgressCallback

REPORT_EVERY_S = 0.5
MOST_NOTES = 50  # kept in the report; all of them lie in the outputs' records
CONTAINERS = {"mp4": ".mp4", "mov": ".mov", "mkv": ".mkv", "frames": ""}


@dataclass(frozen=True)
class JobSettings:
    """How a list of clips is worked on.

    Attributes:
        workers: clips at a time; None takes what suits the machine or the cluster.
        engine: ``local``: processes of this machine; ``ray``, ``ray://host:port``, ``ray://auto``: Ray.
        retries: how often a clip that failed is tried again, after all the others.
        container: of the outputs: ``mp4``, ``mov``, ``mkv``, or ``frames`` for a folder of PNGs each.
        force: replace files in the output folder that no such job has made.
    """

    workers: int | None = None
    engine: str = "local"
    retries: int = 1
    container: str = "mp4"
    force: bool = False

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"workers must be 1 or more, not {self.workers}")
        if self.retries < 0:
            raise UsageError(f"retries must be 0 or more, not {self.retries}")
        if self.container not in CONTAINERS:
            raise UsageError(f"container must be one of {', '.join(CONTAINERS)}, not {self.container!r}")


@dataclass
class JobReport:
    """What came of a list of clips.

    Attributes:
        output: the folder.
        made: outputs made in this call.
        there: outputs that were there already, of the same clip, model and settings.
        elsewhere: clips that another run is working on at this moment.
        failed: clip -> why it could not be done; the others are.
        notes: sentences about single outputs, each once, the first fifty.
        frames: in the outputs made.
        seconds: wall time.
        retried: attempts that failed and were made again.
    """

    output: str
    made: int = 0
    there: int = 0
    elsewhere: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    frames: int = 0
    seconds: float = 0.0
    retried: int = 0


class Make(Protocol):
    """Makes one output of one clip, whole or not at all, and says about it: ``frames`` and ``notes`` at least."""

    def __call__(
        self, arguments: Any, clip: Path, output: Path, progress: ProgressCallback, cancel: Cancel
    ) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Plan:
    """What all pieces of a job have in common.

    Attributes:
        make: importable.
        arguments: what it needs beside the clip; paths in it are absolute.
        identity: a digest of everything in ``arguments`` that changes an output.
        folder: where outputs go.
        suffix: of their names.
        force: as in :class:`JobSettings`.
    """

    make: Make
    arguments: Any
    identity: str
    folder: str
    suffix: str
    force: bool = False


@dataclass(frozen=True)
class Piece:
    """One clip of a job; ``twins``: another one has its name."""

    plan: Plan
    clip: str
    twins: bool


@dataclass(frozen=True)
class Outcome:
    """What came of a piece: ``made``, ``there``, ``elsewhere`` or ``failed``."""

    kind: str
    reason: str = ""
    again: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


def engine_of(settings: JobSettings, preload: Iterable[str], addresses: Iterable[str | Path]) -> Executor:
    """The executor a job asks for; files in a process's own memory are seen by no other."""
    inline = any(str(address).startswith("memory://") for address in addresses)
    return executor_for("inline" if inline else settings.engine, settings.workers, preload)


def run_job(
    plan: Plan,
    clips: Sequence[str],
    executor: Executor,
    retries: int,
    stage: str,
    progress: ProgressCallback,
    cancel: Cancel,
) -> JobReport:
    """Make what is missing of the outputs of all clips.

    Args:
        clips: paths or addresses.
        stage: what progress is called.

    Raises:
        Cancelled: asked to stop; finished outputs are kept.
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
    """A job as it runs: what is done, and how far those in work are."""

    def __init__(
        self,
        plan: Plan,
        clips: Sequence[str],
        executor: Executor,
        stage: str,
        progress: ProgressCallback,
        cancel: Cancel,
    ) -> None:
        names = Counter(plain_name(clip, plan.suffix).casefold() for clip in clips)
        self._twins = {name for name, count in names.items() if count > 1}
        self._plan, self._total, self._stage = plan, len(clips), stage
        self._executor, self._progress, self._cancel = executor, progress, cancel
        self._finished = 0
        self._shares: dict[str, float] = {}
        self.result = JobReport(plan.folder)

    def attempt(self, clips: list[str], last: bool) -> list[str]:
        """Do some clips; returns those that are worth another attempt."""
        left = []
        self._tell()
        run = self._executor.run(work_on, self._pieces(clips), self._hear, self._cancel, _killed)
        for piece, outcome in run:
            self._shares.pop(piece.clip, None)
            if outcome.kind == "failed" and outcome.again and not last:
                left.append(piece.clip)
                self.result.retried += 1
            else:
                self._finished += 1
                self._count(piece.clip, outcome)
            self._tell()
        return left

    def _pieces(self, clips: list[str]) -> Iterator[Piece]:
        for clip in clips:
            yield Piece(self._plan, clip, plain_name(clip, self._plan.suffix).casefold() in self._twins)

    def _count(self, clip: str, outcome: Outcome) -> None:
        result = self.result
        if outcome.kind == "made":
            result.made += 1
            result.frames += int(outcome.facts.get("frames", 0))
            for note in outcome.facts.get("notes", ()):
                if note not in result.notes and len(result.notes) < MOST_NOTES:
                    result.notes.append(note)
        elif outcome.kind == "there":
            result.there += 1
        elif outcome.kind == "elsewhere":
            result.elsewhere.append(clip)
        else:
            result.failed[clip] = outcome.reason

    def _hear(self, said: tuple[str, float]) -> None:
        clip, share = said
        self._shares[clip] = share
        self._tell()

    def _tell(self) -> None:
        result = self.result
        said = [f"{result.frames} frames"] if result.frames else []
        said += [f"{result.there} there already"] if result.there else []
        said += [f"{len(result.failed)} failed"] if result.failed else []
        done = self._finished + min(sum(self._shares.values()), self._total - self._finished)
        self._progress(Progress(self._stage, done, self._total, "clips", ", ".join(said)))


def _killed(piece: Piece) -> Outcome:
    return Outcome("failed", f"{piece.clip}: twice, {Lost()}")


def work_on(piece: Piece) -> Outcome:
    """In a worker: one clip. Whatever goes wrong is said of this clip alone."""
    try:
        return _worked_on(piece)
    except Cancelled:
        raise
    except (RefusedError, UsageError) as error:  # the answer would be the same
        return Outcome("failed", _named(piece.clip, str(error)))
    except EffigieError as error:
        return Outcome("failed", _named(piece.clip, str(error)), again=True)
    except Exception as error:  # not foreseen, and no reason to lose the others
        return Outcome("failed", _named(piece.clip, f"{type(error).__name__}: {error}"), again=True)


def _named(clip: str, reason: str) -> str:
    return reason if clip in reason else f"{clip}: {reason}"


def _worked_on(piece: Piece) -> Outcome:
    plan, clip = piece.plan, piece.clip
    manifest = Manifest(folder(plan.folder))
    token = content_token(clip) if is_remote(clip) else None
    plain = plain_name(clip, plan.suffix)
    known = manifest.known_content([plain], clip, token)
    if known is not None:
        for name in (plain, longer_name(clip, plan.suffix, known)):
            if manifest.finished(name, key_of(plan.identity, known)):
                return Outcome("there")
    with near(clip) as path:
        sha256 = content_digest(path)
        key = key_of(plan.identity, sha256)
        for _ in range(2):
            name = choose_name(manifest, clip, plan.suffix, sha256, piece.twins, plan.force)
            with manifest.claimed(name) as ours:
                if not ours:
                    return Outcome("elsewhere")
                if manifest.finished(name, key):
                    return Outcome("there")
                if name != choose_name(manifest, clip, plan.suffix, sha256, piece.twins, True):
                    continue  # another clip of this name was begun between looking and claiming
                begun = Record(False, key, clip, sha256, token)
                manifest.write(name, begun)
                with manifest.folder.delivered(name, scratch_of(name)) as output:
                    facts = plan.make(plan.arguments, path, output, _teller(clip), Overheard())
                size = manifest.folder.size(name) or 0
                manifest.write(name, replace(begun, done=True, size=size, facts=facts))
                return Outcome("made", facts=facts)
    raise EffigieError(f"{clip}: no name is free for its output: choose another folder")


def _teller(clip: str) -> ProgressCallback:
    """Tells the caller now and then which share of a clip is done."""
    told = 0.0

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.total and time.monotonic() - told > REPORT_EVERY_S:
            told = time.monotonic()
            report((clip, min(1.0, progress.done / progress.total)))

    return tell


def said_by(function: Callable[..., Any], *arguments: Any, executor: Executor, cancel: Cancel) -> Any:
    """What a function says in a worker; its error is raised here. So the caller's process need not hold networks."""
    ((_, answer),) = executor.run(_Call(function), [arguments], lambda _: None, cancel)
    return answer


@dataclass(frozen=True)
class _Call:
    function: Callable[..., Any]

    def __call__(self, arguments: tuple[Any, ...]) -> Any:
        return self.function(*arguments)
