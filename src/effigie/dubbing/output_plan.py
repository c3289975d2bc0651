"""What a dub's output will be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from effigie.dubbing.config import DubSettings
from effigie.media import OutputPlan
from effigie.provenance.output_plan import plan_signed_output


def plan_dub(clip: str | Path, output: str | Path, settings: DubSettings | None = None) -> OutputPlan:
    """Plan the output of :func:`effigie.dub`: the clip's pictures, times and subtitles, another sound.

    Raises:
        UsageError, MediaError, EffigieError: as :func:`effigie.provenance.plan_signed_output`.
    """
    settings = settings or DubSettings()
    plan = plan_signed_output(clip, output, settings.encode, settings.trust, max_frames=settings.max_frames)
    streams = tuple(stream for stream in plan.streams if stream.kind != "audio")
    overrides = len(plan.streams) > len(streams)
    notes = (*plan.notes, "the clip's own sound gives way to what is said") if overrides else plan.notes
    return replace(plan, streams=streams, notes=notes)
