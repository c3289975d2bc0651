"""Liveness: whether a clip shows a person who did, in one go and before this camera, what they were asked to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.consent.witness import LOOK_UP, TURN_LEFT, TURN_RIGHT
from effigie.granting.continuity import measure_jumps
from effigie.granting.motions import Motion, find_motions, match_steps, mirror_steps
from effigie.granting.performance import Performance
from effigie.granting.relief import measure_relief

MIN_FACE_SHARE = 0.95  # of the frames show a face
MAX_SECOND_FACE_SHARE = 0.1  # of the frames may show somebody else as large, passing
MAX_JUMP = 4.0
MIN_RELIEF = 0.36
"""Of the turn that tells most. Of genuine answers the least was 0.71, of sheets turned and bent the most 0.32."""
MAX_TURN_FRAMES = 90  # points are followed over no more: of a slow turn the frames are thinned out
TURNS = (TURN_LEFT, TURN_RIGHT, LOOK_UP)


@dataclass(frozen=True)
class Liveness:
    """What was found, whether or not it is enough.

    Attributes:
        motions: every motion of the clip.
        step_motions: those that are the steps, or None.
        mirrored: whether they match when left and right are exchanged, as some cameras record.
        relief: of the turn that tells most; None if no turn could be measured.
        jump: the greatest, and `jump_time` when, s.
        face_share, second_face_share: of the frames.
        refusals: why it is not enough, a clause each; empty if it is.
    """

    motions: tuple[Motion, ...]
    step_motions: tuple[Motion, ...] | None
    mirrored: bool
    relief: float | None
    jump: float
    jump_time: float
    face_share: float
    second_face_share: float
    refusals: tuple[str, ...]


def judge_liveness(performance: Performance, steps: Sequence[str]) -> Liveness:
    """Judge a performance by the steps that were asked for."""
    motions = find_motions(performance)
    step_motions, mirrored = match_steps(steps, motions), False
    if step_motions is None:
        step_motions = match_steps(mirror_steps(steps), motions)
        mirrored = step_motions is not None
    jumps = measure_jumps(performance)
    worst = int(np.argmax(jumps))
    relief = _best_relief(performance, motions if step_motions is None else step_motions)
    face_share = float(performance.has_face.mean())
    refusals = []
    if performance.second_face_share > MAX_SECOND_FACE_SHARE:
        refusals.append("somebody else is seen as well: the person films themselves alone")
    if face_share < MIN_FACE_SHARE:
        refusals.append(f"the face is lost in {100 * (1 - face_share):.0f} % of the frames: stay before the camera")
    if jumps[worst] > MAX_JUMP:
        refusals.append(f"at {performance.times[worst]:.1f} s the picture jumps as where two clips were joined")
    if step_motions is None:
        actual_text, target_text = describe_motions(motions), ", ".join(steps)
        hint = ": two of them at once, not one after another" if actual_text == target_text else ""
        refusals.append(f"what is seen is {actual_text}, and asked for was {target_text}, in that order{hint}")
    if relief is None:
        refusals.append("no turn of the head could be measured: turn further, slowly, in good light")
    elif relief < MIN_RELIEF:
        refusals.append("what turns is flat or bent like a picture, and no head")
    return Liveness(
        tuple(motions),
        None if step_motions is None else tuple(step_motions),
        mirrored,
        relief,
        float(jumps[worst]),
        float(performance.times[worst]),
        face_share,
        performance.second_face_share,
        tuple(refusals),
    )


def describe_motions(motions: Sequence[Motion]) -> str:
    """The motions in order, in words."""
    return ", ".join(motion.kind for motion in motions) or "no motion"


def _best_relief(performance: Performance, motions: Sequence[Motion]) -> float | None:
    """The greatest relief of the turns among some motions."""
    reliefs = [_turn_relief(performance, motion) for motion in motions if motion.kind in TURNS]
    return max((one for one in reliefs if one is not None), default=None)


def _turn_relief(performance: Performance, motion: Motion) -> float | None:
    times = performance.times
    # Where a turn begins the head has turned by half already: a second before, it may still have faced the camera.
    angles = performance.pitch if motion.kind == LOOK_UP else performance.yaw
    peak = int(np.argmin(np.abs(times - motion.peak)))
    start_frames = np.flatnonzero((times >= motion.begin - 0.6) & (times <= motion.begin) & performance.has_face)
    if not len(start_frames):
        return None
    first = int(start_frames[np.argmin(np.abs(angles[start_frames] - np.nanmedian(angles)))])
    stride = max(1, (peak - first) // MAX_TURN_FRAMES)
    numbers = [*range(first, peak, stride), peak]
    views = [view for view in (performance.views[number] for number in numbers) if view is not None]
    return None if len(views) < 3 or len(views) < len(numbers) else measure_relief(views)
