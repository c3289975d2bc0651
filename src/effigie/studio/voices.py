"""Voices of a workspace for the page: what they were learned from, whose they are, and what reviews found."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from effigie.consent.store import ConsentStore
from effigie.errors import EffigieError
from effigie.io.atomic_write import read_json
from effigie.studio.jobs.job import Job
from effigie.studio.workspace import Workspace

MAX_REVIEWS = 20


def describe_voice(path: Path) -> dict[str, Any] | None:
    """What a voice's folder says of it; None where there is no voice. What is damaged or half made has no ``learned``.

    As `effigie voice info`, which loads networks for it and so is not called here.
    """
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, OverflowError):
        config = read_json(path / "config.json")
        if config["kind"] != "voice":
            return None
        row = {"base": str(config["base"]), "f0_hz": round(math.exp(config["melody"]["mean"])), "learned": None}
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            manifest = read_json(path / "manifest.json")
            row |= {
                "learned": str(manifest["created"]),
                "consents": [str(one) for one in manifest["consents"]],
                "recordings": [str(one["name"]) for one in manifest["recordings"]],
                "steps": int(manifest["steps"]),
                "error": float(manifest["held_out"]["best"]),
                "missing": str(manifest["missing_phonemes"]),
            }
        return row
    return None


def describe_consents(workspace: Workspace, voice: Path, ids: Iterable[str]) -> list[dict[str, Any]]:
    """State of the records that a voice rests on; the gate asks them each time it speaks."""
    record_ids = set(ids)
    store = ConsentStore([*workspace.store.folders, voice / "consents"])
    rows = {one: {"id": one, "subject": "", "state": "missing"} for one in sorted(record_ids)}
    with contextlib.suppress(EffigieError, OSError):
        for stored in store.list():
            if (row := rows.get(stored.consent.id)) is not None:
                row |= {"subject": stored.consent.subject, "state": stored.state}
    return list(rows.values())


def list_reviews(workspace: Workspace, reviews: Iterable[tuple[Job, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Findings of review jobs, the newest first, with ids of what was reviewed.

    Args:
        reviews: jobs that are done, and what they answered.
    """
    rows: list[dict[str, Any]] = []
    for job, answer in reviews:
        files = [workspace.root / one for one in job.arguments[2:] if one != "--json"]
        if not answer or not all(path.exists() and workspace.handles.is_allowed(path) for path in files):
            continue
        if any(path.is_file() and path.stat().st_mtime > (job.started or 0) for path in files):
            continue  # replaced since
        rows.append(
            {"job": job.id, "ended": job.ended, "files": [*map(workspace.handles.issue, files)], "found": answer}
        )
    return sorted(rows, key=lambda one: -(one["ended"] or 0))[:MAX_REVIEWS]
