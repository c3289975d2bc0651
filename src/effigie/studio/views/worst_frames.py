"""What the last measurement of a result found: its worst frames, and the figures that miss their bounds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from effigie.studio.jobs.job import Job

VERB = ("evaluate", "swap")


def describe_worst(path: Path, measurements: Iterable[tuple[Job, dict[str, Any]]]) -> dict[str, Any] | None:
    """Worst frames, worst first, and the figures with bounds; None where the result was not measured as it is now.

    Args:
        measurements: jobs that measured this result, and what they answered.
    """
    write_time = path.stat().st_mtime
    candidates = [
        (job, answer) for job, answer in measurements if "worst" in answer and (job.started or 0) >= write_time
    ]
    if not candidates:
        return None
    job, answer = max(candidates, key=lambda one: one[0].ended or 0)
    figures = [one for one in answer["figures"] if one["reached"] is not None]
    return {"ended": job.ended, "worst": answer["worst"], "figures": figures}
