"""Lids and lips that meet: where a source frame's are apart and are to be shut, no slit of what is behind them shows.

Landmarks of lids and inner lips lie on the wet edge. Warped until they meet, an open eye or mouth leaves a line of its
inside; so the frame's landmarks are moved onto skin by as much as they are to close.
"""

from __future__ import annotations

import numpy as np

from effigie.arrays import Landmarks
from effigie.faces.mesh import EYE_CORNERS, LID_PAIRS, LOWER_LIP, OPEN_LIDS, OUTER_LIPS, SHUT_LIDS, UPPER_LIP

# Of the mouth's width, and at most of the lips' thickness: how far inner lips are moved onto the lips.
LIP_REACH, MAX_LIP_REACH = 0.06, 0.4
PARTED_LIPS = 0.1  # of the mouth's width: lips so far apart show what is between them
LID_REACH = 0.05  # of the eye's width: how far lids are moved onto skin, over the lashes
UPPER_LID_SHARE = 0.75  # of a lid's way to the other; the lower lid hardly moves


def seal_openings(source: Landmarks, target: Landmarks) -> Landmarks:
    """The landmarks of a source frame for a warp to ``target``: on skin where lids and lips are to be nearer."""
    sealed = seal_lips(source, target)
    for (upper, lower), corners in zip(LID_PAIRS, EYE_CORNERS, strict=True):
        width, target_width = (_distance(points, *corners) for points in (source, target))
        closing = _measure_closing(source, target, upper, lower, width, target_width, OPEN_LIDS)
        # Lids that are shut in the frame show their own lashes; the wider open, the more of the eye would show.
        middle = np.linalg.norm(source[upper, :2] - source[lower, :2], axis=1).mean() / width
        reach = LID_REACH * width * closing * np.clip((middle - SHUT_LIDS) / (OPEN_LIDS - SHUT_LIDS), 0, 1)
        axis = (source[corners[1], :2] - source[corners[0], :2]) / width
        up = np.array([axis[1], -axis[0]])
        up *= np.sign((source[upper, :2] - source[lower, :2]).mean(0) @ up)
        sealed[upper, :2] += reach[:, None] * up
        sealed[lower, :2] -= (1 - UPPER_LID_SHARE) * reach[:, None] * up
    return sealed


def seal_lips(source: Landmarks, target: Landmarks) -> Landmarks:
    """As :func:`seal_openings`, of the mouth alone."""
    sealed = source.copy()
    width, target_width = (_distance(each, 61, 291) for each in (source, target))
    closing = _measure_closing(source, target, UPPER_LIP, LOWER_LIP, width, target_width, 0.02)
    closing *= np.clip(1 - _distance(target, 13, 14) / (PARTED_LIPS * target_width), 0, 1)
    for inner, outer in ((UPPER_LIP, OUTER_LIPS[1:10]), (LOWER_LIP, OUTER_LIPS[:10:-1])):
        skin = source[outer, :2] - source[inner, :2]
        thickness = np.maximum(np.linalg.norm(skin, axis=1), 1e-6)
        sealed[inner, :2] += skin * np.minimum(LIP_REACH * width * closing / thickness, MAX_LIP_REACH)[:, None]
    return sealed


def close_lids(target: Landmarks) -> Landmarks:
    """The landmarks with lids that nearly meet made to meet; open eyes stay as they are."""
    closed = target.copy()
    for (upper, lower), corners in zip(LID_PAIRS, EYE_CORNERS, strict=True):
        gap = np.linalg.norm(target[upper, :2] - target[lower, :2], axis=1).mean()
        ratio = gap / _distance(target, *corners)
        keep = np.clip((ratio - SHUT_LIDS) / (OPEN_LIDS - SHUT_LIDS) * OPEN_LIDS / max(ratio, 1e-6), 0, 1)
        slit = (1 - UPPER_LID_SHARE) * target[upper] + UPPER_LID_SHARE * target[lower]
        for edge in (upper, lower):
            closed[edge] = slit + keep * (target[edge] - slit)
    return closed


def _measure_closing(
    source: Landmarks,
    target: Landmarks,
    upper: np.ndarray,
    lower: np.ndarray,
    width: float,
    target_width: float,
    least: float,
) -> np.ndarray:
    """For each pair 0..1: how much nearer ``target`` wants the edges; of gaps below ``least`` widths less."""
    source_gap, target_gap = (
        np.linalg.norm(points[upper, :2] - points[lower, :2], axis=1) for points in (source, target)
    )
    return np.asarray(
        np.clip((source_gap - target_gap * (width / target_width)) / np.maximum(source_gap, least * width), 0, 1)
    )


def _distance(landmarks: Landmarks, first: int, second: int) -> float:
    return max(float(np.hypot(*(landmarks[first, :2] - landmarks[second, :2]))), 1e-6)
