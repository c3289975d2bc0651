"""The motions of a performance: which of those that a challenge may ask for were made, when, and how far.

Everything goes by changes within the clip, against how the person holds their face most of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from effigie.consent.witness import BLINK, LOOK_UP, OPEN_MOUTH, SMILE, TURN_LEFT, TURN_RIGHT
from effigie.granting.performance import Performance

BEGIN_EXTENT, SALIENT_EXTENT, END_EXTENT = 1.0, 1.5, 0.6
"""Shares of a motion's least extent: what is asked must reach the first; what was not asked and reaches the second
contradicts; a motion is over below the third."""
EXTENTS = {
    TURN_LEFT: 8.0,  # degrees from the usual yaw
    TURN_RIGHT: 8.0,
    LOOK_UP: 7.0,  # degrees from the usual pitch
    SMILE: 0.3,  # of the landmark network's smile, above the least that the clip shows
    OPEN_MOUTH: 0.28,  # of the mouth's width between the lips
    BLINK: 0.4,  # of the usual opening of the lids that is missing
}
MIN_BLINK_S, MAX_BLINK_S = 0.06, 0.9
MIN_GAP_S = 0.12  # between one asked motion's beginning and the next one's: no face makes two at once in turn
MIRROR_STEPS = {TURN_LEFT: TURN_RIGHT, TURN_RIGHT: TURN_LEFT}


@dataclass(frozen=True)
class Motion:
    """One motion.

    Attributes:
        kind: of :data:`~effigie.consent.witness.STEPS`.
        begin, peak, end: seconds of the clip.
        extent: of what :data:`EXTENTS` asks at least; 1 and more.
    """

    kind: str
    begin: float
    peak: float
    end: float
    extent: float


def find_motions(performance: Performance) -> list[Motion]:
    """Every motion that reaches the least extent, by when it begins.

    Args:
        performance: with the face in all of it; frames without one are not looked at.
    """
    visible = performance.has_face
    times = performance.times[visible]
    if len(times) < 2:
        return []
    yaw, pitch = performance.yaw[visible], performance.pitch[visible]
    lids = performance.lids[visible]
    usual_lids = float(np.median(lids))
    signals = {
        TURN_LEFT: yaw - np.median(yaw),
        TURN_RIGHT: np.median(yaw) - yaw,
        LOOK_UP: np.median(pitch) - pitch,
        SMILE: performance.smile[visible] - np.percentile(performance.smile[visible], 10),
        OPEN_MOUTH: performance.mouth[visible] - np.percentile(performance.mouth[visible], 10),
        BLINK: 1 - lids / max(usual_lids, 1e-6),
    }
    motions = []
    for kind, signal in signals.items():
        for motion in _find_peaks(kind, times, signal / EXTENTS[kind]):
            length = motion.end - motion.begin
            if kind != BLINK or MIN_BLINK_S <= length <= MAX_BLINK_S:
                motions.append(motion)
    return sorted(motions, key=lambda motion: (motion.begin, motion.kind))


def _find_peaks(kind: str, times: np.ndarray, share: np.ndarray) -> list[Motion]:
    """Stretches of (N,) shares of the least extent that reach it, from where they rise to where they end."""
    motions = []
    index, count = 0, len(share)
    while index < count:
        if share[index] < BEGIN_EXTENT:
            index += 1
            continue
        begin = index
        while begin > 0 and share[begin - 1] >= END_EXTENT:
            begin -= 1
        end = index
        while end + 1 < count and share[end + 1] >= END_EXTENT:
            end += 1
        peak = begin + int(np.argmax(share[begin : end + 1]))
        motions.append(Motion(kind, float(times[begin]), float(times[peak]), float(times[end]), float(share[peak])))
        index = end + 1
    return motions


def match_steps(steps: Sequence[str], motions: Sequence[Motion]) -> list[Motion] | None:
    """The motions that are the steps, each begun after the one before, or None.

    Nothing else that is salient may lie between them: a clip in which everything is done would answer any challenge.
    Blinks come by themselves, and whoever repeats a motion at once has still made it.
    """
    ordered = list(motions)

    def search(step: int, index: int, matches: tuple[Motion, ...]) -> tuple[Motion, ...] | None:
        if index == len(ordered):
            return matches if step == len(steps) else None
        motion = ordered[index]
        if step < len(steps) and motion.kind == steps[step]:
            is_apart = not matches or motion.begin - matches[-1].begin >= MIN_GAP_S
            if is_apart and (result := search(step + 1, index + 1, (*matches, motion))) is not None:
                return result
        repeated = bool(matches) and motion.kind == matches[-1].kind
        if motion.kind == BLINK or motion.extent < SALIENT_EXTENT or repeated:
            return search(step, index + 1, matches)
        return None

    result = search(0, 0, ())
    return None if result is None else list(result)


def mirror_steps(steps: Sequence[str]) -> tuple[str, ...]:
    """The steps as a camera that mirrors its recordings shows them."""
    return tuple(MIRROR_STEPS.get(step, step) for step in steps)
