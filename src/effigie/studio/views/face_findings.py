"""What the last review of a face set found, as rows of the page's grid."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from effigie.studio.jobs.job import Job
from effigie.studio.views.face_grid import FaceGrids
from effigie.studio.workspace import Workspace

VERB = ("faces", "review")


def describe_findings(
    workspace: Workspace, grids: FaceGrids, path: Path, reviews: Iterable[tuple[Job, dict[str, Any]]]
) -> dict[str, Any] | None:
    """Findings of the last review of a set: kind, sentence, rows as in :meth:`FaceGrids.describe`; None without one.

    Faces that were dropped since are left out; ``changed`` says whether the set is another than was reviewed.

    Args:
        reviews: jobs of :data:`VERB` that are done, and what they answered.

    Raises:
        FaceSetError: no face set, or damaged.
    """
    name = workspace.shorten(path)
    candidates = [(job, answer) for job, answer in reviews if job.arguments[2:3] == (name,) and "findings" in answer]
    if not candidates:
        return None
    job, answer = max(candidates, key=lambda one: one[0].ended or 0)
    findings = [
        {"kind": one["kind"], "why": one["why"], "drop": one["drop"], "rows": grids.find_rows(path, one["names"])}
        for one in answer["findings"]
    ]
    return {
        "ended": job.ended,
        "changed": (path / "faceset.json").stat().st_mtime > (job.started or 0),
        "revision": grids.describe(path)["revision"],
        "findings": [one for one in findings if one["rows"]],
        "advice": answer.get("advice", []),
    }
