"""Glasses of the source: left out of its frames, or in all of them; never in some and not in others.

A bank may hold frames with glasses and without, from several days' footage: each frame of the output would take what
its nearest one has. A head's glasses belong to the footage, so they are left out, but of a source who is never seen
without them: nobody knows what they hide, and that face without its glasses is like nobody's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from effigie.arrays import Image
from effigie.io.measurements import measure_once
from effigie.occlusion.eyewear import DARK_LENSES, Eyewear, find_eyewear
from effigie.occlusion.eyewear_removal import clear_lenses, find_reflections, remove_eyewear
from effigie.occlusion.predictor import VisibilityPredictor
from effigie.prior.frame_bank import FrameBank
from effigie.progress import format_count

SAMPLE = 16  # frames of the bank by which it is told whether the person wears glasses at all
STEP = 4  # frames: those between two that agree are like them, for a bank is in the order of its footage
CACHE_FRAMES = 64  # as many as the bank caches
# Centimetres of distance: frames that would have to be cleaned are taken where none like them is bare, frames without
# the glasses that are to be shown nowhere.
CLEANED_CM, UNLIKE_CM = 1.0, 100.0
ALWAYS = 0.9  # of the frames: glasses are missed in one of sixteen


@dataclass(frozen=True)
class SourceEyewear:
    """A bank with the source's glasses in all frames or in none.

    Attributes:
        notes: what was done, a line each.
        mode: as of :class:`effigie.ConvertSettings`, decided.
        is_shown: whether the source's glasses are seen in the result.
        find_hidden: index in the bank -> (S, S) bool, skin that wide rims hid; None where none were taken out.
    """

    bank: FrameBank
    notes: list[str]
    mode: str
    is_shown: bool = False
    find_hidden: Callable[[int], np.ndarray] | None = None


def choose_eyewear(
    bank: FrameBank, mode: str, predictor: VisibilityPredictor, is_footage_bare: Callable[[], bool]
) -> SourceEyewear:
    """Take the source's glasses out of its frames, or keep to frames that show them.

    Args:
        mode: of :class:`effigie.ConvertSettings`; ``source`` keeps what most frames show, ``target`` and ``none`` take
            glasses out.
        is_footage_bare: whether nobody in the footage wears any; asked where ``auto`` depends on it.
    """
    decided = "target" if mode == "auto" else mode

    @lru_cache(CACHE_FRAMES)
    def find(index: int) -> Eyewear:
        return find_eyewear(bank.read(index), bank.geometries[index].landmarks, predictor)

    count = len(bank.geometries)
    sample = np.unique(np.linspace(0, count - 1, min(SAMPLE, count)).round().astype(int)).tolist()

    def is_common() -> bool:
        return _is_common([find(index).is_worn for index in sample])

    # Half a second for sixteen frames: of a bank in a folder it is kept whether anything is worn at all.
    if not (is_common() if bank.digest is None else measure_once("eyewear", bank.digest, is_common, _is_answer)):
        return SourceEyewear(bank, [], decided)
    samples = [find(index) for index in sample]
    has_glasses = _find_glasses(lambda index: find(index).is_worn, count)
    extent = "" if has_glasses.all() else f" in {has_glasses.sum()} of {format_count(count, 'frame')}"
    is_dark = float(np.median([one.dark for one in samples if one.is_worn])) > DARK_LENSES
    notes = []
    if mode == "auto" and has_glasses.mean() >= ALWAYS and not is_dark and is_footage_bare():
        decided = "source"
        reason = "the source is never seen without glasses, and nobody in the footage wears any"
        notes = [f"{reason}: they stay (--eyewear target takes them out)"]
    if decided == "source":
        if has_glasses.all():
            return SourceEyewear(bank, notes, decided, is_shown=True)
        is_matching = has_glasses if has_glasses.mean() >= 0.5 else ~has_glasses
        treatment = "kept" if is_matching is has_glasses else "left out"
        return SourceEyewear(
            replace(bank, penalty=bank.penalty + UNLIKE_CM * ~is_matching),
            notes or [f"the source wears glasses{extent}: {treatment}, by choosing from the other frames only"],
            decided,
            is_shown=is_matching is has_glasses,
        )
    if is_dark:
        return SourceEyewear(bank, ["the source's eyes are hidden behind dark glasses, which therefore stay"], decided)
    cleaned = replace(
        bank,
        read=_clean(bank, find, has_glasses.tolist()),
        penalty=bank.penalty + CLEANED_CM * (has_glasses & ~has_glasses.all()),
    )

    def find_hidden(index: int) -> np.ndarray:
        return find(index).wide if has_glasses[index] else np.zeros(bank.read(index).shape[:2], bool)

    made_up = "what they hid is made up, brows under wide rims are the footage's"
    notes = [f"the source wears glasses{extent}: left out, {made_up} (--eyewear source keeps them)"]
    return SourceEyewear(cleaned, notes, decided, find_hidden=find_hidden)


def _is_answer(value: object) -> bool:
    return isinstance(value, bool)


def _is_common(has_glasses: list[bool]) -> bool:
    """Whether so many frames show glasses that it is no error: of few frames one in two, of many one in eight."""
    return sum(has_glasses) >= max(1, len(has_glasses) / (2 if len(has_glasses) < 8 else 8))


def _find_glasses(is_worn: Callable[[int], bool], count: int) -> np.ndarray:
    """(N,) bool: which frames show glasses; not all of them are looked at."""
    indices = sorted({*range(0, count, STEP), count - 1})
    has_glasses = np.zeros(count, bool)
    has_glasses[indices] = [is_worn(index) for index in indices]
    for first, last in itertools.pairwise(indices):
        middle = range(first + 1, last)
        has_glasses[first + 1 : last] = (
            has_glasses[first] if has_glasses[first] == has_glasses[last] else [is_worn(index) for index in middle]
        )
    return has_glasses


def _clean(bank: FrameBank, find: Callable[[int], Eyewear], has_glasses: list[bool]) -> Callable[[int], Image]:
    @lru_cache(CACHE_FRAMES)
    def read_clean(index: int) -> Image:
        picture = bank.read(index)
        if not has_glasses[index]:
            return picture
        eyewear = find(index)
        picture = clear_lenses(picture, eyewear)
        return remove_eyewear(picture, eyewear, find_reflections(picture, eyewear, bank.geometries[index].landmarks))

    return read_clean
