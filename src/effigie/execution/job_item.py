"""One clip of a job, in a worker: its output is made unless it is there, is claimed, and recorded.

Knows nothing of what is made: a function of a room does that, for one clip, and traces its own output.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from effigie.errors import CancelledError, EffigieError, RefusedError, UsageError
from effigie.execution.manifest import (
    Manifest,
    OutputRecord,
    choose_name,
    compute_key,
    longer_name,
    plain_name,
    scratch_name,
)
from effigie.execution.worker import WorkerCancelToken, report
from effigie.io.atomic_write import content_digest
from effigie.io.storage import is_remote, local_copy, open_folder, read_content_tag
from effigie.progress import CancelToken, Progress, ProgressCallback

REPORT_INTERVAL_S = 0.5


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
        force: replace files in the folder that no such job has made.
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


def process_item(piece: JobItem) -> ItemOutcome:
    """Process one clip in a worker; an error becomes the outcome of this clip alone."""
    try:
        return _process(piece)
    except CancelledError:
        raise
    except Exception as error:
        # What was not foreseen is no reason to lose the others, either.
        reason = str(error) if isinstance(error, EffigieError) else f"{type(error).__name__}: {error}"
        if piece.clip not in reason:
            reason = f"{piece.clip}: {reason}"
        # Refused or misused, the answer would be the same.
        return ItemOutcome("failed", reason, retryable=not isinstance(error, (RefusedError, UsageError)))


def _process(piece: JobItem) -> ItemOutcome:
    plan, clip = piece.plan, piece.clip
    manifest = Manifest(open_folder(plan.folder))
    token = read_content_tag(clip) if is_remote(clip) else None
    plain = plain_name(clip, plan.suffix)
    digest = manifest.find_digest([plain], clip, token)
    if digest is not None:
        for name in (plain, longer_name(clip, plan.suffix, digest)):
            if manifest.is_finished(name, compute_key(plan.identity, digest)):
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
                record = OutputRecord(False, key, clip, sha256, token)
                manifest.write(name, record)
                with manifest.folder.upload_on_exit(name, scratch_name(name)) as output:
                    facts = plan.function(plan.arguments, path, output, _share_reporter(clip), WorkerCancelToken())
                size = manifest.folder.size(name) or 0
                manifest.write(name, replace(record, done=True, size=size, facts=facts))
                return ItemOutcome("completed", facts=facts)
    raise EffigieError(f"{clip}: no name is free for its output: choose another folder")


def _share_reporter(clip: str) -> ProgressCallback:
    """A progress callback that reports to the caller which share of a clip is done."""
    report_time = 0.0

    def tell(progress: Progress) -> None:
        nonlocal report_time
        if progress.total and time.monotonic() - report_time > REPORT_INTERVAL_S:
            report_time = time.monotonic()
            report((clip, min(1.0, progress.done / progress.total)))

    return tell
