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
    written = path.stat().st_mtime
    known = [(job, found) for job, found in measurements if "worst" in found and (job.started or 0) >= written]
    if not known:
        return None
    job, found = max(known, key=lambda one: one[0].ended or 0)
    figures = [one for one in found["figures"] if one["reached"] is not None]
    return {"ended": job.ended, "worst": found["worst"], "figures": figures}
